package client

import (
	"cmp"
	"maps"
	"slices"
)

// The values of Provider.TokenEndpointAuthMethod, from the IANA registry "OAuth Token Endpoint
// Authentication Methods" (RFC 7591 section 2, RFC 8705 section 2).
const (
	AuthBasic         = "client_secret_basic"         // Authorization: Basic, nothing in the body
	AuthPost          = "client_secret_post"          // client_id and client_secret in the body
	AuthKeyJWT        = "private_key_jwt"             // an assertion signed with the client's key (RFC 7523)
	AuthSecretJWT     = "client_secret_jwt"           // one made with the client secret, which stays here
	AuthTLS           = "tls_client_auth"             // client_id in the body, a CA-issued certificate proves it
	AuthSelfSignedTLS = "self_signed_tls_client_auth" // client_id in the body, a registered certificate proves it
	AuthNone          = "none"                        // a public client: client_id in the body, no proof
)

// The values of Provider.BasicEncoding.
const (
	BasicRFC6749 = "rfc6749" // form-encode id and secret first, as RFC 6749 section 2.3.1 says
	BasicRaw     = "raw"     // RFC 7617 alone, for the many servers that never decode
)

// The values of Provider.RequestFormat.
const (
	FormatForm      = "form"      // application/x-www-form-urlencoded, RFC 6749 appendix B
	FormatMultipart = "multipart" // multipart/form-data, RFC 7578
	FormatJSON      = "json"      // a flat JSON object of strings
)

// The values of Provider.RefreshTokenRotation.
const (
	RotationAlways    = "always"    // every refresh spends the refresh token and brings the next
	RotationSometimes = "sometimes" // an answer may bring a new one; when it does, the old one is spent
	RotationNever     = "never"     // the refresh token stays what it is, so sending it twice is harmless
)

// The places of RFC 6749 section 5.1, where answers are read when a definition names no others.
const (
	defaultAccessTokenPointer  = "/access_token"
	defaultRefreshTokenPointer = "/refresh_token"
	defaultExpiresInPointer    = "/expires_in"
)

// Provider says how one token endpoint wants to be spoken to. It is data and holds no secret:
// whoever may read a definition may read all of it. The JSON names are the field names under
// providers/<name>. Pointers are JSON Pointers (RFC 6901) into the answer.
type Provider struct {
	// Issuer is the authorization server's issuer identifier (RFC 8414 section 2), "" when nobody has
	// said. Nothing is fetched from there by an exchange; assertions may be addressed to it.
	Issuer string `json:"issuer,omitempty"`
	// TokenEndpoint is the absolute https URL that tokens come from (RFC 6749 section 3.2). Names
	// in braces are filled from the parameters of Endpoints: https://{domain}/oauth2/token.
	TokenEndpoint string `json:"token_endpoint"`
	// RevocationEndpoint is the URL template for RFC 7009, "" when the provider has none.
	RevocationEndpoint string `json:"revocation_endpoint,omitempty"`
	// IntrospectionEndpoint is the URL template for RFC 7662, "" when the provider has none.
	IntrospectionEndpoint string `json:"introspection_endpoint,omitempty"`
	// MTLSEndpointAliases are the URL templates that take the place of those above for a client that
	// shows a certificate (RFC 8705 section 5), under the same names.
	MTLSEndpointAliases map[string]string `json:"mtls_endpoint_aliases,omitempty"`
	// ParamPatterns holds a regular expression (RE2) per template parameter that the whole value
	// must match. Without one, a value is letters, digits, '.', '_' and '-' only.
	ParamPatterns map[string]string `json:"param_patterns,omitempty"`
	// ParamDefaults holds values for parameters that are not given; they may use other
	// parameters, as in {"domain": "auth.example.{region}"}.
	ParamDefaults map[string]string `json:"param_defaults,omitempty"`
	// TokenEndpointAuthMethod is one of the Auth constants; "" means client_secret_basic, the
	// default of RFC 7591 section 2.
	TokenEndpointAuthMethod string `json:"token_endpoint_auth_method"`
	// TokenEndpointAuthSigningAlg is the JWS algorithm of assertions (RFC 7591's name for it); "" is the
	// one that suits the key: RS256, ES256, ES384, ES512 or EdDSA, and HS256 for a client secret.
	TokenEndpointAuthSigningAlg string `json:"token_endpoint_auth_signing_alg,omitempty"`
	// AssertionAudience is the aud claim of assertions: AudienceTokenEndpoint, which "" means too,
	// AudienceIssuer, or the audience itself.
	AssertionAudience string `json:"assertion_audience,omitempty"`
	// RevocationAssertionAudience is the same at the revocation endpoint: "" is as AssertionAudience says there too,
	// AudienceRevocationEndpoint is the URL of that endpoint, as the definition names it.
	RevocationAssertionAudience string `json:"revocation_assertion_audience,omitempty"`
	// AssertionType is the typ header of assertions, "" for JWT. AssertionTypeClient, which draft-ietf-oauth-rfc7523bis
	// asks for, is for those that authenticate the client only.
	AssertionType string `json:"assertion_type,omitempty"`
	// AssertionCertificateHeaders are the headers that name the certificate of the key that signs: HeaderX5TS256,
	// HeaderX5T, HeaderX5C. None means x5t#S256, where the key has a certificate.
	AssertionCertificateHeaders []string `json:"assertion_certificate_headers,omitempty"`
	// AssertionClaims are added to every assertion, see CheckClaims.
	AssertionClaims map[string]string `json:"assertion_claims,omitempty"`
	// AssertionScopeClaim puts the scope of a JWT bearer grant into the assertion, where Google and
	// DocuSign look for it, and not into the request.
	AssertionScopeClaim bool `json:"assertion_scope_claim,omitempty"`
	// BasicEncoding is one of the Basic constants; "" means rfc6749. It matters only for
	// credentials with other characters than letters, digits and "-._*".
	BasicEncoding string `json:"basic_encoding,omitempty"`
	// SendClientID sends the client_id in the body beside Basic authentication too. Some servers want it, others
	// refuse it as a second way to authenticate (RFC 6749 section 2.3).
	SendClientID bool `json:"send_client_id,omitempty"`
	// ClientSecretOptional lets a client do without a secret, with client_secret_basic, which then has an empty
	// password (RFC 6749 section 2.3.1), and client_secret_post.
	ClientSecretOptional bool `json:"client_secret_optional,omitempty"`
	// RequestFormat is one of the Format constants; "" means form.
	RequestFormat string `json:"request_format,omitempty"`
	// TokenParams are sent in the body besides the protocol's own, see CheckParams.
	TokenParams map[string]string `json:"token_params,omitempty"`
	// TokenHeaders are sent besides the protocol's own, see CheckHeaders. Accept and User-Agent
	// may be replaced here.
	TokenHeaders map[string]string `json:"token_headers,omitempty"`
	// ParamOrder names body parameters in the order in which they are sent; the others follow.
	// The order means nothing to OAuth. It exists so that a request can be byte for byte the one
	// that the provider documents.
	ParamOrder []string `json:"param_order,omitempty"`
	// IdempotencyHeader is the header that carries Request.IdempotencyKey on a refresh, "" when
	// the provider has none.
	IdempotencyHeader string `json:"idempotency_header,omitempty"`
	// SendScope sends the scope on a refresh too. Off by default: leaving it out means "the same
	// as before" (RFC 6749 section 6), and some servers refuse a refresh that names it.
	SendScope bool `json:"send_scope"`
	// RequiresCertificate refuses an exchange without a client certificate before anything is
	// sent: mTLS as transport, whatever the authentication method.
	RequiresCertificate bool `json:"requires_certificate,omitempty"`
	// APIRequiresCertificate says that the API which takes the tokens wants to see the client
	// certificate too: a token alone is of no use there.
	APIRequiresCertificate bool `json:"api_requires_certificate,omitempty"`
	// AccessTokenPointer is where the access token is; "" means /access_token.
	AccessTokenPointer string `json:"access_token_pointer,omitempty"`
	// RefreshTokenPointer is where the new refresh token is; "" means /refresh_token.
	RefreshTokenPointer string `json:"refresh_token_pointer,omitempty"`
	// ExpiresInPointer is where the lifetime is; "" means /expires_in. At any other place, a
	// number as large as a Unix time is read as the moment of expiry.
	ExpiresInPointer string `json:"expires_in_pointer,omitempty"`
	// RefreshTokenExpiresInPointer is where the refresh token's lifetime is; "" tries the names
	// in common use: refresh_token_expires_in, x_refresh_token_expires_in, refresh_expires_in.
	RefreshTokenExpiresInPointer string `json:"refresh_token_expires_in_pointer,omitempty"`
	// GrantExpiresAtPointer is where an answer says when the consent behind the grant ends, as a moment or a lifetime; ""
	// when it says so nowhere.
	GrantExpiresAtPointer string `json:"grant_expires_at_pointer,omitempty"`
	// ExtraFields are further members of the answer to hand on: names, or pointers whose last
	// part is then the name.
	ExtraFields []string `json:"extra_fields,omitempty"`
	// AssumedTokenTTL is the lifetime of an access token when the answer states none. The exp claim
	// of a token that is a JWT can only shorten it.
	AssumedTokenTTL Duration `json:"assumed_token_ttl,omitempty"`
	// RefreshWindow is the remaining life under which a token is refreshed; 0 leaves it to the
	// caller.
	RefreshWindow Duration `json:"refresh_window,omitempty"`
	// RefreshTokenRotation is one of the Rotation constants; "" means sometimes.
	RefreshTokenRotation string `json:"refresh_token_rotation,omitempty"`
	// ReuseGrace is how long the provider still accepts a spent refresh token. Within it, a
	// refresh whose answer was lost may be sent again.
	ReuseGrace Duration `json:"reuse_grace,omitempty"`
	// RefreshInvalidatesAccessToken says that a refresh kills the access token before it.
	RefreshInvalidatesAccessToken bool `json:"refresh_invalidates_access_token,omitempty"`
	// RefreshTokenIdleTTL is how long an unused refresh token lives, 0 when it does not age.
	RefreshTokenIdleTTL Duration `json:"refresh_token_idle_ttl,omitempty"`
	// MaxRefreshesPerDay is how many refreshes of one grant there may be within 24 hours, 0 for as many as it takes. A
	// role may have another number: see role.Role.Budget.
	MaxRefreshesPerDay int `json:"max_refreshes_per_day,omitempty"`
	// PermanentErrors are this provider's own ways to say invalid_grant: an error code ("4735"),
	// or a code and a text that its description must contain, in any case:
	// "invalid_request: refresh token is invalid". The code may be "*" when a text follows. A bare status
	// ("400") fits answers of the endpoint's own with that status and without any code. See Error.Entry.
	PermanentErrors []string `json:"permanent_errors,omitempty"`
	// Docs is the address of the provider's own documentation, for people.
	Docs string `json:"docs,omitempty"`

	Consent
}

// SetDefaults replaces what is left empty by what it means, so that a stored or shown definition
// hides nothing. Validate and Exchange treat empty fields alike whether or not it was called.
func (p *Provider) SetDefaults() {
	p.TokenEndpointAuthMethod = cmp.Or(p.TokenEndpointAuthMethod, AuthBasic)
	p.BasicEncoding = cmp.Or(p.BasicEncoding, BasicRFC6749)
	p.RequestFormat = cmp.Or(p.RequestFormat, FormatForm)
	p.AccessTokenPointer = cmp.Or(p.AccessTokenPointer, defaultAccessTokenPointer)
	p.RefreshTokenPointer = cmp.Or(p.RefreshTokenPointer, defaultRefreshTokenPointer)
	p.ExpiresInPointer = cmp.Or(p.ExpiresInPointer, defaultExpiresInPointer)
	p.RefreshTokenRotation = cmp.Or(p.RefreshTokenRotation, RotationSometimes)
	p.RequiresCertificate = p.NeedsCertificate()
}

// NeedsCertificate tells whether an exchange makes no sense without a client certificate: the
// transport requires one, or the certificate is how the client authenticates (RFC 8705).
func (p *Provider) NeedsCertificate() bool {
	return p.RequiresCertificate || p.TokenEndpointAuthMethod == AuthTLS || p.TokenEndpointAuthMethod == AuthSelfSignedTLS
}

// UsesSecret tells whether clients authenticate with a client secret, sent or signed with.
func (p *Provider) UsesSecret() bool {
	switch p.TokenEndpointAuthMethod {
	case AuthBasic, AuthPost, AuthSecretJWT, "":
		return true
	}
	return false
}

// NeedsSecret tells whether they can't without one.
func (p *Provider) NeedsSecret() bool {
	return p.UsesSecret() && (!p.ClientSecretOptional || p.TokenEndpointAuthMethod == AuthSecretJWT)
}

// Clone returns a copy that shares nothing with p, for a role to lay its overrides on.
func (p *Provider) Clone() *Provider {
	c := *p
	c.MTLSEndpointAliases = maps.Clone(p.MTLSEndpointAliases)
	c.ParamPatterns = maps.Clone(p.ParamPatterns)
	c.ParamDefaults = maps.Clone(p.ParamDefaults)
	c.AssertionClaims = maps.Clone(p.AssertionClaims)
	c.TokenParams = maps.Clone(p.TokenParams)
	c.TokenHeaders = maps.Clone(p.TokenHeaders)
	c.ParamOrder = slices.Clone(p.ParamOrder)
	c.AssertionCertificateHeaders = slices.Clone(p.AssertionCertificateHeaders)
	c.ExtraFields = slices.Clone(p.ExtraFields)
	c.PermanentErrors = slices.Clone(p.PermanentErrors)
	c.Consent = p.Consent.clone()
	return &c
}
