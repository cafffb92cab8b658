package client

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

// maxKeys bounds a set of keys, far above what servers publish.
const maxKeys = 100

// idTokenAlgorithms are those that a key that everybody may know can check (RFC 7518 section 3.1, RFC 8037 section 3.1).
var idTokenAlgorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// keySet are the keys at a jwks_uri, which are fetched where a signature is to be checked: one GET within the bounds of an
// exchange, no redirect. It is a KeySet of go-oidc's.
type keySet struct {
	o       Options
	uri     string
	failure *Error // why there are no keys, nil when there are
}

var errSignature = errors.New("no key of the set has made this signature")

// VerifySignature returns the payload of a JWT that one of the keys has signed.
func (k *keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	signed, err := jose.ParseSignedCompact(token, idTokenAlgorithms)
	if err != nil || len(signed.Signatures) != 1 {
		return nil, errSignature
	}
	keys, failure := k.fetch(ctx)
	if failure != nil {
		k.failure = failure
		return nil, failure
	}
	header := signed.Signatures[0].Header
	for _, key := range keys {
		if header.KeyID != "" && key.KeyID != "" && key.KeyID != header.KeyID || key.Algorithm != "" && key.Algorithm != header.Algorithm {
			continue
		}
		if payload, err := signed.Verify(key.Key); err == nil {
			return payload, nil
		}
	}
	return nil, errSignature
}

// fetch gets the keys. Whatever keeps them from coming says nothing of the token.
func (k *keySet) fetch(ctx context.Context) ([]jose.JSONWebKey, *Error) {
	if err := k.o.CheckHost(k.uri); err != nil {
		return nil, untold("jwks_uri: " + err.Error())
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(k.o.Timeout, defaultTimeout))
	defer cancel()
	a, err := k.o.fetch(ctx, k.uri)
	if err != nil {
		return nil, untold(atKeys.says(err.Reason))
	}
	switch {
	case a.status/100 == 3:
		return nil, untold("the key server redirects, and no redirect is followed: write the address it moved to into jwks_uri")
	case a.status != http.StatusOK:
		return nil, untold("the key server did not answer with its keys: check jwks_uri, and try again")
	case a.cut || len(a.body) >= maxBody:
		return nil, untold("the keys at jwks_uri broke off, or are larger than 512 KiB")
	}
	keys := readKeys(a.text())
	if len(keys) == 0 {
		return nil, untold("there are no keys at jwks_uri that a signature can be checked with: check jwks_uri")
	}
	return keys, nil
}

// readKeys reads the keys that can check a signature. Others, and such as nobody knows yet, are passed over (RFC 7517
// section 5).
func readKeys(text []byte) (keys []jose.JSONWebKey) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if json.Unmarshal(text, &set) != nil {
		return nil
	}
	for _, text := range set.Keys[:min(len(set.Keys), maxKeys)] {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(text) == nil && key.Use != "enc" && checksSignatures(key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// checksSignatures tells a public key. A symmetric one, or a private one, in a document for everybody proves nothing.
func checksSignatures(key jose.JSONWebKey) bool {
	switch k := key.Key.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen() >= minRSABits && k.N.BitLen() <= maxRSABits
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return true
	}
	return false
}

// algorithmNames are a list of algorithms as texts.
func algorithmNames(algorithms []jose.SignatureAlgorithm) (names []string) {
	for _, alg := range algorithms {
		names = append(names, string(alg))
	}
	return slices.Clip(names)
}
