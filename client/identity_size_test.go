package client

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
)

// hugeKey is as good as an RSA key of that length to whoever reads it: its primes are none.
func hugeKey(t *testing.T, bits int) string {
	t.Helper()
	one, e := big.NewInt(1), big.NewInt(65537)
	part := func() *big.Int {
		for {
			p, err := rand.Int(rand.Reader, new(big.Int).Lsh(one, uint(bits/2)))
			if err != nil {
				t.Fatal(err)
			}
			p.SetBit(p, bits/2-1, 1).SetBit(p, bits/2-2, 1).SetBit(p, 0, 1)
			if new(big.Int).GCD(nil, nil, e, new(big.Int).Sub(p, one)).Cmp(one) == 0 {
				return p
			}
		}
	}
	for {
		p, q := part(), part()
		p1, q1 := new(big.Int).Sub(p, one), new(big.Int).Sub(q, one)
		d, inverse := new(big.Int).ModInverse(e, new(big.Int).Mul(p1, q1)), new(big.Int).ModInverse(q, p)
		if d == nil || inverse == nil {
			continue
		}
		der, err := asn1.Marshal(struct {
			Version             int
			N                   *big.Int
			E                   int
			D, P, Q, DP, DQ, QI *big.Int
		}{0, new(big.Int).Mul(p, q), 65537, d, p, q, new(big.Int).Mod(d, p1), new(big.Int).Mod(d, q1), inverse})
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: pemPKCS1, Bytes: der}))
	}
}

// A signature with a key of absurd length takes minutes, so it is refused before the first.
func TestRSAKeysOfAbsurdLengthAreRefused(t *testing.T) {
	text := hugeKey(t, 16384)
	certificate := identityFile(t, "rsa.pem")
	for name, parse := range map[string]func() error{
		"to sign with":     func() error { _, err := ParseSigningKey(NewSecret(text), Secret{}); return err },
		"of a certificate": func() error { _, err := ParsePEM(certificate, NewSecret(text), Secret{}); return err },
	} {
		if err := parse(); err == nil || !strings.Contains(err.Error(), "longer than 8192 bits") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := usablePublicKey(&rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), maxRSABits-1)}}); err != nil {
		t.Errorf("8192 bits: %v", err)
	}
}
