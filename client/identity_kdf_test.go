package client

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"testing"
)

func marshal(t *testing.T, value any) []byte {
	t.Helper()
	der, err := asn1.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func algorithm(t *testing.T, oid asn1.ObjectIdentifier, params any) pkix.AlgorithmIdentifier {
	t.Helper()
	return pkix.AlgorithmIdentifier{Algorithm: oid, Parameters: asn1.RawValue{FullBytes: marshal(t, params)}}
}

func pbes2Of(t *testing.T, iterations int64, iv []byte) pkix.AlgorithmIdentifier {
	t.Helper()
	kdf := pbkdf2Params{Iterations: big.NewInt(iterations), KeyLength: 32}
	kdf.Salt = asn1.RawValue{Tag: asn1.TagOctetString, Bytes: []byte("saltsalt")}
	kdf.PRF = pkix.AlgorithmIdentifier{Algorithm: oidHMACWithSHA256, Parameters: asn1.NullRawValue}
	aes256 := asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
	return algorithm(t, oidPBES2, pbes2{algorithm(t, oidPBKDF2, kdf), algorithm(t, aes256, iv)})
}

func bag(t *testing.T, kind asn1.ObjectIdentifier, value []byte) safeBag {
	t.Helper()
	return safeBag{Type: kind, Value: asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: value}}
}

// encryptedPart is a part with bags inside, encrypted under the test password.
func encryptedPart(t *testing.T, iterations int64, bags ...safeBag) contentInfo {
	t.Helper()
	return encryptedBytes(t, iterations, marshal(t, bags))
}

func encryptedBytes(t *testing.T, iterations int64, plain []byte) contentInfo {
	t.Helper()
	iv := make([]byte, aes.BlockSize)
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	plain = append(plain, bytes.Repeat([]byte{byte(pad)}, pad)...)
	key, err := pbkdf2.Key(sha256.New, identityPassword, []byte("saltsalt"), 1, 32)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(plain, plain)
	type content struct {
		Type      asn1.ObjectIdentifier
		Algorithm pkix.AlgorithmIdentifier
		Encrypted []byte `asn1:"tag:0"`
	}
	data := marshal(t, struct {
		Version int
		Content content
	}{0, content{oidData, pbes2Of(t, iterations, iv), plain}})
	return contentInfo{oidEncryptedData, bag(t, nil, data).Value}
}

func packPFX(t *testing.T, mac func([]byte) macData, parts ...contentInfo) string {
	t.Helper()
	safe := marshal(t, parts)
	part, err := dataPart(safe)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(marshal(t, pfxPDU{3, part, mac(safe)}))
}

// dataPart is content in the clear.
func dataPart(content []byte) (contentInfo, error) {
	data, err := asn1.Marshal(content)
	wrapped := asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: data}
	return contentInfo{Type: oidData, Content: wrapped}, err
}

// newMAC is the MAC of RFC 7292 appendix B with SHA-256, one iteration and no salt.
func newMAC(message, password []byte) macData {
	sum := hmac.New(sha256.New, pkcs12KDF(sha256.New, purposeMAC, password, nil, 1, sha256.Size))
	sum.Write(message)
	mac := macData{Iterations: big.NewInt(1)}
	mac.Digest.Algorithm = pkix.AlgorithmIdentifier{Algorithm: oidSHA256, Parameters: asn1.NullRawValue}
	mac.Digest.Value = sum.Sum(nil)
	return mac
}

func testMAC(safe []byte) macData { return newMAC(safe, append(bmpString(identityPassword), 0, 0)) }

// visibleKey is the key bag of p256.pfx.
func visibleKey(t *testing.T) safeBag {
	t.Helper()
	f, err := openPFX([]byte(identityFile(t, "p256.pfx")))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range f.parts {
		for _, bag := range part.bags {
			if bag.isKey() {
				return bag
			}
		}
	}
	t.Fatal("p256.pfx shows no key")
	return safeBag{}
}

// slowPFX are files that ask for more iterations than a CPU does in a day, each elsewhere.
func slowPFX(t *testing.T) map[string]string {
	const forever = 1 << 50
	certificate := marshal(t, struct {
		Type asn1.ObjectIdentifier
		Data []byte `asn1:"tag:0,explicit"`
	}{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}, identityCertificate(t, "p256.pem").Raw})
	certBag, keyBag := bag(t, oidCertBag, certificate), visibleKey(t)
	slow := encryptedKey{pbes2Of(t, forever, make([]byte, 16)), make([]byte, 160)}
	slowKey := bag(t, oidShroudedBag, marshal(t, slow))
	part := func(bags ...safeBag) contentInfo {
		p, err := dataPart(marshal(t, bags))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	slowMAC := func(safe []byte) macData {
		mac := testMAC(safe)
		mac.Iterations = big.NewInt(forever)
		return mac
	}
	slowPBMAC1 := func(safe []byte) macData {
		mac := testMAC(safe)
		mac.Digest.Algorithm = pbes2Of(t, forever, nil)
		mac.Digest.Algorithm.Algorithm = oidPBMAC1
		return mac
	}
	return map[string]string{
		"MAC":               packPFX(t, slowMAC, part(keyBag, certBag)),
		"PBMAC1":            packPFX(t, slowPBMAC1, part(keyBag, certBag)),
		"key":               packPFX(t, testMAC, part(slowKey, certBag)),
		"certificates":      packPFX(t, testMAC, encryptedPart(t, forever, certBag), part(keyBag)),
		"hidden key":        packPFX(t, testMAC, encryptedPart(t, 1, slowKey, certBag), part(keyBag)),
		"hidden behind one": packPFX(t, testMAC, encryptedPart(t, 1, certBag, slowKey), part(keyBag)),
		"in one safe":       packPFX(t, testMAC, encryptedPart(t, 1, certBag, slowKey)),
	}
}

func TestParsePFXSeveralKeys(t *testing.T) {
	key := visibleKey(t)
	part, err := dataPart(marshal(t, []safeBag{key, key}))
	if err != nil {
		t.Fatal(err)
	}
	for _, password := range []string{identityPassword, "", "wrong"} { // it takes none to see that
		_, err = ParsePFX(packPFX(t, testMAC, part), NewSecret(password))
		wantSentence(t, err, "several private keys")
	}
}

func TestKDFBudget(t *testing.T) {
	scrypt := func(n, r, p int64) pkix.AlgorithmIdentifier {
		return algorithm(t, oidScrypt, struct {
			Salt    []byte
			N, R, P *big.Int
		}{[]byte("salt"), big.NewInt(n), big.NewInt(r), big.NewInt(p)})
	}
	pbe := func(count *big.Int) pkix.AlgorithmIdentifier {
		return algorithm(t, asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 3}, struct {
			Salt  []byte
			Count *big.Int
		}{[]byte("salt"), count})
	}
	for name, c := range map[string]struct {
		spends []pkix.AlgorithmIdentifier
		want   error
	}{
		"the limit":           {[]pkix.AlgorithmIdentifier{pbe(big.NewInt(4_000_000)), pbes2Of(t, 6_000_000, nil)}, nil},
		"one more":            {[]pkix.AlgorithmIdentifier{pbe(big.NewInt(4_000_001)), pbes2Of(t, 6_000_000, nil)}, errKDFWork},
		"beyond an int":       {[]pkix.AlgorithmIdentifier{pbe(new(big.Int).Lsh(big.NewInt(1), 90))}, errKDFWork},
		"zero":                {[]pkix.AlgorithmIdentifier{pbe(new(big.Int))}, errKDF},
		"negative":            {[]pkix.AlgorithmIdentifier{pbe(big.NewInt(-1))}, errKDF},
		"scrypt of openssl":   {[]pkix.AlgorithmIdentifier{scrypt(16384, 8, 1)}, nil},
		"scrypt of 64 MB":     {[]pkix.AlgorithmIdentifier{scrypt(65536, 8, 1)}, errKDFWork},
		"scrypt p":            {[]pkix.AlgorithmIdentifier{scrypt(2, 1, 1<<30)}, errKDFWork},
		"scrypt negative":     {[]pkix.AlgorithmIdentifier{scrypt(-65536, -65536, 1)}, errKDF},
		"unknown":             {[]pkix.AlgorithmIdentifier{{Algorithm: asn1.ObjectIdentifier{1, 2, 3}}}, errKDF},
		"PBES2 without a KDF": {[]pkix.AlgorithmIdentifier{{Algorithm: oidPBES2}}, errKDF},
		"PBES2 inside itself": {[]pkix.AlgorithmIdentifier{
			algorithm(t, oidPBES2, pbes2{pbes2Of(t, 1, nil), pbes2Of(t, 1, nil)})}, errKDF},
	} {
		t.Run(name, func(t *testing.T) {
			var budget kdfBudget
			var err error
			for _, a := range c.spends {
				if err = budget.algorithm(a); err != nil {
					break
				}
			}
			if err != c.want {
				t.Errorf("error %v, want %v", err, c.want)
			}
		})
	}
}
