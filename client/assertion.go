package client

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"time"
)

// clientAssertionType is the client_assertion_type of a JWT (RFC 7523 section 2.2).
const clientAssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// The values of Provider.AssertionAudience that stand for something; any other is the audience itself.
const (
	AudienceTokenEndpoint = "token_endpoint" // the URL that the definition names, aliases or not
	AudienceIssuer        = "issuer"         // Provider.Issuer, as FAPI 2.0 wants it

	AudienceRevocationEndpoint = "revocation_endpoint" // for Provider.RevocationAssertionAudience
)

// The values of Provider.AssertionType that are known.
const (
	AssertionTypeJWT    = "JWT"
	AssertionTypeClient = "client-authentication+jwt"
)

// The values of Provider.AssertionCertificateHeaders (RFC 7515 sections 4.1.6 to 4.1.8).
const (
	HeaderX5TS256 = "x5t#S256"
	HeaderX5T     = "x5t" // SHA-1, for AD FS
	HeaderX5C     = "x5c" // the certificate itself, with what is known of its chain
)

// An assertion is valid for two minutes, longer than any exchange takes and shorter than the strictest
// server allows (Salesforce: three). It begins half a minute ago, since servers whose clocks are behind
// refuse what was issued in their future.
const (
	assertionBackdating = 30 * time.Second
	assertionLifetime   = 2 * time.Minute
)

// Assertion is what a client signs with and for.
type Assertion struct {
	// Key signs with private_key_jwt and for the JWT bearer grant; nil where the client secret does, or
	// nothing is signed.
	Key *SigningKey
	// KeyID is the key's id at the provider (kid), "" for none.
	KeyID string
	// Subject is on whose behalf the JWT bearer grant asks (RFC 7523 section 3), "" leaves it out, as
	// Google's service accounts want it for themselves.
	Subject string
	// Claims are added to the provider's and win over them. See CheckClaims.
	Claims map[string]string
}

// clientAssertion is the JWT that authenticates the client (RFC 7523 section 2.2).
func (r *Request) clientAssertion(now time.Time) (string, error) {
	key := r.Assertion.Key
	if r.authMethod() == AuthSecretJWT {
		key = nil
	}
	typ := cmp.Or(r.Provider.AssertionType, AssertionTypeJWT)
	return r.sign(now, key, typ, map[string]any{"iss": r.ClientID, "sub": r.ClientID}, nil)
}

// grantAssertion is the JWT that is the grant (RFC 7523 section 2.1).
func (r *Request) grantAssertion(now time.Time) (string, error) {
	own := map[string]any{}
	if r.Assertion.Subject != "" {
		own["sub"] = r.Assertion.Subject
	}
	if r.Scope != "" && r.Provider.AssertionScopeClaim {
		own["scope"] = r.Scope
	}
	typ := cmp.Or(r.Provider.AssertionType, AssertionTypeJWT)
	if typ == AssertionTypeClient {
		typ = AssertionTypeJWT // this one is the grant
	}
	return r.sign(now, r.Assertion.Key, typ, map[string]any{"iss": r.ClientID}, own)
}

// sign makes a JWT of the claims: given, overlaid by the provider's and the role's, and these by own. Each
// has an id of its own, so that a server that remembers ids (jti) takes a request that is sent again.
func (r *Request) sign(now time.Time, key *SigningKey, typ string, given, own map[string]any) (string, error) {
	for _, extra := range []map[string]string{r.Provider.AssertionClaims, r.Assertion.Claims} {
		for name, value := range extra {
			given[name] = value
		}
	}
	for name, value := range own {
		given[name] = value
	}
	begin := now.Add(-assertionBackdating)
	given["aud"] = r.audience()
	given["iat"], given["nbf"], given["exp"] = begin.Unix(), begin.Unix(), begin.Add(assertionLifetime).Unix()
	given["jti"] = rand.Text()
	payload, err := json.Marshal(given)
	if err != nil {
		return "", errSigning
	}
	signer, err := r.signer(key, typ)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", errSigning
	}
	token, err := signed.CompactSerialize()
	m := r.remember()
	m.assertions = append(m.assertions, token)
	return token, err
}
