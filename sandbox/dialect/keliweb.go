package dialect

import (
	"time"

	"vault-plugin-secrets-oauthrefresh/sandbox/oauth"
)

// keliweb is apiv2.keliweb.it as its "Refreshing Tokens" page describes it. Client ids, secrets and tokens
// there have the looks of Laravel Passport, so refusals are in Passport's words: a replay is a 401.
func keliweb() *oauth.Provider {
	return &oauth.Provider{
		Name:  "keliweb",
		Hosts: []string{"apiv2.keliweb.it"},
		Apps: []oauth.App{{
			ID: "5d1f0c3e-8a4b-4c6d-9e2f-7b1a3c5d8e90", Secret: "KeliwebSandboxSecret0123456789abcdefghij",
			Method: "client_secret_post", RefreshToken: "def50200-keliweb-sandbox-refresh-token",
		}},
		Params:    []string{"grant_type", "client_id", "client_secret", "refresh_token"},
		Multipart: true,
		Policy: oauth.Policy{
			AccessTTL: time.Hour, RefreshTTL: 10 * 24 * time.Hour,
			Rotate: true, KillsAccess: true,
			AccessToken:  func() string { return jwtShaped(300) },
			RefreshToken: func() string { return "def50200" + randomHex(320) },
		},
		Endpoint:     oauth.Paths(map[string]string{"/oauth/token": oauth.EndpointToken}),
		Check:        keliwebHeaders,
		Authenticate: oauth.ByRegistration(oauth.RawEncoding),
		Success: func(_ *oauth.Call, i *oauth.Issued) map[string]any {
			return map[string]any{
				"token_type": "Bearer", "expires_in": i.ExpiresIn,
				"access_token": i.AccessToken, "refresh_token": i.RefreshToken,
			}
		},
		Refused: passportRefusal,
	}
}

func keliwebHeaders(c *oauth.Call) *oauth.Refusal {
	if c.Req.Header.Get("X-Requested-With") != "XMLHttpRequest" {
		return oauth.Refuse(oauth.BadHeader, "X-Requested-With: XMLHttpRequest is missing")
	}
	return nil
}

// passportRefusal is the body that league/oauth2-server gives to Passport: error and error_description, a
// message that repeats the description, and a hint. A bad refresh token is a 401 with "invalid_request".
func passportRefusal(_ *oauth.Call, r *oauth.Refusal) oauth.Reply {
	code, status, message := r.OAuthCode(), r.Status(), "The request is missing a required parameter, includes an invalid parameter value, includes a parameter more than once, or is otherwise malformed."
	hint := r.Why
	switch r.Code {
	case "invalid_grant":
		code, status, message = "invalid_request", 401, "The refresh token is invalid."
		if r.Replay {
			hint = "Token has been revoked"
		}
	case "invalid_client":
		message, hint = "Client authentication failed", ""
	case "unsupported_grant_type":
		message, hint = "The authorization grant type is not supported by the authorization server.", "Check that all required parameters have been provided"
	}
	body := map[string]any{"error": code, "error_description": message, "message": message}
	if hint != "" {
		body["hint"] = hint
	}
	return oauth.Reply{Status: status, Body: oauth.Encode(body)}
}
