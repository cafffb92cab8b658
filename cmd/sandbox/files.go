package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"

	"github.com/youmark/pkcs8"
	"software.sslmate.com/src/go-pkcs12"

	"vault-plugin-secrets-oauthrefresh/sandbox"
)

// writeIdentity puts the CA and the Isabel client certificate, in every form that operators have, into dir.
func writeIdentity(s *sandbox.Sandbox, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048) // RSA, as Ibanity's are
	if err != nil {
		return fmt.Errorf("generating the client key: %w", err)
	}
	cert, err := s.Authority.Client(sandbox.ClientName, key)
	if err != nil {
		return err
	}
	pfx, err := pkcs12.Modern.Encode(key, cert, []*x509.Certificate{s.Authority.Cert}, sandbox.IsabelPassword)
	if err != nil {
		return fmt.Errorf("writing the PFX: %w", err)
	}
	encrypted, err := pkcs8.MarshalPrivateKey(key, []byte(sandbox.IsabelPassword), nil)
	if err != nil {
		return fmt.Errorf("encrypting the key: %w", err)
	}
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	for name, data := range map[string][]byte{
		"ca.pem":           block("CERTIFICATE", s.Authority.Cert.Raw),
		"isabel.pfx":       pfx,
		"isabel.b64":       []byte(base64.StdEncoding.EncodeToString(pfx) + "\n"),
		"isabel.password":  []byte(sandbox.IsabelPassword),
		"isabel-cert.pem":  block("CERTIFICATE", cert.Raw),
		"isabel-key.pem":   block("ENCRYPTED PRIVATE KEY", encrypted),
		"generic-key.pem":  block("PRIVATE KEY", s.Keys.DER),
		"generic-cert.pem": block("CERTIFICATE", s.Keys.Certificate.Raw),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}
