package client

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

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
	case p.AssertionAudience == AudienceRevocationEndpoint:
		return errors.New("assertion_audience is for all requests: what goes to the revocation endpoint only is revocation_assertion_audience")
	case p.AssertionAudience == AudienceIssuer && p.Issuer == "":
		return errors.New("assertion_audience=issuer needs the provider's issuer: write it, or write the audience itself")
	case len(p.AssertionAudience) > maxText || strings.ContainsFunc(p.AssertionAudience, isControl):
		return fmt.Errorf("assertion_audience must be token_endpoint, issuer, or a text of at most %d bytes on one line", maxText)
	}
	if err := p.validateAssertionHeaders(); err != nil {
		return err
	}
	for _, name := range []string{"iss", "sub", "scope"} {
		if _, ok := p.AssertionClaims[name]; ok {
			return fmt.Errorf("a provider's assertion_claims must not hold %s: for whom a client signs is the role's to say, in its own assertion_claims", name)
		}
	}
	return CheckClaims(p.AssertionClaims)
}

// validateAssertionHeaders checks what is not the claims' part.
func (p *Provider) validateAssertionHeaders() error {
	switch a := p.RevocationAssertionAudience; {
	case a == AudienceIssuer && p.Issuer == "":
		return errors.New("revocation_assertion_audience=issuer needs the provider's issuer: write it, or write the audience itself")
	case a == AudienceRevocationEndpoint && p.RevocationEndpoint == "":
		return errors.New("revocation_assertion_audience=revocation_endpoint needs a revocation_endpoint: write it, or leave both out")
	case len(a) > maxText || strings.ContainsFunc(a, isControl):
		return fmt.Errorf("revocation_assertion_audience must be token_endpoint, revocation_endpoint, issuer, or a text of at most %d bytes on one line", maxText)
	}
	if !assertionTypes.MatchString(p.AssertionType) {
		return errors.New("assertion_type must be JWT or another media type without its application/, such as client-authentication+jwt")
	}
	known := []string{HeaderX5TS256, HeaderX5T, HeaderX5C}
	for i, name := range p.AssertionCertificateHeaders {
		if !slices.Contains(known, name) || slices.Contains(p.AssertionCertificateHeaders[:i], name) {
			return fmt.Errorf("assertion_certificate_headers must be some of %s, each once", strings.Join(known, ", "))
		}
	}
	return nil
}

var assertionTypes = regexp.MustCompile(`^[A-Za-z0-9.+_-]{0,64}$`)

func isControl(c rune) bool { return c < ' ' || c == 0x7f }
