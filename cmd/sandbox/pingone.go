package main

import (
	"net/http"
	"strings"
	"time"
)

// The one PingOne environment there is, and its custom domain.
const (
	pingoneEnvironment  = "7c1e6f2a-3b54-4d8e-9a10-5f6b7c8d9e01"
	pingoneCustomDomain = "auth.example-custom.test"
)

// pingone is auth.pingone.<region>. Three applications, one per token endpoint authentication method that
// an application there can be set to; the Basic secret holds characters that must be form-encoded first.
func pingone() *provider {
	return &provider{
		name: "pingone",
		hosts: []string{
			"auth.pingone.com", "auth.pingone.eu", "auth.pingone.ca", "auth.pingone.com.au",
			"auth.pingone.sg", "auth.pingone.asia", pingoneCustomDomain,
		},
		apps: []app{
			{id: "b1d6f0a2-0001-4c3d-8e5f-1a2b3c4d5e6f", secret: "pingone~basic+secret:100%", method: "client_secret_basic", refreshToken: "pingone-basic-sandbox-refresh-token"},
			{id: "b1d6f0a2-0002-4c3d-8e5f-1a2b3c4d5e6f", secret: "pingone~post+secret:100%", method: "client_secret_post", refreshToken: "pingone-post-sandbox-refresh-token"},
			{id: "b1d6f0a2-0003-4c3d-8e5f-1a2b3c4d5e6f", method: "none", refreshToken: "pingone-none-sandbox-refresh-token"},
		},
		params:            []string{"grant_type", "client_id", "client_secret", "refresh_token", "scope"},
		clientCredentials: true,
		policy: policy{
			accessTTL: time.Hour, refreshTTL: 30 * 24 * time.Hour,
			rotate: true, replayKills: true, scope: "openid",
			accessToken:  func() string { return jwtShaped(200) },
			refreshToken: func() string { return jwtShaped(150) },
		},
		endpoint:     pingoneEndpoint,
		check:        func(*call) *refusal { return nil },
		authenticate: byRegistration(rfc6749Encoding),
		success: func(c *call, i *issued) map[string]any {
			body := map[string]any{
				"access_token": i.accessToken, "token_type": "Bearer", "expires_in": i.expiresIn, "scope": "openid",
			}
			if i.refreshToken != "" {
				body["refresh_token"], body["id_token"] = i.refreshToken, jwtShaped(100)
			}
			return body
		},
		refused: oauthRefusal,
		header:  func() http.Header { return http.Header{"Correlation-Id": {uuid()}} },
	}
}

// pingoneEndpoint knows that the environment id is in the path, except behind a custom domain.
func pingoneEndpoint(host, path string) string {
	if host != pingoneCustomDomain {
		rest, ok := strings.CutPrefix(path, "/"+pingoneEnvironment)
		if !ok {
			return ""
		}
		path = rest
	}
	return paths("/as/token", "/as/revoke", "/as/introspect")(host, path)
}
