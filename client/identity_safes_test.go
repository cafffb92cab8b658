package client

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"testing"
)

func certificateBag(t *testing.T, name string) safeBag {
	t.Helper()
	return bag(t, oidCertBag, marshal(t, struct {
		Type asn1.ObjectIdentifier
		Data []byte `asn1:"tag:0,explicit"`
	}{oidX509Bag, identityCertificate(t, name+".pem").Raw}))
}

// plainKey is the key of p256.pem in a bag that is not encrypted by itself.
func plainKey(t *testing.T) safeBag {
	t.Helper()
	block, _ := pem.Decode([]byte(identityFile(t, "p256.key")))
	return bag(t, oidKeyBag, block.Bytes)
}

// RFC 7292 section 4.1 allows any number of parts, and any bags in each.
func TestParsePFXTakesAnySafes(t *testing.T) {
	key, leaf, issuer := visibleKey(t), certificateBag(t, "p256"), certificateBag(t, "intermediate")
	const whole = "p256 client < Test Intermediate"
	for name, parts := range map[string][]contentInfo{
		"a part for each certificate":     {encryptedPart(t, 1, leaf), encryptedPart(t, 1, issuer), octetPart(t, marshal(t, []safeBag{key}))},
		"the key first":                   {octetPart(t, marshal(t, []safeBag{key})), encryptedPart(t, 1, issuer), encryptedPart(t, 1, leaf)},
		"key and certificates in one":     {encryptedPart(t, 1, key, leaf, issuer)},
		"a key that is not shrouded":      {encryptedPart(t, 1, leaf, issuer, plainKey(t))},
		"everything in the clear":         {octetPart(t, marshal(t, []safeBag{leaf, plainKey(t), issuer}))},
		"safes within safes":              {encryptedPart(t, 1, nest(t, leaf, nest(t, key)), issuer)},
		"certificates here and there":     {octetPart(t, marshal(t, []safeBag{leaf})), encryptedPart(t, 1, issuer, key)},
		"bags of no interest, none empty": {encryptedPart(t, 1, bag(t, asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 5}, []byte{5, 0}), key, leaf, issuer), encryptedPart(t, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			text := packPFX(t, testMAC, parts...)
			id, err := ParsePFX(text, NewSecret(identityPassword))
			if err != nil {
				t.Fatal(err)
			}
			if got := chainNames(t, id); got != whole {
				t.Errorf("chain %q", got)
			}
			_, err = ParsePFX(text, NewSecret("wrong"))
			wantSentence(t, err, "is not the password")
		})
	}
	deep := leaf
	for range maxBagDepth + 2 {
		deep = nest(t, deep)
	}
	_, err := ParsePFX(packPFX(t, testMAC, octetPart(t, marshal(t, []safeBag{key, deep}))), NewSecret(identityPassword))
	wantSentence(t, err, "not a PKCS #12 file")
	_, err = ParsePFX(packPFX(t, testMAC, encryptedPart(t, 1, key, leaf, plainKey(t))), NewSecret(identityPassword))
	wantSentence(t, err, "several private keys")
	_, err = ParsePFX(packPFX(t, testMAC, encryptedPart(t, 1, leaf)), NewSecret(identityPassword))
	wantSentence(t, err, "holds no private key")
	_, err = ParsePFX(packPFX(t, testMAC, encryptedPart(t, 1, key)), NewSecret(identityPassword))
	wantSentence(t, err, "holds no certificate")
}

func nest(t *testing.T, bags ...safeBag) safeBag { return bag(t, oidSafeBag, marshal(t, bags)) }

// Three times 600,000 is what NSS, Firefox and GnuTLS write. The parts count together.
func TestIterationsOfAllPartsCountTogether(t *testing.T) {
	key, leaf := visibleKey(t), certificateBag(t, "p256")
	for n, want := range map[int64]string{2_000_000: "", 4_000_000: "more than 10,000,000"} {
		parts := []contentInfo{octetPart(t, marshal(t, []safeBag{key}))}
		for range 3 {
			parts = append(parts, encryptedPart(t, n, leaf))
		}
		der, err := base64.StdEncoding.DecodeString(packPFX(t, testMAC, parts...))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := openPFX(der); want != "" {
			wantSentence(t, err, want)
		} else if err != nil {
			t.Error(err)
		}
	}
}

// A PBMAC1 with a key of a few bits is forged in a few tries (RFC 9579 section 9), so it counts as none that is right.
func TestPBMAC1WithAShortKeyIsRefused(t *testing.T) {
	for length, want := range map[int]string{1: "can't be decoded", 19: "can't be decoded", 65: "can't be decoded", 32: ""} {
		mac := func(safe []byte) macData {
			kdf := pbkdf2Params{Iterations: big.NewInt(1), KeyLength: length, Salt: asn1.RawValue{Tag: asn1.TagOctetString, Bytes: []byte("saltsalt")},
				PRF: pkix.AlgorithmIdentifier{Algorithm: oidHMACWithSHA256, Parameters: asn1.NullRawValue}}
			key, err := pbkdf2.Key(sha256.New, identityPassword, []byte("saltsalt"), 1, length)
			if err != nil {
				t.Fatal(err)
			}
			sum := hmac.New(sha256.New, key)
			sum.Write(safe)
			m := macData{}
			m.Digest.Algorithm = algorithm(t, oidPBMAC1, pbes2{algorithm(t, oidPBKDF2, kdf), pkix.AlgorithmIdentifier{Algorithm: oidHMACWithSHA256}})
			m.Digest.Value = sum.Sum(nil)
			return m
		}
		_, err := ParsePFX(packPFX(t, mac, octetPart(t, marshal(t, []safeBag{plainKey(t), certificateBag(t, "p256")}))), NewSecret(identityPassword))
		if want != "" {
			wantSentence(t, err, want)
		} else if err != nil {
			t.Error(err)
		}
	}
}

// What can't be read may be the client's own; then it is named, and not "none of the certificates" only.
func TestAnUnreadableLeafIsNamed(t *testing.T) {
	negative := exporterFile(t, "negative-root.pem")
	for name, parse := range map[string]func() error{
		"alone": func() error {
			_, err := ParsePEM(negative, NewSecret(exporterFile(t, "negative-root.key")), Secret{})
			return err
		},
		"to sign with": func() error {
			_, err := ParseSigningKey(NewSecret(exporterFile(t, "negative-root.key")+negative), Secret{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			wantSentence(t, parse(), "certificate 1 of 1 can't be read here (its serial number is negative)")
		})
	}
	_, err := ParsePEM(identityFile(t, "root.pem")+negative, NewSecret(exporterFile(t, "negative-root.key")), Secret{})
	wantSentence(t, err, "certificate 2 of 2 can't be read")
	_, err = ParsePEM(identityFile(t, "p256.pem")+"-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n",
		NewSecret(identityFile(t, "p256.key")), Secret{})
	wantSentence(t, err, "a certificate is damaged: number 2 of 2")
}

func TestAuthoritiesThatCantBeReadAreNamed(t *testing.T) {
	root, negative, brainpool := identityFile(t, "root.pem"), exporterFile(t, "negative-root.pem"), exporterFile(t, "brainpool-root.pem")
	certs, warnings, err := ParseAuthorities(negative + root + brainpool)
	if err != nil || len(certs) != 1 || len(warnings) != 2 {
		t.Fatalf("%d certificates, warnings %q, error %v", len(certs), warnings, err)
	}
	for i, want := range []string{
		"ca_certificate: certificate 1 of 3 can't be read here (its serial number is negative) and is not trusted",
		"ca_certificate: certificate 3 of 3 can't be read here (its key's elliptic curve is not supported) and is not trusted",
	} {
		if got := warnings[i]; len(got) < len(want) || got[:len(want)] != want {
			t.Errorf("warning %q, want %q", got, want)
		}
	}
	_, _, err = ParseAuthorities(negative)
	wantSentence(t, err, "certificate 1 of 1 can't be read here (its serial number is negative)")
	_, _, err = ParseAuthorities("x")
	wantSentence(t, err, "ca_certificate holds no certificate: give PEM")
}

// An intermediate whose key is for RSA-PSS only can't be checked here, and is sent all the same.
func TestAnIssuerThatCantBeCheckedIsSent(t *testing.T) {
	certs, _, err := parseCertificates(pemDERs(t, exporterFile(t, "openssl-3-pss.pem")))
	if err != nil || len(certs) != 2 || certs[1].PublicKey != nil {
		t.Fatalf("%d certificates, %v", len(certs), err)
	}
	if !issued(certs[1], certs[0]) || !selfSigned(certs[1]) || issued(certs[1], identityCertificate(t, "p256.pem")) {
		t.Error("the name does not decide where the signature can't")
	}
}

func pemDERs(t *testing.T, text string) (ders [][]byte) {
	t.Helper()
	for block, rest := pem.Decode([]byte(text)); block != nil; block, rest = pem.Decode(rest) {
		ders = append(ders, block.Bytes)
	}
	return ders
}
