package provider

import (
	"github.com/hashicorp/vault/sdk/framework"
)

// Fields are the fields of providers/<name>; client.Provider has the same under the same
// names, and a test compares the two.
func Fields() map[string]*framework.FieldSchema {
	fields := map[string]*framework.FieldSchema{
		"name": {Type: framework.TypeString, Description: "Name of the provider, from the path."},
	}
	for kind, descriptions := range map[framework.FieldType]map[string]string{
		framework.TypeString: {
			"issuer":                           "The server's issuer identifier (RFC 8414): a write that names it fills in from the server's metadata what you have not written.",
			"token_endpoint":                   "URL that tokens come from; names in braces are filled from a role's provider_params, as in https://{domain}/oauth2/token.",
			"revocation_endpoint":              "URL template for revoke/<role> (RFC 7009).",
			"introspection_endpoint":           "URL template for token introspection (RFC 7662); kept for people, the engine does not call it.",
			"token_endpoint_auth_method":       "How the client authenticates: client_secret_basic (default), client_secret_post, private_key_jwt, client_secret_jwt, tls_client_auth, self_signed_tls_client_auth or none.",
			"token_endpoint_auth_signing_alg":  "Algorithm of signed assertions: RS256, PS256, ES256, EdDSA, HS256 and so on; default is what suits the role's key.",
			"assertion_audience":               "The aud claim of signed assertions: token_endpoint (default), issuer, or the audience itself.",
			"revocation_assertion_audience":    "What signed assertions have as aud at the revocation endpoint: revocation_endpoint, token_endpoint, issuer, or the audience itself; default is assertion_audience.",
			"assertion_type":                   "The typ header of signed assertions: JWT (default), or client-authentication+jwt, which goes to those that authenticate the client.",
			"basic_encoding":                   "How client_secret_basic writes id and secret: rfc6749 (default) form-encodes them first, raw is for servers that don't decode.",
			"request_format":                   "Format of the request's body: form (default), multipart or json.",
			"idempotency_header":               "Header that carries one UUID per exchange, the same one when that exchange is sent again.",
			"access_token_pointer":             "Where the access token is in the answer, as JSON Pointer (RFC 6901); default /access_token.",
			"refresh_token_pointer":            "Where the new refresh token is in the answer; default /refresh_token.",
			"expires_in_pointer":               "Where the access token's lifetime in seconds, or its end as a Unix time, is; default /expires_in.",
			"refresh_token_expires_in_pointer": "Where the refresh token's lifetime is; default: the names in common use.",
			"refresh_token_rotation":           "Whether a refresh brings a new refresh token: always, sometimes (default) or never.",
			"docs":                             "Address of the provider's own documentation, for people.",
		},
		framework.TypeKVPairs: {
			"mtls_endpoint_aliases": "Endpoints for clients that show a certificate (RFC 8705): token_endpoint, revocation_endpoint, introspection_endpoint.",
			"param_patterns":        "Regular expression (RE2) per parameter of the URL templates that a role's value must match as a whole.",
			"param_defaults":        "Values for parameters that a role does not give; they may use other parameters in braces.",
			"assertion_claims":      "Claims added to signed assertions; iss, sub and scope are for roles to say.",
			"token_params":          "Parameters sent in the body besides the protocol's own.",
			"token_headers":         "Headers sent besides the protocol's own.",
		},
		framework.TypeBool: {
			"send_scope":                       "Send the role's scope on a refresh too; default true for a provider of your own.",
			"send_client_id":                   "Send client_id in the body too, beside client_secret_basic.",
			"client_secret_optional":           "A client may have no secret: client_secret_basic then sends an empty password, client_secret_post the client_id alone.",
			"assertion_scope_claim":            "The scope of grant_type=jwt-bearer goes into the assertion, as Google and DocuSign want it, not into the request.",
			"requires_certificate":             "A role must have a client certificate: the endpoint speaks mutual TLS only.",
			"api_requires_certificate":         "The API that takes the tokens wants to see the client certificate too; creds/<role> says so.",
			"refresh_invalidates_access_token": "A refresh ends the access token before it, so none is made early and leases end before one is due.",
		},
		framework.TypeDurationSecond: {
			"assumed_token_ttl":      "Lifetime of an access token when the answer states none; default 1h.",
			"refresh_window":         "Remaining life under which a read refreshes; default a third of the lifetime, at least 60s, at most half.",
			"reuse_grace":            "How long the provider still takes a spent refresh token: within it a refresh whose answer was lost is sent again.",
			"refresh_token_idle_ttl": "How long an unused refresh token lives; 0 when it does not age.",
		},
		framework.TypeCommaStringSlice: {
			"param_order":                   "Body parameters in the order in which they are sent; the others follow.",
			"assertion_certificate_headers": "Headers of signed assertions that name the key's certificate: x5t#S256 (default, where there is one), x5t, x5c.",
			"extra_fields":                  "Further members of the answer that creds/<role> hands on: names, or JSON Pointers whose last part is the name.",
			"permanent_errors":              "The provider's own ways to say invalid_grant: an error code, or code and text as in \"invalid_request: token is invalid\".",
		},
	} {
		for name, description := range descriptions {
			fields[name] = &framework.FieldSchema{Type: kind, Description: description}
		}
	}
	fields["send_scope"].Default = true // what a new definition has, and what an empty value returns to
	return fields
}
