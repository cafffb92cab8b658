package main

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
)

// registration is the part of POST /control that changes what one application proves itself with, as its owner
// does in a provider's console. What it had before works no longer.
type registration struct {
	ClientID          string `json:"client_id"`
	ClientSecret      string `json:"client_secret"`
	ClientCertificate string `json:"client_certificate"` // PEM
	PublicKey         string `json:"public_key"`         // PEM of a certificate or of SubjectPublicKeyInfo
	SigningAlg        string `json:"signing_alg"`
}

func (in *registration) check() string {
	_, certErr := parseCertificate(in.ClientCertificate)
	_, keyErr := parsePublicKey(in.PublicKey)
	switch {
	case in.ClientID == "" && *in != registration{}:
		return "client_id must say whose registration it is"
	case in.ClientCertificate != "" && certErr != nil:
		return "client_certificate is no PEM certificate"
	case in.PublicKey != "" && keyErr != nil:
		return "public_key is no PEM public key"
	}
	return ""
}

// apply changes the registration; false means that the provider has no such application.
func (in *registration) apply(l *ledger) bool {
	for i := range l.apps {
		a := &l.apps[i]
		if a.id != in.ClientID {
			continue
		}
		if in.ClientSecret != "" {
			a.secret = in.ClientSecret
		}
		if cert, err := parseCertificate(in.ClientCertificate); err == nil {
			a.certificate = cert
		}
		if key, err := parsePublicKey(in.PublicKey); err == nil {
			a.key = key
		}
		if in.SigningAlg != "" {
			a.alg = in.SigningAlg
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
