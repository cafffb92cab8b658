package dialect

import (
	"crypto/x509"
	"time"

	"vault-plugin-secrets-oauthrefresh/sandbox/oauth"
)

// GenericMTLSHost is where the generic server's mTLS endpoint aliases are (RFC 8705 section 5). There, a client
// whose certificate is none of the registered ones fails in the TLS handshake.
const GenericMTLSHost = "mtls.generic.example"

// GenericKeyID is the kid under which the generic server knows its clients' key.
const GenericKeyID = "generic-key-1"

// generic is a server that follows RFC 6749 to the letter and rotates with reuse detection (RFC 9700
// section 4.14.2). It is there for providers that an operator writes, with an application for each way to
// authenticate.
func generic(registered Clients) *oauth.Provider {
	return &oauth.Provider{
		Name:      "generic",
		Hosts:     []string{GenericMTLSHost},
		Handshake: oauth.HandshakeRegistered,
		Apps: []oauth.App{
			{ID: "generic client", Secret: "generic+secret:100%", Method: "client_secret_basic", RefreshToken: "generic-sandbox-refresh-token"},
			{ID: "generic-mtls", Certificate: &x509.Certificate{Subject: registered.Subject}, Method: "tls_client_auth", RefreshToken: "generic-mtls-sandbox-refresh-token"},
			{ID: "generic-self-signed", Certificate: registered.Certificate, Method: "self_signed_tls_client_auth", RefreshToken: "generic-self-signed-sandbox-refresh-token"},
			{ID: "generic-jwt", Key: registered.Key, Alg: "ES256", KeyID: GenericKeyID, Method: "private_key_jwt", RefreshToken: "generic-jwt-sandbox-refresh-token"},
			{ID: "generic-secret-jwt", Secret: "generic-secret-of-forty-bytes-for-HS256!", Alg: "HS256", Method: "client_secret_jwt", RefreshToken: "generic-secret-jwt-sandbox-refresh-token"},
			{ID: "service@generic.example", Key: registered.Key, Alg: "ES256", KeyID: GenericKeyID, Subject: "somebody@generic.example", Method: oauth.GrantJWTBearer},
		},
		Params: []string{
			"grant_type", "client_id", "client_secret", "refresh_token", "scope", "client_assertion", "client_assertion_type", "assertion",
		},
		Roots:             registered.Roots,
		TokenPath:         "/generic/token",
		ClientCredentials: true,
		Policy: oauth.Policy{
			AccessTTL: 10 * time.Minute, RefreshTTL: 24 * time.Hour,
			Rotate: true, ReplayKills: true, Scope: "api",
			AccessToken:  func() string { return randomText(32) },
			RefreshToken: func() string { return randomText(32) },
		},
		Endpoint: oauth.Paths(map[string]string{
			oauth.MetadataPath: oauth.EndpointMetadata, "/token": oauth.EndpointToken, "/revoke": oauth.EndpointRevoke, "/introspect": oauth.EndpointIntrospect,
		}),
		Check: func(*oauth.Call) *oauth.Refusal { return nil },
		Authenticate: func(c *oauth.Call) (*oauth.App, *oauth.Refusal) {
			if c.Endpoint == oauth.EndpointToken && c.Form.Get("grant_type") == oauth.GrantJWTBearer {
				return c.JWTBearer()
			}
			if c.Form.Has("assertion") {
				return nil, oauth.Refuse("invalid_request", "an assertion has no place in this grant")
			}
			return oauth.ByRegistration(oauth.RFC6749Encoding)(c)
		},
		Extra: func(c *oauth.Call) *oauth.Refusal {
			if scope := c.Form.Get("scope"); scope != "" && scope != "api" {
				return oauth.Refuse("invalid_scope", "the only scope here is: api")
			}
			return nil
		},
		Success: func(_ *oauth.Call, i *oauth.Issued) map[string]any {
			body := map[string]any{
				"access_token": i.AccessToken, "token_type": "Bearer", "expires_in": i.ExpiresIn, "scope": "api",
			}
			if i.RefreshToken != "" {
				body["refresh_token"] = i.RefreshToken
			}
			return body
		},
		Refused:  oauth.OAuthRefusal,
		Metadata: genericMetadata,
	}
}

func genericMetadata(c *oauth.Call) map[string]any {
	issuer := "https://" + c.Req.Host + "/" + c.Name
	return map[string]any{
		"issuer": issuer, "token_endpoint": issuer + "/token",
		"revocation_endpoint": issuer + "/revoke", "introspection_endpoint": issuer + "/introspect",
		"grant_types_supported":                 []string{"refresh_token", "client_credentials"},
		"scopes_supported":                      []string{"api"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "tls_client_auth"},
	}
}
