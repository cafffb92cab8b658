package dialect

import (
	"time"

	"vault-plugin-secrets-oauthrefresh/sandbox/oauth"
)

// pandadoc is api.pandadoc.com: a form with the scope in it, tokens that live a year.
func pandadoc() *oauth.Provider {
	return &oauth.Provider{
		Name:  "pandadoc",
		Hosts: []string{"api.pandadoc.com"},
		Apps: []oauth.App{{
			ID: "pandadoc-sandbox-client", Secret: "pandadoc-sandbox-secret",
			Method: "client_secret_post", RefreshToken: "pandadoc-sandbox-refresh-token",
		}},
		Params: []string{"grant_type", "client_id", "client_secret", "refresh_token", "scope"},
		Policy: oauth.Policy{
			AccessTTL: 31535999 * time.Second, Rotate: true, Scope: "read+write",
			AccessToken:  func() string { return randomHex(20) },
			RefreshToken: func() string { return randomHex(20) },
		},
		Endpoint: oauth.Paths(map[string]string{ // the docs show both
			"/oauth2/access_token": oauth.EndpointToken, "/oauth2/access_token/": oauth.EndpointToken,
		}),
		Check:        func(*oauth.Call) *oauth.Refusal { return nil },
		Authenticate: oauth.ByRegistration(oauth.RawEncoding),
		Extra:        pandadocScope,
		Success: func(c *oauth.Call, i *oauth.Issued) map[string]any {
			return map[string]any{
				"token_type": "Bearer", "expires_in": i.ExpiresIn, "scope": c.Form.Get("scope"),
				"access_token": i.AccessToken, "refresh_token": i.RefreshToken,
			}
		},
		Refused: oauth.OAuthRefusal,
	}
}

// pandadocScope accepts the scope as the docs spell it, encoded once (read%2Bwrite), or as a raw form
// turns it (read write). Encoded twice it arrives as read%2Bwrite and is none.
func pandadocScope(c *oauth.Call) *oauth.Refusal {
	switch scope := c.Form.Get("scope"); scope {
	case "read+write", "read write":
		return nil
	case "":
		return oauth.Refuse("invalid_scope", "no scope: read+write is wanted")
	case "read%2Bwrite", "read%20write":
		return oauth.Refuse("invalid_scope", "the scope is encoded twice")
	}
	return oauth.Refuse("invalid_scope", "unknown scope: read+write is wanted")
}
