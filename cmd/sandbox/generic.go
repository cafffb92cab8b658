package main

import (
	"crypto/x509"
	"time"
)

// genericMTLSHost is where the generic server's mTLS endpoint aliases are (RFC 8705 section 5). There, a client
// whose certificate is none of the registered ones fails in the TLS handshake.
const genericMTLSHost = "mtls.generic.example"

// genericKeyID is the kid under which the generic server knows its clients' key.
const genericKeyID = "generic-key-1"

// generic is a server that follows RFC 6749 to the letter and rotates with reuse detection (RFC 9700
// section 4.14.2). It is there for providers that an operator writes, with an application for each way to
// authenticate.
func generic(registered clients) *provider {
	return &provider{
		name:      "generic",
		hosts:     []string{genericMTLSHost},
		handshake: handshakeRegistered,
		apps: []app{
			{id: "generic client", secret: "generic+secret:100%", method: "client_secret_basic", refreshToken: "generic-sandbox-refresh-token"},
			{id: "generic-mtls", certificate: &x509.Certificate{Subject: registered.subject}, method: "tls_client_auth", refreshToken: "generic-mtls-sandbox-refresh-token"},
			{id: "generic-self-signed", certificate: registered.certificate, method: "self_signed_tls_client_auth", refreshToken: "generic-self-signed-sandbox-refresh-token"},
			{id: "generic-jwt", key: registered.key, alg: "ES256", keyID: genericKeyID, method: "private_key_jwt", refreshToken: "generic-jwt-sandbox-refresh-token"},
			{id: "generic-secret-jwt", secret: "generic-secret-of-forty-bytes-for-HS256!", alg: "HS256", method: "client_secret_jwt", refreshToken: "generic-secret-jwt-sandbox-refresh-token"},
			{id: "service@generic.example", key: registered.key, alg: "ES256", keyID: genericKeyID, subject: "somebody@generic.example", method: grantJWTBearer},
		},
		params: []string{
			"grant_type", "client_id", "client_secret", "refresh_token", "scope", "client_assertion", "client_assertion_type", "assertion",
		},
		roots:             registered.roots,
		tokenPath:         "/generic/token",
		clientCredentials: true,
		policy: policy{
			accessTTL: 10 * time.Minute, refreshTTL: 24 * time.Hour,
			rotate: true, replayKills: true, scope: "api",
			accessToken:  func() string { return randomText(32) },
			refreshToken: func() string { return randomText(32) },
		},
		endpoint: paths("/token", "/revoke", "/introspect"),
		check:    func(*call) *refusal { return nil },
		authenticate: func(c *call) (*app, *refusal) {
			if c.endpoint == endpointToken && c.form.Get("grant_type") == grantJWTBearer {
				return c.bearer()
			}
			if c.form.Has("assertion") {
				return nil, refuse("invalid_request", "an assertion has no place in this grant")
			}
			return byRegistration(rfc6749Encoding)(c)
		},
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
