package dialect

import (
	"net/http"
	"strings"
	"time"

	"vault-plugin-secrets-oauthrefresh/sandbox/oauth"
)

// The one PingOne environment there is, and its custom domain.
const (
	PingOneEnvironment = "7c1e6f2a-3b54-4d8e-9a10-5f6b7c8d9e01"
	PingOneDomain      = "auth.example-custom.test"
)

// pingone is auth.pingone.<region>. Three applications, one per token endpoint authentication method that
// an application there can be set to; the Basic secret holds characters that must be form-encoded first.
func pingone() *oauth.Provider {
	return &oauth.Provider{
		Name: "pingone",
		Hosts: []string{
			"auth.pingone.com", "auth.pingone.eu", "auth.pingone.ca", "auth.pingone.com.au",
			"auth.pingone.sg", "auth.pingone.asia", PingOneDomain,
		},
		Apps: []oauth.App{
			{ID: "b1d6f0a2-0001-4c3d-8e5f-1a2b3c4d5e6f", Secret: "pingone~basic+secret:100%", Method: "client_secret_basic", RefreshToken: "pingone-basic-sandbox-refresh-token", RedirectURIs: loopbackRedirects("pingone")},
			{ID: "b1d6f0a2-0002-4c3d-8e5f-1a2b3c4d5e6f", Secret: "pingone~post+secret:100%", Method: "client_secret_post", RefreshToken: "pingone-post-sandbox-refresh-token", RedirectURIs: loopbackRedirects("pingone")},
			{ID: "b1d6f0a2-0003-4c3d-8e5f-1a2b3c4d5e6f", Method: "none", RefreshToken: "pingone-none-sandbox-refresh-token", RedirectURIs: loopbackRedirects("pingone")},
		},
		Params:            []string{"grant_type", "client_id", "client_secret", "refresh_token", "scope", "code", "redirect_uri", "code_verifier", "device_code"},
		ClientCredentials: true,
		Policy: oauth.Policy{
			AccessTTL: time.Hour, RefreshTTL: 30 * 24 * time.Hour,
			Rotate: true, ReplayKills: true, Scope: "openid",
			AccessToken:  func() string { return jwtShaped(200) },
			RefreshToken: func() string { return jwtShaped(150) },
		},
		Authorization: &oauth.Authorization{
			Params: []string{
				"response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "prompt", "response_mode", "request_uri",
				"code_challenge", "code_challenge_method", "max_age", "login_hint", "acr_values",
			},
			Scopes: pingoneScopes, NeedsScope: true,
			Offline: []string{"offline_access"}, NeedsPKCE: true, FormPost: true,
			Issuer: pingoneIssuer, NamesIssuer: true,
			Verification: func(c *oauth.Call) string { return pingoneBase(c) + "/device" },
			Code:         uuid,
		},
		Metadata:     pingoneMetadata,
		Endpoint:     pingoneEndpoint,
		Check:        func(*oauth.Call) *oauth.Refusal { return nil },
		Authenticate: oauth.ByRegistration(oauth.RFC6749Encoding),
		Extra:        pingoneExtra,
		Success:      pingoneSuccess,
		Refused:      oauth.OAuthRefusal,
		Header:       func() http.Header { return http.Header{"Correlation-Id": {uuid()}} },
	}
}

var pingonePaths = oauth.Paths(map[string]string{
	"/as/token": oauth.EndpointToken, "/as/revoke": oauth.EndpointRevoke, "/as/introspect": oauth.EndpointIntrospect,
	"/as/authorize": oauth.EndpointAuthorize, "/as/par": oauth.EndpointPushed, "/as/jwks": oauth.EndpointKeys,
	"/as/device_authorization": oauth.EndpointDevice, "/device": oauth.EndpointVerify,
	"/as/.well-known/openid-configuration": oauth.EndpointMetadata,
})

// pingoneEndpoint knows that the environment id is in the path, except behind a custom domain.
func pingoneEndpoint(host, path string) string {
	if host != PingOneDomain {
		rest, ok := strings.CutPrefix(path, "/"+PingOneEnvironment)
		if !ok {
			return ""
		}
		path = rest
	}
	return pingonePaths(host, path)
}

// pingoneExtra refuses a scope where the person has agreed to one already.
func pingoneExtra(c *oauth.Call) *oauth.Refusal {
	switch c.Form.Get("grant_type") {
	case oauth.GrantCode, oauth.GrantDevice:
		if c.Form.Has("scope") {
			return oauth.Refuse("invalid_request", "a scope has no place in this grant")
		}
	}
	return nil
}

func pingoneSuccess(_ *oauth.Call, i *oauth.Issued) map[string]any {
	body := map[string]any{
		"access_token": i.AccessToken, "token_type": "Bearer", "expires_in": i.ExpiresIn, "scope": "openid",
	}
	if i.RefreshToken != "" {
		body["refresh_token"], body["id_token"] = i.RefreshToken, jwtShaped(100)
	}
	if i.User == nil {
		return body
	}
	body["scope"] = i.Scope
	if delete(body, "id_token"); i.IDToken != "" {
		body["id_token"] = i.IDToken
	}
	return body
}
