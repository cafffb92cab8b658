package client

import (
	"cmp"
	"errors"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

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
