package client

import (
	"crypto"
	"crypto/aes"
	"crypto/des"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"slices"

	"github.com/youmark/pkcs8"
)

const encryptAgain = "`openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 -in key.pem -out new.pem`" +
	` (with -provider legacy -provider default too, if it says "unsupported")`

// newKey makes a key that every server takes, and asks for its certificate.
const newKey = "make a new key with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem`, " +
	"ask for a certificate with `openssl req -new -key key.pem -subj /CN=client -out request.pem`, " +
	"and pass the two as {client_private_key}=@key.pem and {client_certificate}=@cert.pem"

const (
	explicitCurve  = "the private key spells its elliptic curve out instead of naming it: "
	withNamedCurve = "and pass it as {client_private_key}=@new.pem with its certificate as {client_certificate}; a certificate that " +
		"spells the curve out too has to be issued again, for `openssl req -new -key new.pem -subj /CN=client -out request.pem`"
)

var (
	errKeyDamage = FieldError{Text: "{client_private_key} is damaged or of a kind that is not supported: " +
		"convert it with `openssl pkey -in key.pem -out new.pem`"}
	errKeyNeedsPassword = FieldError{Text: "{client_private_key} is encrypted: pass its password as {client_private_key_password}"}
	errKeyNoPassword    = FieldError{Text: "{client_private_key} is not encrypted: leave {client_private_key_password} out"}
	errKeyWrongPassword = FieldError{Text: "{client_private_key_password} is not the password of this key, or the key is damaged"}
	errKeyEncryption    = FieldError{Text: "{client_private_key} is encrypted in a way that is not supported: encrypt it again with " +
		encryptAgain}
	errKeyOpenSSH = FieldError{Text: "{client_private_key} is in OpenSSH's own format, which `openssl pkey` can't read either: " +
		"convert a copy of it with `ssh-keygen -p -m PKCS8 -f key.pem`"}
	errKeyExplicit = FieldError{Text: explicitCurve + "convert it with `openssl ec -in key.pem -param_enc named_curve -out new.pem`, " + withNamedCurve}
	errPFXExplicit = FieldError{Text: explicitCurve + "take it out with " + takeApart +
		", convert it with `openssl ec -in all.pem -param_enc named_curve -out new.pem`, " + withNamedCurve}
	errKeyPSS = FieldError{Text: "the private key is for RSA-PSS signatures only, which TLS client certificates can't use here: " + newKey}
)

// parseKey decrypts, where needed, and parses one private key block. What is in it counts and not its label,
// which people write by hand: openssl and crypto/tls pass over a wrong one as well.
func parseKey(block *pem.Block, password string) (crypto.PrivateKey, error) {
	//lint:ignore SA1019 providers still ship such keys; the weakness is in how they travelled, not in reading them
	rfc1423 := x509.IsEncryptedPEMBlock(block)
	pkcs8 := !rfc1423 && isKeyLabel(block.Type) && isEncryptedKey(block.Bytes)
	encrypted := rfc1423 || pkcs8 || block.Type == pemEncryptedPKCS8 && !holdsPlainKey(block.Bytes)
	switch {
	case block.Type == pemOpenSSH:
		return nil, errKeyOpenSSH
	case block.Type == "DSA PRIVATE KEY":
		return nil, errKeyKind
	case !isKeyLabel(block.Type):
		return nil, errKeyDamage
	case encrypted && password == "":
		return nil, errKeyNeedsPassword
	case !encrypted && password != "":
		return nil, errKeyNoPassword
	case encrypted && !rfc1423:
		return decryptPKCS8(block.Bytes, password)
	case !rfc1423:
		return parseAnyKey(block.Bytes, errKeyDamage)
	}
	//lint:ignore SA1019 as above
	der, err := x509.DecryptPEMBlock(block, []byte(password))
	if errors.Is(err, x509.IncorrectPasswordError) {
		return nil, errKeyWrongPassword
	}
	if err != nil {
		return nil, errKeyEncryption
	}
	key, err := parseAnyKey(der, errKeyDamage)
	if errors.Is(err, errKeyDamage) { // one wrong password in 256 leaves a plausible padding
		return nil, errKeyWrongPassword
	}
	return key, err
}

func isKeyLabel(label string) bool {
	return label == pemPKCS1 || label == pemSEC1 || label == pemPKCS8 || label == pemEncryptedPKCS8
}

func isEncryptedKey(der []byte) bool {
	var info encryptedKey
	return unmarshalExactly(der, &info) == nil
}

func holdsPlainKey(der []byte) bool {
	_, err := parseAnyKey(der, errKeyDamage)
	return !errors.Is(err, errKeyDamage)
}

// parseAnyKey parses a plain key in any of its three encodings. The error is otherwise, where none with a
// remedy of its own fits.
func parseAnyKey(der []byte, otherwise error) (crypto.PrivateKey, error) {
	if err := keyRefusal(der); err != nil {
		return nil, err
	}
	for _, parse := range []func([]byte) (any, error){
		x509.ParsePKCS8PrivateKey,
		func(der []byte) (any, error) { return x509.ParsePKCS1PrivateKey(der) },
		func(der []byte) (any, error) { return x509.ParseECPrivateKey(der) },
	} {
		if key, err := parse(der); err == nil {
			return key, nil
		}
	}
	return nil, otherwise
}

var (
	oidEC     = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidRSA    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidRSAPSS = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	oidEd     = asn1.ObjectIdentifier{1, 3, 101, 112}
)

// keyRefusal returns why a whole key of a kind that can't be used here is refused.
func keyRefusal(der []byte) error {
	var pkcs8 struct {
		Version   int
		Algorithm pkix.AlgorithmIdentifier
		Key       []byte
		Rest      asn1.RawValue `asn1:"optional"`
	}
	var sec1 struct {
		Version int
		Key     []byte
		Curve   asn1.RawValue `asn1:"optional"` // the [0] around it
		Public  asn1.RawValue `asn1:"optional"`
	}
	if unmarshalExactly(der, &sec1) == nil {
		var curve asn1.RawValue
		if unmarshalExactly(sec1.Curve.Bytes, &curve) != nil || sec1.Curve.Tag != 0 {
			return nil
		}
		return curveRefusal(curve)
	}
	if _, err := asn1.Unmarshal(der, &pkcs8); err != nil {
		return nil
	}
	switch oid := pkcs8.Algorithm.Algorithm; {
	case oid.Equal(oidRSAPSS):
		return errKeyPSS
	case oid.Equal(oidEC):
		return curveRefusal(pkcs8.Algorithm.Parameters)
	case !oid.Equal(oidRSA) && !oid.Equal(oidEd):
		return errKeyKind
	}
	return nil
}

// curves are those that crypto/x509 can parse, secp224r1 included, which usablePublicKey refuses.
var curves = []asn1.ObjectIdentifier{{1, 2, 840, 10045, 3, 1, 7}, {1, 3, 132, 0, 33}, {1, 3, 132, 0, 34}, {1, 3, 132, 0, 35}}

func curveRefusal(curve asn1.RawValue) error {
	var oid asn1.ObjectIdentifier
	switch {
	case curve.Class == asn1.ClassUniversal && curve.Tag == asn1.TagSequence && len(curve.FullBytes) > 0:
		return errKeyExplicit
	case unmarshalExactly(curve.FullBytes, &oid) == nil && !slices.ContainsFunc(curves, oid.Equal):
		return errCurve
	}
	return nil
}

// encryptedKey is EncryptedPrivateKeyInfo of RFC 5958 section 3.
type encryptedKey struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

func decryptPKCS8(der []byte, password string) (crypto.PrivateKey, error) {
	var info encryptedKey
	if err := unmarshalExactly(der, &info); err != nil {
		return nil, errKeyDamage
	}
	if err := checkPBES2(info); err != nil {
		return nil, err
	}
	var budget kdfBudget
	switch err := budget.algorithm(info.Algorithm); {
	case errors.Is(err, errKDFWork):
		return nil, errKeyWork
	case err != nil:
		return nil, errKeyEncryption
	}
	key, err := pkcs8.ParsePKCS8PrivateKey(der, []byte(password))
	if err != nil {
		return nil, errKeyWrongPassword
	}
	return key, nil
}

// blockSizes lists the CBC ciphers of PBES2 that the library knows, with their block size.
var blockSizes = map[string]int{
	"1.2.840.113549.3.7":      des.BlockSize, // des-ede3-cbc, still the default of `openssl req`
	"2.16.840.1.101.3.4.1.2":  aes.BlockSize,
	"2.16.840.1.101.3.4.1.22": aes.BlockSize,
	"2.16.840.1.101.3.4.1.42": aes.BlockSize,
}

var (
	oidHMACWithSHA1   = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 7}
	oidHMACWithSHA256 = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}
)

// checkPBES2 lets through only what the library decrypts right: it panics on an IV or a text that
// doesn't fit the blocks, and overlooks the PRF when a key length is given.
func checkPBES2(info encryptedKey) error {
	var params pbes2
	var iv []byte
	if !info.Algorithm.Algorithm.Equal(oidPBES2) ||
		unmarshalExactly(info.Algorithm.Parameters.FullBytes, &params) != nil ||
		unmarshalExactly(params.Scheme.Parameters.FullBytes, &iv) != nil {
		return errKeyEncryption
	}
	size := blockSizes[params.Scheme.Algorithm.String()]
	if size == 0 || len(iv) != size || len(info.Data) == 0 || len(info.Data)%size != 0 {
		return errKeyEncryption
	}
	if params.KDF.Algorithm.Equal(oidScrypt) {
		return nil
	}
	var kdf pbkdf2Params
	if unmarshalExactly(params.KDF.Parameters.FullBytes, &kdf) != nil || kdf.KeyLength != 0 {
		return errKeyEncryption
	}
	prf := kdf.PRF.Algorithm
	if len(prf) != 0 && !prf.Equal(oidHMACWithSHA1) && !prf.Equal(oidHMACWithSHA256) {
		return errKeyEncryption
	}
	return nil
}
