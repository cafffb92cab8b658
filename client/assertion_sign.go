package client

import (
	"cmp"
	"errors"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

var errSigning = errors.New("the assertion could not be signed: write the key again")

// signer signs with the key, or with the client secret where there is none.
func (r *Request) signer(key *SigningKey, typ string) (jose.Signer, error) {
	options := (&jose.SignerOptions{}).WithType(jose.ContentType(typ))
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
	if err := r.Provider.CheckSigningKey(key); err != nil {
		return nil, err
	}
	if (*key.contents).leaf != nil {
		for _, name := range r.Provider.certificateHeaders() {
			options.WithHeader(jose.HeaderKey(name), key.certificateHeader(name))
		}
	}
	return jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: (*key.contents).signer}, options)
}

// certificateHeaders are those of Provider.AssertionCertificateHeaders.
func (p *Provider) certificateHeaders() []string {
	if len(p.AssertionCertificateHeaders) == 0 {
		return []string{HeaderX5TS256} // Entra ID knows a client's keys by this alone
	}
	return p.AssertionCertificateHeaders
}

// CheckSigningKey returns an error when the provider wants to be told of a certificate that the key does not have.
func (p *Provider) CheckSigningKey(key *SigningKey) error {
	if len(p.AssertionCertificateHeaders) > 0 && (*key.contents).leaf == nil {
		return errors.New("the provider's assertion_certificate_headers name the certificate of the key that signs, and it has none: " +
			"write the key and its certificate in one text, or pfx")
	}
	return nil
}

// audience is one string, since FAPI 2.0 servers refuse a list.
func (r *Request) audience() string {
	a := cmp.Or(r.Provider.AssertionAudience, AudienceTokenEndpoint)
	if r.revokes {
		a = cmp.Or(r.Provider.RevocationAssertionAudience, a)
	}
	switch a {
	case AudienceTokenEndpoint:
		return cmp.Or(r.Audience, r.Endpoint)
	case AudienceRevocationEndpoint:
		return cmp.Or(r.RevocationAudience, r.Endpoint)
	case AudienceIssuer:
		return r.Provider.Issuer
	default:
		return a
	}
}
