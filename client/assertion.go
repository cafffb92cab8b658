package client

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// clientAssertionType is the client_assertion_type of a JWT (RFC 7523 section 2.2).
const clientAssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// The values of Provider.AssertionAudience that stand for something; any other is the audience itself.
const (
	AudienceTokenEndpoint = "token_endpoint" // the URL that the definition names, aliases or not
	AudienceIssuer        = "issuer"         // Provider.Issuer, as FAPI 2.0 wants it
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

// protocolClaims are set by the exchange itself. iss and sub are not among them: Revolut, for one,
// wants its client's domain as issuer.
var protocolClaims = []string{"aud", "exp", "iat", "nbf", "jti"}

// CheckClaims returns an error when assertion_claims of a provider or role hold a claim that the exchange
// sets itself, or one that is too large.
func CheckClaims(claims map[string]string) error {
	if len(claims) > maxListed {
		return fmt.Errorf("assertion_claims holds more than %d entries", maxListed)
	}
	for name, value := range claims {
		if slices.Contains(protocolClaims, name) {
			return fmt.Errorf("assertion_claims must not hold %s: it is set by the exchange itself; for aud there is assertion_audience", name)
		}
		if name == "" || len(name) > maxText || len(value) > 4*maxText {
			return fmt.Errorf("assertion_claims holds a name that is empty or too long, or a value of more than %d bytes", 4*maxText)
		}
	}
	return nil
}

// clientAssertion is the JWT that authenticates the client (RFC 7523 section 2.2).
func (r *Request) clientAssertion(now time.Time) (string, error) {
	key := r.Assertion.Key
	if r.authMethod() == AuthSecretJWT {
		key = nil
	}
	return r.sign(now, key, map[string]any{"iss": r.ClientID, "sub": r.ClientID}, nil)
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
	return r.sign(now, r.Assertion.Key, map[string]any{"iss": r.ClientID}, own)
}

// sign makes a JWT of the claims: given, overlaid by the provider's and the role's, and these by own. Each
// has an id of its own, so that a server that remembers ids (jti) takes a request that is sent again.
func (r *Request) sign(now time.Time, key *SigningKey, given, own map[string]any) (string, error) {
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
	signer, err := r.signer(key)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", errSigning
	}
	return signed.CompactSerialize()
}

var errSigning = errors.New("the assertion could not be signed: write the key again")

// signer signs with the key, or with the client secret where there is none.
func (r *Request) signer(key *SigningKey) (jose.Signer, error) {
	options := (&jose.SignerOptions{}).WithType("JWT")
	if r.Assertion.KeyID != "" {
		options.WithHeader("kid", r.Assertion.KeyID)
	}
	wanted := r.Provider.TokenEndpointAuthSigningAlg
	if key == nil {
		alg, err := secretAlgorithm(wanted, r.ClientSecret)
		if err != nil {
			return nil, err
		}
		return jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: []byte(r.ClientSecret.Reveal())}, options)
	}
	if slices.Contains(secretAlgorithms, wanted) {
		wanted = "" // meant for the client's authentication
	}
	alg, err := key.algorithm(wanted)
	if err != nil {
		return nil, err
	}
	if thumbprint := key.thumbprint(); thumbprint != "" {
		options.WithHeader("x5t#S256", thumbprint) // Entra ID knows a client's keys by this alone
	}
	return jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: (*key.contents).signer}, options)
}

// audience is one string, since FAPI 2.0 servers refuse a list.
func (r *Request) audience() string {
	switch a := cmp.Or(r.Provider.AssertionAudience, AudienceTokenEndpoint); a {
	case AudienceTokenEndpoint:
		return cmp.Or(r.Audience, r.Endpoint)
	case AudienceIssuer:
		return r.Provider.Issuer
	default:
		return a
	}
}

// validateAssertions checks what a definition says of assertions.
func (p *Provider) validateAssertions() error {
	alg := p.TokenEndpointAuthSigningAlg
	isSecret := slices.Contains(secretAlgorithms, alg)
	switch {
	case alg != "" && !slices.Contains(signingAlgorithms, alg):
		return fmt.Errorf("token_endpoint_auth_signing_alg must be one of %s", strings.Join(signingAlgorithms, ", "))
	case p.TokenEndpointAuthMethod == AuthSecretJWT && alg != "" && !isSecret:
		return errors.New("client_secret_jwt signs with the client secret: token_endpoint_auth_signing_alg must be HS256, HS384 or HS512")
	case p.TokenEndpointAuthMethod != AuthSecretJWT && isSecret:
		return errors.New("token_endpoint_auth_signing_alg is one for client secrets: use it with client_secret_jwt only")
	case p.AssertionAudience == AudienceIssuer && p.Issuer == "":
		return errors.New("assertion_audience=issuer needs the provider's issuer: write it, or write the audience itself")
	case len(p.AssertionAudience) > maxText || strings.ContainsFunc(p.AssertionAudience, isControl):
		return fmt.Errorf("assertion_audience must be token_endpoint, issuer, or a text of at most %d bytes on one line", maxText)
	}
	return CheckClaims(p.AssertionClaims)
}

func isControl(c rune) bool { return c < ' ' || c == 0x7f }
