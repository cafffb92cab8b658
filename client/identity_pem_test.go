package client

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
)

func TestParsePEMKeyForms(t *testing.T) {
	for _, c := range []struct{ certificate, key, password string }{
		{"rsa", "rsa", ""},
		{"rsa", "rsa-pkcs1", ""},
		{"p256", "p256-sec1", ""}, // with openssl's EC PARAMETERS ahead
		{"ed25519", "ed25519", ""},
		{"rsa", "rsa-pkcs8-aes", identityPassword},
		{"p256", "p256-pkcs8-des3", identityPassword},
		{"ed25519", "ed25519-pkcs8-scrypt", identityPassword},
		{"rsa", "rsa-rfc1423-aes", identityPassword},
		{"p256", "p256-rfc1423-des3", identityPassword},
	} {
		t.Run(c.key, func(t *testing.T) {
			certificate, key := identityFile(t, c.certificate+".pem"), identityFile(t, c.key+".key")
			id, err := ParsePEM(certificate, NewSecret(key), NewSecret(c.password))
			if err != nil {
				t.Fatal(err)
			}
			if want := "CN=" + c.certificate + " client,O=Example"; id.Subject() != want {
				t.Errorf("subject %q, want %q", id.Subject(), want)
			}
			if c.password == "" {
				_, err = ParsePEM(certificate, NewSecret(key), NewSecret("x"))
				wantSentence(t, err, "leave client_private_key_password out")
				return
			}
			_, err = ParsePEM(certificate, NewSecret(key), Secret{})
			wantSentence(t, err, "pass its password as client_private_key_password")
			_, err = ParsePEM(certificate, NewSecret(key), NewSecret("wrong"))
			wantSentence(t, err, "is not the password")
		})
	}
}

func TestParsePEMOrdersTheChain(t *testing.T) {
	leaf, intermediate, root := identityFile(t, "p256.pem"), identityFile(t, "intermediate.pem"), identityFile(t, "root.pem")
	stranger, key := identityFile(t, "rsa.pem"), NewSecret(identityFile(t, "p256.key"))
	for name, c := range map[string]struct{ text, want string }{
		"leaf first":     {leaf + intermediate + root, "p256 client < Test Intermediate"},
		"root first":     {root + intermediate + leaf, "p256 client < Test Intermediate"},
		"doubled":        {leaf + intermediate + leaf + intermediate, "p256 client < Test Intermediate"},
		"with strangers": {stranger + intermediate + identityFile(t, "selfsigned.pem") + leaf, "p256 client < Test Intermediate"},
		"leaf alone":     {leaf, "p256 client"},
		"gap":            {leaf + root, "p256 client"},
		"BOM and CRLF":   {"\ufeff" + strings.ReplaceAll(leaf+"subject=x\n"+intermediate, "\n", "\r\n"), "p256 client < Test Intermediate"},
		"combined key":   {leaf, "p256 client"},
	} {
		t.Run(name, func(t *testing.T) {
			key := key
			if name == "combined key" {
				key = NewSecret(leaf + root + key.Reveal())
			}
			id, err := ParsePEM(c.text, key, Secret{})
			if err != nil {
				t.Fatal(err)
			}
			if got := chainNames(t, id); got != c.want {
				t.Errorf("chain %q, want %q", got, c.want)
			}
		})
	}
}

func TestParsePEMRefusals(t *testing.T) {
	leaf, key := identityFile(t, "p256.pem"), identityFile(t, "p256.key")
	for name, c := range map[string]struct{ certificate, key, password, want string }{
		"no certificate":      {"", key, "", "needs client_certificate"},
		"no key":              {leaf, " \n", "", "needs client_private_key"},
		"huge":                {strings.Repeat(leaf, 400), key, "", "larger than 128 KiB"},
		"many":                {strings.Repeat(leaf, 33), key, "", "too many certificates"},
		"mismatch":            {identityFile(t, "rsa.pem"), key, "", "belongs to none of the certificates"},
		"key in certificate":  {leaf + key, key, "", "client_certificate holds a private key"},
		"several keys":        {leaf, key + identityFile(t, "rsa.key"), "", "several private keys"},
		"certificate as key":  {leaf, leaf, "", "holds no PEM private key"},
		"PFX":                 {base64File(t, "p256.pfx"), key, "", "pass it as pfx"},
		"binary PFX":          {strings.ToValidUTF8(identityFile(t, "p256.pfx"), "\ufffd"), key, "", "pass it as pfx"},
		"text":                {"a certificate", key, "", "holds no PEM certificate"},
		"DER":                 {string(identityCertificate(t, "p256.pem").Raw), key, "", "openssl x509 -in"},
		"lost line breaks":    {strings.ReplaceAll(leaf, "\n", " "), key, "", "client_certificate=@file.pem"},
		"half a chain":        {leaf + leaf[:300], key, "", "client_certificate has a damaged PEM block"},
		"key cut off":         {leaf, key[:100], "", "client_private_key has a damaged PEM block"},
		"garbage in key":      {leaf, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "", "damaged"},
		"garbage encrypted":   {leaf, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", "x", "damaged"},
		"garbage certificate": {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", key, "", "certificate is damaged"},
		"OpenSSH key":         {leaf, strings.ReplaceAll(key, "PRIVATE", "OPENSSH PRIVATE"), "", "openssl pkey"},
		"CA":                  {identityFile(t, "chain.pem"), identityFile(t, "intermediate.key"), "", "belongs to a CA certificate"},
		"root with its child": {identityFile(t, "chain.pem"), identityFile(t, "root.key"), "", "belongs to a CA certificate"},
		"secp256k1":           {identityFile(t, "secp256k1.pem"), identityFile(t, "secp256k1.key"), "", "curve is not supported"},
		"PKCS8 with PBES1":    {leaf, identityFile(t, "p256-pkcs8-v1.key"), identityPassword, "encrypt it again"},
		"PKCS8 with SHA-512":  {leaf, identityFile(t, "p256-pkcs8-sha512.key"), identityPassword, "encrypt it again"},
		"slow PKCS8":          {leaf, identityFile(t, "p256-pkcs8-slow.key"), identityPassword, "more than 10,000,000"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParsePEM(c.certificate, NewSecret(c.key), NewSecret(c.password))
			wantSentence(t, err, c.want)
		})
	}
}

// crypto/x509 reads P-224 keys, crypto/tls can't sign with them.
func TestIdentityRefusesP224(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, err = newIdentity(key, nil)
	wantSentence(t, err, "curve is not supported")
}

// A library that meets an IV or a text that doesn't fit the cipher's blocks may panic.
func TestParsePEMRefusesMisfitCiphertext(t *testing.T) {
	block, _ := pem.Decode([]byte(identityFile(t, "rsa-pkcs8-aes.key")))
	for name, spoil := range map[string]func(*encryptedKey){
		"text": func(k *encryptedKey) { k.Data = k.Data[:len(k.Data)-1] },
		"none": func(k *encryptedKey) { k.Data = nil },
		"IV":   func(k *encryptedKey) { p := k.Algorithm.Parameters.FullBytes; shortenIV(t, p, k) },
		// The library would take such a file for one with SHA-1, and blame the password.
		"key length": func(k *encryptedKey) { k.Algorithm = pbes2Of(t, 2048, make([]byte, 16)) },
	} {
		t.Run(name, func(t *testing.T) {
			var info encryptedKey
			if err := unmarshalExactly(block.Bytes, &info); err != nil {
				t.Fatal(err)
			}
			spoil(&info)
			der, err := asn1.Marshal(info)
			if err != nil {
				t.Fatal(err)
			}
			text := pem.EncodeToMemory(&pem.Block{Type: pemEncryptedPKCS8, Bytes: der})
			_, err = ParsePEM(identityFile(t, "rsa.pem"), NewSecret(string(text)), NewSecret(identityPassword))
			wantSentence(t, err, "encrypt it again")
		})
	}
}

// RFC 1423 has no integrity check: one wrong password in 256 decrypts to something.
func TestParsePEMWrongPasswordWithPlausiblePadding(t *testing.T) {
	text := identityFile(t, "p256-rfc1423-des3.key")
	block, _ := pem.Decode([]byte(text))
	for i := 0; i < 10_000; i++ {
		password := fmt.Sprint("wrong", i)
		//lint:ignore SA1019 see parseKey
		if _, err := x509.DecryptPEMBlock(block, []byte(password)); err == nil {
			_, err = ParsePEM(identityFile(t, "p256.pem"), NewSecret(text), NewSecret(password))
			wantSentence(t, err, "is not the password of this key")
			return
		}
	}
	t.Fatal("no such password among the first 10,000")
}

func shortenIV(t *testing.T, params []byte, k *encryptedKey) {
	t.Helper()
	var p pbes2
	if err := unmarshalExactly(params, &p); err != nil {
		t.Fatal(err)
	}
	p.Scheme.Parameters.FullBytes = nil
	p.Scheme.Parameters = asn1.RawValue{Tag: asn1.TagOctetString, Bytes: []byte{1, 2, 3}}
	der, err := asn1.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	k.Algorithm.Parameters = asn1.RawValue{FullBytes: der}
}

func FuzzParsePEM(f *testing.F) {
	f.Add(identityFile(f, "p256.pem"), identityFile(f, "p256-pkcs8-des3.key"), identityPassword)
	f.Add(identityFile(f, "chain.pem"), identityFile(f, "p256-sec1.key"), "")
	f.Add(identityFile(f, "ed25519.pem"), identityFile(f, "ed25519-pkcs8-scrypt.key"), identityPassword)
	f.Add(identityFile(f, "p256.pem"), identityFile(f, "p256-rfc1423-des3.key"), identityPassword)
	f.Fuzz(func(t *testing.T, certificate, key, password string) {
		id, err := ParsePEM(certificate, NewSecret(key), NewSecret(password))
		checkFuzzed(t, id, err)
	})
}

// checkFuzzed: whatever is accepted can be stored, read back and described.
func checkFuzzed(t *testing.T, id *Identity, err error) {
	t.Helper()
	if err != nil {
		return
	}
	chain, key := id.PEM()
	again, err := LoadIdentity(chain, key)
	if err != nil {
		t.Fatal(err)
	}
	if again.Fingerprint() != id.Fingerprint() {
		t.Fatal("another certificate came back")
	}
	_ = again.Warnings(x509.Certificate{}.NotAfter)
}
