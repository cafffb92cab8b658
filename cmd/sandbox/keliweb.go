package main

import (
	"time"
)

// keliweb is apiv2.keliweb.it as its "Refreshing Tokens" page describes it. Client ids, secrets and tokens
// there have the looks of Laravel Passport, so refusals are in Passport's words: a replay is a 401.
func keliweb() *provider {
	return &provider{
		name:  "keliweb",
		hosts: []string{"apiv2.keliweb.it"},
		apps: []app{{
			id: "5d1f0c3e-8a4b-4c6d-9e2f-7b1a3c5d8e90", secret: "KeliwebSandboxSecret0123456789abcdefghij",
			method: "client_secret_post", refreshToken: "def50200-keliweb-sandbox-refresh-token",
		}},
		params:    []string{"grant_type", "client_id", "client_secret", "refresh_token"},
		multipart: true,
		policy: policy{
			accessTTL: time.Hour, refreshTTL: 10 * 24 * time.Hour,
			rotate: true, killsAccess: true,
			accessToken:  func() string { return jwtShaped(300) },
			refreshToken: func() string { return "def50200" + randomHex(320) },
		},
		endpoint:     paths("/oauth/token", "", ""),
		check:        keliwebHeaders,
		authenticate: byRegistration(rawEncoding),
		success: func(_ *call, i *issued) map[string]any {
			return map[string]any{
				"token_type": "Bearer", "expires_in": i.expiresIn,
				"access_token": i.accessToken, "refresh_token": i.refreshToken,
			}
		},
		refused: passportRefusal,
	}
}

func keliwebHeaders(c *call) *refusal {
	if c.req.Header.Get("X-Requested-With") != "XMLHttpRequest" {
		return refuse(badHeader, "X-Requested-With: XMLHttpRequest is missing")
	}
	return nil
}

// passportRefusal is the body that league/oauth2-server gives to Passport: error and error_description, a
// message that repeats the description, and a hint. A bad refresh token is a 401 with "invalid_request".
func passportRefusal(_ *call, r *refusal) reply {
	code, status, message := r.oauthCode(), r.status(), "The request is missing a required parameter, includes an invalid parameter value, includes a parameter more than once, or is otherwise malformed."
	hint := r.why
	switch r.code {
	case "invalid_grant":
		code, status, message = "invalid_request", 401, "The refresh token is invalid."
		if r.replay {
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
	return reply{status: status, body: encode(body)}
}
