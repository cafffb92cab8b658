package client

import "net/http"

// codeReasons are the sentences for codes that have a cause of their own.
var codeReasons = map[string]string{
	"invalid_client_id":      "the {endpoint} does not know the client: check client_id",
	"bad_client_secret":      "the {endpoint} refused the client secret: check client_secret",
	"unauthorized_client":    "the {endpoint} does not allow this client this grant_type: check the application's settings at the provider",
	"unsupported_grant_type": "the {endpoint} does not offer this grant_type: check grant_type and request_format",
	"invalid_scope":          "the {endpoint} refused the scope: check scope, and on a refresh the provider's send_scope",
	"invalid_request":        "the {endpoint} found the request malformed: check request_format, token_endpoint_auth_method, token_params and token_headers",
	"invalid_dpop_proof":     "the {endpoint} wants DPoP (RFC 9449), which is not supported: switch it off for this application at the provider",
	"use_dpop_nonce":         "the {endpoint} wants DPoP (RFC 9449), which is not supported: switch it off for this application at the provider",
	"interaction_required":   "the provider wants a person to act before it issues tokens: sign in there, or authorize again",
	"login_required":         "the provider wants a person to act before it issues tokens: sign in there, or authorize again",
	"consent_required":       "the provider wants a person to act before it issues tokens: sign in there, or authorize again",
	"unsupported_token_type": "the revocation endpoint does not revoke this kind of token",
}

// statusReasons are the sentences for answers without a known code.
var statusReasons = map[int]string{
	http.StatusForbidden:            "the request was forbidden, without an OAuth error code: check the provider's IP allow list, and whether a firewall or proxy answers in the provider's place",
	http.StatusNotFound:             "there is no {endpoint} at this URL: check {field} and provider_params",
	http.StatusMethodNotAllowed:     "there is no {endpoint} at this URL: check {field} and provider_params",
	http.StatusUnsupportedMediaType: "the {endpoint} does not take this request_format: check request_format",
	http.StatusTooManyRequests:      "the {endpoint} is limiting the rate of requests",
	http.StatusServiceUnavailable:   "the {endpoint} is temporarily unavailable",
}

// tooEarlyReason is the sentence for a server that refreshes a token only when that is about to end.
const tooEarlyReason = "the {endpoint} does not replace a token yet that is still good: it is asked again until the token's end; " +
	"if it says how long before the end it does, write that as refresh_window"

// reason is the sentence for an answer: by its code, else by its status, else by its class.
func reason(class Class, code string, status int) string {
	if status >= 300 && status < 400 {
		return "the {endpoint} answered with a redirect, which is never followed because the request holds secrets: write the address it moved to into {field}"
	}
	if sentence, ok := codeReasons[code]; ok && class == ClientRefused {
		return sentence
	}
	if code == "invalid_grant" && class == NotProcessed {
		return "the {endpoint} is limiting the rate of requests, and says so as if the refresh token were refused"
	}
	if sentence, ok := statusReasons[status]; ok && code == "" && class == NotProcessed {
		return sentence
	}
	switch class {
	case GrantRefused:
		return "the {endpoint} refused the refresh token as expired, revoked, spent or issued to another client"
	case ClientRefused:
		return "the {endpoint} refused the client or the request: check the credentials and the provider's settings"
	case NotProcessed:
		if status < 300 || code == "" && status < 500 {
			return "the {endpoint} refused the request without an OAuth error code"
		}
		return "the {endpoint} is temporarily unavailable or limits the rate of requests"
	}
	if status == http.StatusServiceUnavailable {
		return "the {endpoint} is unavailable, or a gateway in front of it has lost its answer"
	}
	if status < 300 {
		return noAccessToken
	}
	return "the {endpoint} failed while it processed the request"
}
