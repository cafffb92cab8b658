package dialect

import (
	"time"

	"vault-plugin-secrets-oauthrefresh/sandbox/oauth"
)

// PandaDocConsentHost is where people are asked, and nothing else is.
const PandaDocConsentHost = "app.pandadoc.com"

// pandadoc is api.pandadoc.com: a form with the scope in it, tokens that live a year.
func pandadoc() *oauth.Provider {
	return &oauth.Provider{
		Name:  "pandadoc",
		Hosts: []string{"api.pandadoc.com", PandaDocConsentHost},
		Apps: []oauth.App{{
			ID: "pandadoc-sandbox-client", Secret: "pandadoc-sandbox-secret",
			Method: "client_secret_post", RefreshToken: "pandadoc-sandbox-refresh-token",
			RedirectURIs: loopbackRedirects("pandadoc"),
		}},
		Params: []string{"grant_type", "client_id", "client_secret", "refresh_token", "scope", "code", "redirect_uri", "code_verifier"},
		Policy: oauth.Policy{
			AccessTTL: 31535999 * time.Second, Rotate: true, Scope: "read+write",
			AccessToken:  func() string { return randomHex(20) },
			RefreshToken: func() string { return randomHex(20) },
		},
		Authorization: &oauth.Authorization{
			Params:     []string{"response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method"},
			Scopes:     []string{"read", "write"},
			NeedsScope: true,
			Code:       func() string { return randomHex(20) },
		},
		Endpoint:     pandadocEndpoint,
		Check:        func(*oauth.Call) *oauth.Refusal { return nil },
		Authenticate: oauth.ByRegistration(oauth.RawEncoding),
		Extra:        pandadocScope,
		Success: func(c *oauth.Call, i *oauth.Issued) map[string]any {
			body := map[string]any{
				"token_type": "Bearer", "expires_in": i.ExpiresIn, "scope": c.Form.Get("scope"),
				"access_token": i.AccessToken, "refresh_token": i.RefreshToken,
			}
			if c.Form.Get("grant_type") == oauth.GrantCode {
				body["scope"] = i.Scope
			}
			return body
		},
		Refused: oauth.OAuthRefusal,
	}
}

var pandadocPaths = oauth.Paths(map[string]string{
	"/oauth2/access_token": oauth.EndpointToken, "/oauth2/access_token/": oauth.EndpointToken, // the docs show both
	"/oauth2/authorize": oauth.EndpointAuthorize,
})

// pandadocEndpoint knows that people are asked on a host of its own.
func pandadocEndpoint(host, path string) string {
	endpoint := pandadocPaths(host, path)
	if asks := endpoint == oauth.EndpointAuthorize; host == PandaDocConsentHost && !asks || host == "api.pandadoc.com" && asks {
		return ""
	}
	return endpoint
}

// pandadocScope accepts the scope as the docs spell it, encoded once (read%2Bwrite), or as a raw form
// turns it (read write). Encoded twice it arrives as read%2Bwrite and is none.
func pandadocScope(c *oauth.Call) *oauth.Refusal {
	switch scope := c.Form.Get("scope"); scope {
	case "read+write", "read write":
		return nil
	case "":
		if c.Form.Get("grant_type") == oauth.GrantCode { // RFC 6749 section 4.1.3 has none there, the docs show it
			return nil
		}
		return oauth.Refuse("invalid_scope", "no scope: read+write is wanted")
	case "read%2Bwrite", "read%20write":
		return oauth.Refuse("invalid_scope", "the scope is encoded twice")
	}
	return oauth.Refuse("invalid_scope", "unknown scope: read+write is wanted")
}
