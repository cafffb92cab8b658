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
	"strings"

	"github.com/youmark/pkcs8"
)

var (
	errKeyDamage = errors.New("client_private_key is damaged or of a kind that is not supported: " +
		"convert it with `openssl pkey -in key.pem -out new.pem`")
	errKeyNeedsPassword = errors.New("client_private_key is encrypted: pass its password as client_private_key_password")
	errKeyNoPassword    = errors.New("client_private_key is not encrypted: leave client_private_key_password out")
	errKeyWrongPassword = errors.New("client_private_key_password is not the password of this key, or the key is damaged")
	errKeyEncryption    = errors.New("client_private_key is encrypted in a way that is not supported: encrypt it again with " +
		"`openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 -in key.pem -out new.pem`")
)

// parseKey decrypts, where needed, and parses one private key block.
func parseKey(block *pem.Block, password string) (crypto.PrivateKey, error) {
	//lint:ignore SA1019 providers still ship such keys; the weakness is in how they travelled, not in reading them
	rfc1423 := x509.IsEncryptedPEMBlock(block)
	encrypted := rfc1423 || block.Type == pemEncryptedPKCS8
	switch {
	case encrypted && password == "":
		return nil, errKeyNeedsPassword
	case !encrypted && password != "":
		return nil, errKeyNoPassword
	case block.Type == pemEncryptedPKCS8:
		return decryptPKCS8(block.Bytes, password)
	case !rfc1423:
		return parsePlainKey(block.Type, block.Bytes)
	}
	//lint:ignore SA1019 as above
	der, err := x509.DecryptPEMBlock(block, []byte(password))
	if errors.Is(err, x509.IncorrectPasswordError) {
		return nil, errKeyWrongPassword
	}
	if err != nil {
		return nil, errKeyEncryption
	}
	key, err := parsePlainKey(block.Type, der)
	if errors.Is(err, errKeyDamage) { // one wrong password in 256 leaves a plausible padding
		return nil, errKeyWrongPassword
	}
	return key, err
}

func parsePlainKey(kind string, der []byte) (key crypto.PrivateKey, err error) {
	switch kind {
	case pemPKCS1:
		key, err = x509.ParsePKCS1PrivateKey(der)
	case pemSEC1:
		key, err = x509.ParseECPrivateKey(der)
	case pemPKCS8:
		key, err = x509.ParsePKCS8PrivateKey(der)
	default: // OpenSSH's own format, DSA and such
		return nil, errKeyDamage
	}
	if err != nil {
		return nil, keyFailure(err, errKeyDamage)
	}
	return key, nil
}

// keyFailure picks out the one failure of key and certificate parsers that has its own remedy.
func keyFailure(err, otherwise error) error {
	if strings.Contains(err.Error(), "elliptic curve") {
		return errCurve
	}
	return otherwise
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
	if err := budget.algorithm(info.Algorithm); err != nil {
		return nil, err
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
