package enginetest

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// EveryProviderField is a definition that sets them all, and not to their defaults.
var EveryProviderField = Fields{
	"issuer":                           "https://acme.example.com/tenant",
	"mtls_endpoint_aliases":            Fields{"token_endpoint": "https://mtls.{tenant}.example.com/token"},
	"api_requires_certificate":         true,
	"token_endpoint":                   "https://{tenant}.example.com/oauth2/token",
	"revocation_endpoint":              "https://{tenant}.example.com/revoke",
	"introspection_endpoint":           "https://{tenant}.example.com/introspect",
	"token_endpoint_auth_method":       "client_secret_post",
	"token_endpoint_auth_signing_alg":  "PS256",
	"assertion_audience":               "issuer",
	"assertion_claims":                 Fields{"tenant": "acme"},
	"assertion_scope_claim":            true,
	"assertion_type":                   "client-authentication+jwt",
	"assertion_certificate_headers":    []string{"x5t", "x5c"},
	"revocation_assertion_audience":    "revocation_endpoint",
	"send_client_id":                   true,
	"client_secret_optional":           true,
	"basic_encoding":                   "raw",
	"request_format":                   "json",
	"idempotency_header":               "Idempotency-Key",
	"access_token_pointer":             "/data/token",
	"refresh_token_pointer":            "/data/next",
	"expires_in_pointer":               "/data/ttl",
	"refresh_token_expires_in_pointer": "/data/next_ttl",
	"grant_expires_at_pointer":         "/data/consent_ends",
	"refresh_token_rotation":           "always",
	"docs":                             "https://example.com/docs",
	"param_patterns":                   Fields{"tenant": "[a-z]+"},
	"param_defaults":                   Fields{"tenant": "acme"},
	"token_params":                     Fields{"audience": "api"},
	"token_headers":                    Fields{"X-Tenant": "acme"},
	"send_scope":                       false,
	"requires_certificate":             true,
	"refresh_invalidates_access_token": true,
	"assumed_token_ttl":                1800,
	"refresh_window":                   120,
	"reuse_grace":                      60,
	"refresh_token_idle_ttl":           864000,
	"max_refreshes_per_day":            24,
	"param_order":                      []string{"grant_type", "refresh_token"},
	"extra_fields":                     []string{"instance_url", "/team/id"},
	"authorization_endpoint":           "https://{tenant}.example.com/authorize",
	"authorization_params":             Fields{"prompt": "consent"},
	"authorization_elsewhere":          true,
	"offline_scope":                    "offline_access",
	"scope_separator":                  ",",
	"pkce":                             "none",
	"response_mode":                    "form_post",
	"authorization_response_iss_parameter_supported": true,
	"callback_fields":                       []string{"realmId"},
	"callback_checks":                       Fields{"shop": "{tenant}.example.com"},
	"authorization_code_parameter":          "the_code",
	"account_pointer":                       "/id_token/email",
	"jwks_uri":                              "https://{tenant}.example.com/keys",
	"device_authorization_endpoint":         "https://{tenant}.example.com/device",
	"pushed_authorization_request_endpoint": "https://{tenant}.example.com/par",
	"require_pushed_authorization_requests": true,
	"permanent_errors":                      []string{"4735", "invalid_request: token is invalid"},
}

// Plain is a value as the wire shows it, to compare with.
func Plain(value any) string { return fmt.Sprint(ThroughJSON(Fields{"": value})[""]) }

// issuer is a server that says about itself where its endpoints are: /token, with a grant behind it,
// and /revoke.
type issuer struct {
	*clienttest.Server
	mu  sync.Mutex
	doc Fields
}

// NewIssuer starts one that the mount trusts. Its metadata may be given otherwise.
func NewIssuer(t testing.TB, b *Mount, others ...Fields) *issuer {
	t.Helper()
	s := &issuer{Server: clienttest.New(t, clienttest.Options{})}
	b.Write("config", Fields{"ca_certificate": string(clienttest.CAPEM())})
	s.Publish(With(s.Metadata(), others...))
	grant := clienttest.NewRotation(Canary + "refresh")
	s.Handle(func(r *clienttest.Request) clienttest.Answer {
		switch {
		case r.Path == "/token" && r.Method == "POST":
			return grant.Answer(r)
		case r.Path == "/.well-known/oauth-authorization-server" && r.Method == "GET":
			return clienttest.JSON(200, s.document())
		}
		return clienttest.Answer{Status: 404}
	})
	return s
}

// Metadata is what the issuer says of itself.
func (s *issuer) Metadata() Fields {
	return Fields{
		"issuer": s.URL(), "token_endpoint": s.URL() + "/token", "revocation_endpoint": s.URL() + "/revoke",
		"token_endpoint_auth_methods_supported": []string{"private_key_jwt_of_tomorrow", "client_secret_post"},
	}
}

// Publish replaces the metadata.
func (s *issuer) Publish(doc Fields) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doc = doc
}

func (s *issuer) document() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, err := json.Marshal(s.doc)
	if err != nil {
		panic(err) // documents of tests are JSON
	}
	return string(text)
}
