package main

import "time"

// pandadoc is api.pandadoc.com: a form with the scope in it, tokens that live a year.
func pandadoc() *provider {
	return &provider{
		name:  "pandadoc",
		hosts: []string{"api.pandadoc.com"},
		apps: []app{{
			id: "pandadoc-sandbox-client", secret: "pandadoc-sandbox-secret",
			method: "client_secret_post", refreshToken: "pandadoc-sandbox-refresh-token",
		}},
		params: []string{"grant_type", "client_id", "client_secret", "refresh_token", "scope"},
		policy: policy{
			accessTTL: 31535999 * time.Second, rotate: true, scope: "read+write",
			accessToken:  func() string { return randomHex(20) },
			refreshToken: func() string { return randomHex(20) },
		},
		endpoint: func(_, path string) string {
			if path == "/oauth2/access_token" || path == "/oauth2/access_token/" { // the docs show both
				return endpointToken
			}
			return ""
		},
		check:        func(*call) *refusal { return nil },
		authenticate: byRegistration(rawEncoding),
		extra:        pandadocScope,
		success: func(c *call, i *issued) map[string]any {
			return map[string]any{
				"token_type": "Bearer", "expires_in": i.expiresIn, "scope": c.form.Get("scope"),
				"access_token": i.accessToken, "refresh_token": i.refreshToken,
			}
		},
		refused: oauthRefusal,
	}
}

// pandadocScope accepts the scope as the docs spell it, encoded once (read%2Bwrite), or as a raw form
// turns it (read write). Encoded twice it arrives as read%2Bwrite and is none.
func pandadocScope(c *call) *refusal {
	switch scope := c.form.Get("scope"); scope {
	case "read+write", "read write":
		return nil
	case "":
		return refuse("invalid_scope", "no scope: read+write is wanted")
	case "read%2Bwrite", "read%20write":
		return refuse("invalid_scope", "the scope is encoded twice")
	}
	return refuse("invalid_scope", "unknown scope: read+write is wanted")
}
