package provider

import (
	"slices"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// Fields are the rows of providers/<name>, of a definition: a write is read into it, and a read shows it with durations
// in seconds, as everywhere in Vault, and what is not set left out. The names are those of the definition's JSON, and a test compares the two.
func Fields(p *client.Provider) mount.Fields {
	set := slices.Concat(endpointFields(p), authenticationFields(p), requestFields(p), answerFields(p), consentFields(p))
	for i := range set {
		set[i] = set[i].OmitEmpty()
	}
	return append(set,
		mount.Name("provider"),
		mount.Text("token_endpoint", &p.TokenEndpoint, "URL that tokens come from; names in braces are filled from a role's provider_params, as in https://{domain}/oauth2/token."),
		mount.Text("token_endpoint_auth_method", &p.TokenEndpointAuthMethod, "How the client authenticates: client_secret_basic (default), client_secret_post, private_key_jwt, client_secret_jwt, tls_client_auth, self_signed_tls_client_auth or none."),
		// What a new definition has, and what an empty value returns to.
		mount.Boolean("send_scope", &p.SendScope, "Send the role's scope on a refresh too; default true for a provider of your own.").DefaultsTo(true),
	)
}

// endpointFields are about where requests go.
func endpointFields(p *client.Provider) mount.Fields {
	return mount.Fields{
		mount.Text("issuer", &p.Issuer, "The server's issuer identifier (RFC 8414): a write that names it fills in from the server's metadata what you have not written."),
		mount.Text("revocation_endpoint", &p.RevocationEndpoint, "URL template for revoke/<role> (RFC 7009)."),
		mount.Text("introspection_endpoint", &p.IntrospectionEndpoint, "URL template for token introspection (RFC 7662); kept for people, the engine does not call it."),
		mount.Pairs("mtls_endpoint_aliases", &p.MTLSEndpointAliases, "Endpoints for clients that show a certificate (RFC 8705), under the names of the fields: token_endpoint and the like."),
		mount.Pairs("param_patterns", &p.ParamPatterns, "Regular expression (RE2) per parameter of the URL templates that a role's value must match as a whole."),
		mount.Pairs("param_defaults", &p.ParamDefaults, "Values for parameters that a role does not give; they may use other parameters in braces."),
		mount.Text("docs", &p.Docs, "Address of the provider's own documentation, for people."),
	}
}

// authenticationFields are about how the client proves who it is.
func authenticationFields(p *client.Provider) mount.Fields {
	return mount.Fields{
		mount.Text("token_endpoint_auth_signing_alg", &p.TokenEndpointAuthSigningAlg, "Algorithm of signed assertions: RS256, PS256, ES256, EdDSA, HS256 and so on; default is what suits the role's key."),
		mount.Text("assertion_audience", &p.AssertionAudience, "The aud claim of signed assertions: token_endpoint (default), issuer, or the audience itself."),
		mount.Text("revocation_assertion_audience", &p.RevocationAssertionAudience, "What signed assertions have as aud at the revocation endpoint: revocation_endpoint, token_endpoint, issuer, or the audience itself; default is assertion_audience."),
		mount.Text("assertion_type", &p.AssertionType, "The typ header of signed assertions: JWT (default), or client-authentication+jwt, which goes to those that authenticate the client."),
		mount.Texts("assertion_certificate_headers", &p.AssertionCertificateHeaders, "Headers of signed assertions that name the key's certificate: x5t#S256 (default, where there is one), x5t, x5c."),
		mount.Pairs("assertion_claims", &p.AssertionClaims, "Claims added to signed assertions; iss, sub and scope are for roles to say."),
		mount.Boolean("assertion_scope_claim", &p.AssertionScopeClaim, "The scope of grant_type=jwt-bearer goes into the assertion, as Google and DocuSign want it, not into the request."),
		mount.Text("basic_encoding", &p.BasicEncoding, "How client_secret_basic writes id and secret: rfc6749 (default) form-encodes them first, raw is for servers that don't decode."),
		mount.Boolean("send_client_id", &p.SendClientID, "Send client_id in the body too, beside client_secret_basic."),
		mount.Boolean("client_secret_optional", &p.ClientSecretOptional, "A client may have no secret: client_secret_basic then sends an empty password, client_secret_post the client_id alone."),
		mount.Boolean("requires_certificate", &p.RequiresCertificate, "A role must have a client certificate: the endpoint speaks mutual TLS only."),
		mount.Boolean("api_requires_certificate", &p.APIRequiresCertificate, "The API that takes the tokens wants to see the client certificate too; creds/<role> says so."),
	}
}

// requestFields are about the rest of a request.
func requestFields(p *client.Provider) mount.Fields {
	return mount.Fields{
		mount.Text("request_format", &p.RequestFormat, "Format of the request's body: form (default), multipart or json."),
		mount.Pairs("token_params", &p.TokenParams, "Parameters sent in the body besides the protocol's own."),
		mount.Pairs("token_headers", &p.TokenHeaders, "Headers sent besides the protocol's own."),
		mount.Texts("param_order", &p.ParamOrder, "Body parameters in the order in which they are sent; the others follow."),
		mount.Text("idempotency_header", &p.IdempotencyHeader, "Header that carries one UUID per exchange, the same one when that exchange is sent again."),
	}
}

// answerFields are about what an answer says, and what becomes of the tokens in it.
func answerFields(p *client.Provider) mount.Fields {
	return mount.Fields{
		mount.Text("access_token_pointer", &p.AccessTokenPointer, "Where the access token is in the answer, as JSON Pointer (RFC 6901); default /access_token."),
		mount.Text("refresh_token_pointer", &p.RefreshTokenPointer, "Where the new refresh token is in the answer; default /refresh_token."),
		mount.Text("expires_in_pointer", &p.ExpiresInPointer, "Where the access token's lifetime in seconds, or its end as a Unix time, is; default /expires_in."),
		mount.Text("refresh_token_expires_in_pointer", &p.RefreshTokenExpiresInPointer, "Where the refresh token's lifetime is; default: the names in common use."),
		mount.Text("grant_expires_at_pointer", &p.GrantExpiresAtPointer, "Where an answer says when the consent behind the grant ends, as a date, a Unix time or seconds that are left; default is nowhere."),
		mount.Texts("extra_fields", &p.ExtraFields, "Further members of the answer that creds/<role> hands on: names, or JSON Pointers whose last part is the name."),
		mount.Seconds("assumed_token_ttl", &p.AssumedTokenTTL, "Lifetime of an access token when the answer states none; default 1h."),
		mount.Seconds("refresh_window", &p.RefreshWindow, "Remaining life under which a read refreshes; default a third of the lifetime, at least 60s, at most half."),
		mount.Text("refresh_token_rotation", &p.RefreshTokenRotation, "Whether a refresh brings a new refresh token: always, sometimes (default) or never."),
		mount.Seconds("reuse_grace", &p.ReuseGrace, "How long the provider still takes a spent refresh token: within it a refresh whose answer was lost is sent again."),
		mount.Boolean("refresh_invalidates_access_token", &p.RefreshInvalidatesAccessToken, "A refresh ends the access token before it, so none is made early and leases end before one is due."),
		mount.Seconds("refresh_token_idle_ttl", &p.RefreshTokenIdleTTL, "How long an unused refresh token lives; 0 when it does not age."),
		mount.Number("max_refreshes_per_day", &p.MaxRefreshesPerDay, "How many refreshes of one grant there may be within 24 hours, for roles that say nothing else; each grant is counted by itself. Default is 0: no such bound."),
		mount.Texts("permanent_errors", &p.PermanentErrors, "The provider's own ways to say invalid_grant: an error code, or code and text as in \"invalid_request: token is invalid\"."),
	}
}
