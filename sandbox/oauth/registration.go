package oauth

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
)

// Registration is the part of POST /control that changes what one application proves itself with, as its owner
// does in a provider's console. What it had before works no longer.
type Registration struct {
	ClientID          string `json:"client_id"`
	ClientSecret      string `json:"client_secret"`
	ClientCertificate string `json:"client_certificate"` // PEM
	PublicKey         string `json:"public_key"`         // PEM of a certificate or of SubjectPublicKeyInfo
	SigningAlg        string `json:"signing_alg"`
	RedirectURI       string `json:"redirect_uri"` // a further one
}

func (in *Registration) check() string {
	_, certErr := parseCertificate(in.ClientCertificate)
	_, keyErr := parsePublicKey(in.PublicKey)
	switch {
	case in.ClientID == "" && *in != Registration{}:
		return "client_id must say whose registration it is"
	case in.ClientCertificate != "" && certErr != nil:
		return "client_certificate is no PEM certificate"
	case in.PublicKey != "" && keyErr != nil:
		return "public_key is no PEM public key"
	case strings.Contains(in.RedirectURI, "#"):
		return "redirect_uri has a fragment" // RFC 6749 section 3.1.2
	case in.RedirectURI != "" && !strings.HasPrefix(in.RedirectURI, "https://") && !loopback.MatchString(in.RedirectURI):
		return "redirect_uri is neither https nor http on loopback"
	}
	return ""
}

// apply changes the registration; false means that the provider has no such application.
func (in *Registration) apply(l *Ledger) bool {
	for i := range l.Apps {
		a := &l.Apps[i]
		if a.ID != in.ClientID {
			continue
		}
		if in.ClientSecret != "" {
			a.Secret = in.ClientSecret
		}
		if cert, err := parseCertificate(in.ClientCertificate); err == nil {
			a.Certificate = cert
		}
		if key, err := parsePublicKey(in.PublicKey); err == nil {
			a.Key = key
		}
		if in.SigningAlg != "" {
			a.Alg = in.SigningAlg
		}
		if in.RedirectURI != "" {
			a.RedirectURIs = append(slices.Clip(a.RedirectURIs), in.RedirectURI)
		}
		return true
	}
	return in.ClientID == ""
}

var errNoPEM = errors.New("no PEM")

func parseCertificate(text string) (*x509.Certificate, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errNoPEM
	}
	return x509.ParseCertificate(block.Bytes)
}

func parsePublicKey(text string) (crypto.PublicKey, error) {
	if cert, err := parseCertificate(text); err == nil {
		return cert.PublicKey, nil
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errNoPEM
	}
	return x509.ParsePKIXPublicKey(block.Bytes)
}
