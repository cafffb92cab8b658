package client

import (
	"net/http"
	"slices"
	"time"
)

// idTokenPointer is where an ID token is in an answer (OpenID Connect Core section 3.1.3.3).
const idTokenPointer = "/id_token"

// spends tells whether a token request holds what a server may take only once, so that an answer that is lost may have
// been the only one.
func (r *Request) spends() bool {
	return r.GrantType == GrantRefreshToken || r.GrantType == GrantAuthorizationCode || r.GrantType == GrantDeviceCode
}

// presented is what a token request asks with, for sentences.
func (r *Request) presented() string {
	switch r.GrantType {
	case GrantAuthorizationCode:
		return "authorization code"
	case GrantDeviceCode:
		return "device code"
	}
	return "refresh token"
}

// codeParams are those of a request that exchanges a code: of an authorization (RFC 6749 section 4.1.3, RFC 7636
// section 4.5) or of a device (RFC 8628 section 3.4). There is no scope among them, it was asked for before.
func (r *Request) codeParams() []param {
	if r.GrantType == GrantDeviceCode {
		return []param{{"device_code", r.Code.Reveal()}}
	}
	params := []param{{"code", r.Code.Reveal()}}
	if r.RedirectURI != "" {
		params = append(params, param{"redirect_uri", r.RedirectURI})
	}
	if r.CodeVerifier.IsSet() {
		params = append(params, param{"code_verifier", r.CodeVerifier.Reveal()})
	}
	return params
}

// refusedCodes are the words for invalid_grant that only the exchange of a code knows: GitHub's (with status 200),
// and Slack's.
var refusedCodes = []string{"bad_verification_code", "invalid_code", "code_already_used"}

// deviceCodes are what a server says while a device code is polled for (RFC 8628 section 3.5), and what it means.
// Whatever the status is: GitHub's is 200, Google's 428, and access_denied elsewhere is about the client.
var deviceCodes = map[string]struct {
	class Class
	code  string
}{
	codePending:              {NotProcessed, codePending},
	codeSlowDown:             {NotProcessed, codeSlowDown},
	"access_denied":          {GrantRefused, "access_denied"},
	"authorization_declined": {GrantRefused, "access_denied"}, // Microsoft
	"expired_token":          {GrantRefused, "expired_token"},
	"code_expired":           {GrantRefused, "expired_token"}, // Microsoft
	"incorrect_device_code":  {GrantRefused, "invalid_grant"}, // GitHub
	"bad_verification_code":  {GrantRefused, "invalid_grant"}, // Microsoft
}

const (
	codePending  = "authorization_pending"
	codeSlowDown = "slow_down"
)

// ofCode classifies what only the exchange of a code knows.
func (r *Request) ofCode(status int, found errorsFound) (class Class, code string, ok bool) {
	if status/100 == 3 || status == http.StatusTooManyRequests && r.GrantType != GrantDeviceCode {
		return "", "", false // from something in front of the server
	}
	for _, said := range found.codes {
		meant, known := deviceCodes[said]
		switch {
		case r.GrantType == GrantDeviceCode && known:
			return meant.class, meant.code, true
		case r.GrantType == GrantAuthorizationCode && slices.Contains(refusedCodes, said):
			return GrantRefused, said, true
		}
	}
	return "", "", false
}

// codeReason is the sentence for a code that could not be exchanged, "" where it is none of its own.
func (r *Request) codeReason(e *Error) string {
	switch r.GrantType {
	case GrantAuthorizationCode:
		return authorizationCodeReason(e)
	case GrantDeviceCode:
		return deviceCodeReason(e)
	}
	return ""
}

func authorizationCodeReason(e *Error) string {
	switch {
	case e.Class == GrantRefused:
		return "the {endpoint} refused the authorization code: it has expired, was used before, or was got with another client_id, redirect_uri or code_verifier; begin again"
	case e.Class == ClientRefused && e.Code == "redirect_uri_mismatch":
		return "the {endpoint} refused the redirect_uri: write the one that was used into the application's settings at the provider, and begin again"
	case e.Class == ClientRefused && e.Code == "invalid_request":
		return "the {endpoint} found the request malformed: check redirect_uri, pkce, request_format, token_endpoint_auth_method, token_params and token_headers"
	case e.Code == "invalid_grant":
		return "the {endpoint} is limiting the rate of requests, and says so as if the authorization code were refused"
	}
	return ""
}

func deviceCodeReason(e *Error) string {
	switch e.Code {
	case codePending:
		return "nobody has agreed yet: open the verification_uri and enter the user_code"
	case codeSlowDown:
		return "nobody has agreed yet, and the {endpoint} wants to be asked less often"
	case "expired_token":
		return "nobody has agreed before the device code expired; begin again"
	case "access_denied":
		return "whoever opened the verification_uri did not agree, or may not; begin again"
	}
	if e.Class == GrantRefused {
		return "the {endpoint} refused the device code: it has expired, was used before, or belongs to another client; begin again"
	}
	return ""
}

// Pending tells of an answer to a device code (RFC 8628 section 3.5) that nobody has agreed yet: the same code is to be
// sent again, no sooner than the interval allows. So it is with SlowDown.
func (e *Error) Pending() bool { return e.Code == codePending && e.Class == NotProcessed }

// maxInterval bounds how long a server can make a device code wait from one look to the next.
const maxInterval = 10 * time.Minute

// SlowDown tells of an answer to a device code that the interval is too short, for good: it is the one that is returned
// from now on, as GitHub says it, or five seconds longer than before where that is 0 (RFC 8628 section 3.5).
func (e *Error) SlowDown() (yes bool, interval time.Duration) {
	if e.Code != codeSlowDown || e.Class != NotProcessed {
		return false, 0
	}
	return true, min(e.interval, maxInterval)
}
