package dialect

import (
	"strings"

	"vault-plugin-secrets-oauthrefresh/sandbox/oauth"
)

var pingoneScopes = []string{"openid", "profile", "email", "address", "phone", "offline_access"}

// pingoneBase is the environment's address, by whatever name it is asked.
func pingoneBase(c *oauth.Call) string {
	environment, _, _ := strings.Cut(strings.TrimSuffix(c.Req.URL.Path, "/device"), "/as/")
	return "https://" + c.Req.Host + environment
}

func pingoneIssuer(c *oauth.Call) string { return pingoneBase(c) + "/as" }

// pingoneMetadata are those of OpenID Connect Discovery section 3, below the issuer as everything else there.
func pingoneMetadata(c *oauth.Call) map[string]any {
	issuer := pingoneIssuer(c)
	return map[string]any{
		"issuer": issuer, "authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token",
		"pushed_authorization_request_endpoint": issuer + "/par",
		"device_authorization_endpoint":         issuer + "/device_authorization",
		"revocation_endpoint":                   issuer + "/revoke", "introspection_endpoint": issuer + "/introspect",
		"jwks_uri":                              issuer + "/jwks",
		"grant_types_supported":                 []string{oauth.GrantCode, "refresh_token", "client_credentials", oauth.GrantDevice},
		"response_types_supported":              []string{"code"},
		"response_modes_supported":              []string{"query", "form_post"},
		"scopes_supported":                      pingoneScopes,
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"code_challenge_methods_supported":      []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post", "none"},

		"authorization_response_iss_parameter_supported": true,
	}
}
