package client

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// The values of Provider.TokenEndpointAuthSigningAlg (RFC 7518 section 3.1, RFC 8037 section 3.1), by the
// kind of key that they take.
var (
	rsaAlgorithms    = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	secretAlgorithms = []string{"HS256", "HS384", "HS512"}
	curveAlgorithms  = map[elliptic.Curve]string{elliptic.P256(): "ES256", elliptic.P384(): "ES384", elliptic.P521(): "ES512"}

	signingAlgorithms = slices.Concat(rsaAlgorithms, []string{"ES256", "ES384", "ES512", "EdDSA"}, secretAlgorithms)
)

// minRSABits is what RFC 7518 section 3.3 asks for.
const minRSABits = 2048

// CheckAlgorithm returns an error when the key can't sign with the algorithm; "" is the one that suits
// the key. The error says which would.
func (k *SigningKey) CheckAlgorithm(alg string) error {
	_, err := k.algorithm(alg)
	return err
}

func (k *SigningKey) algorithm(alg string) (jose.SignatureAlgorithm, error) {
	fitting, err := algorithmsOf((*k.contents).signer)
	if err != nil {
		return "", err
	}
	if alg == "" {
		return jose.SignatureAlgorithm(fitting[0]), nil
	}
	if !slices.Contains(fitting, alg) {
		return "", fmt.Errorf("token_endpoint_auth_signing_alg is not for this kind of key: with it, use %s, or write another key", strings.Join(fitting, ", "))
	}
	return jose.SignatureAlgorithm(alg), nil
}

// algorithmsOf lists what a key can sign with, the most usual one first.
func algorithmsOf(key crypto.Signer) ([]string, error) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() < minRSABits {
			return nil, fmt.Errorf("the RSA key is shorter than %d bits, too short to sign assertions (RFC 7518): make a longer one", minRSABits)
		}
		return rsaAlgorithms, nil
	case *ecdsa.PrivateKey:
		if alg := curveAlgorithms[k.Curve]; alg != "" {
			return []string{alg}, nil
		}
	case ed25519.PrivateKey:
		return []string{"EdDSA"}, nil
	}
	return nil, errKeyKind
}

// secretAlgorithm is algorithm for client_secret_jwt.
func secretAlgorithm(alg string, secret Secret) (jose.SignatureAlgorithm, error) {
	if alg == "" {
		alg = secretAlgorithms[0]
	}
	i := slices.Index(secretAlgorithms, alg)
	if i < 0 {
		return "", errors.New("client_secret_jwt signs with the client secret: token_endpoint_auth_signing_alg must be HS256, HS384 or HS512")
	}
	if need := 32 + 16*i; len(secret.Reveal()) < need {
		return "", FieldError{Text: fmt.Sprintf("{client_secret} is too short to sign with %s: it needs %d bytes (RFC 7518 section 3.2)", alg, need)}
	}
	return jose.SignatureAlgorithm(alg), nil
}

// CheckSecretAlgorithm returns an error when client_secret_jwt can't sign with the algorithm and the
// secret; "" is HS256.
func CheckSecretAlgorithm(alg string, secret Secret) error {
	_, err := secretAlgorithm(alg, secret)
	return err
}
