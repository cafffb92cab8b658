package main

import "time"

// generic is a server that follows RFC 6749 to the letter and rotates with reuse detection (RFC 9700
// section 4.14.2). It has no host name of its own: it is there for providers that an operator writes.
func generic() *provider {
	return &provider{
		name: "generic",
		apps: []app{
			{id: "generic client", secret: "generic+secret:100%", method: "client_secret_basic", refreshToken: "generic-sandbox-refresh-token"},
			{id: "generic-mtls", secret: clientName, method: "tls_client_auth", refreshToken: "generic-mtls-sandbox-refresh-token"},
		},
		params:            []string{"grant_type", "client_id", "client_secret", "refresh_token", "scope"},
		clientCredentials: true,
		policy: policy{
			accessTTL: 10 * time.Minute, refreshTTL: 24 * time.Hour,
			rotate: true, replayKills: true, scope: "api",
			accessToken:  func() string { return randomText(32) },
			refreshToken: func() string { return randomText(32) },
		},
		endpoint:     paths("/token", "/revoke", "/introspect"),
		check:        func(*call) *refusal { return nil },
		authenticate: registered(rfc6749Encoding),
		extra: func(c *call) *refusal {
			if scope := c.form.Get("scope"); scope != "" && scope != "api" {
				return refuse("invalid_scope", "the only scope here is: api")
			}
			return nil
		},
		success: func(_ *call, i *issued) map[string]any {
			body := map[string]any{
				"access_token": i.accessToken, "token_type": "Bearer", "expires_in": i.expiresIn, "scope": "api",
			}
			if i.refreshToken != "" {
				body["refresh_token"] = i.refreshToken
			}
			return body
		},
		refused:  oauthRefusal,
		metadata: genericMetadata,
	}
}

func genericMetadata(issuer string) map[string]any {
	return map[string]any{
		"issuer": issuer, "token_endpoint": issuer + "/token",
		"revocation_endpoint": issuer + "/revoke", "introspection_endpoint": issuer + "/introspect",
		"grant_types_supported":                 []string{"refresh_token", "client_credentials"},
		"scopes_supported":                      []string{"api"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "tls_client_auth"},
	}
}
