package client

import (
	"crypto"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"math/big"
	"strings"
	"unicode/utf16"

	"software.sslmate.com/src/go-pkcs12"
)

const exportAgain = "export it again with `openssl pkcs12 -export -in cert.pem -inkey key.pem -certfile chain.pem " +
	"-macalg sha256 -out cert.pfx`"

var (
	errMAC = errors.New("pfx is authenticated with a MAC that is not supported (SHA-1, SHA-256 and SHA-512 are): " +
		exportAgain)
	errPFXNoKey = errors.New("pfx holds no private key: export the certificate together with its key, " +
		"the key in a part of its own as openssl, Java and Windows do it")
	errPFXNoCert      = errors.New("pfx holds no certificate: export the key together with its certificate")
	errPFXSeveralKeys = errors.New("pfx holds several private keys: export the one to use with its certificate")
	errPFXDamage      = errors.New("pfx can't be decoded: it is damaged or uses an encryption that is not supported; " +
		exportAgain)
	errPFXNeedsPassword = errors.New("pfx is protected by a password: pass it as pfx_password")
	errPFXWrongPassword = errors.New("pfx_password is not the password of this pfx")
	errPFXNoPassword    = errors.New("pfx has no password: leave pfx_password out")
)

// decode decrypts the file and returns its key and all its certificates, in file order.
func (f *pfxFile) decode(password string) (crypto.PrivateKey, []*x509.Certificate, error) {
	if err := f.checkShape(); err != nil {
		return nil, nil, err
	}
	if err := f.checkPassword(password); err != nil {
		return nil, nil, err
	}
	key, certs, err := f.decodeWith(password, append(bmpString(password), 0, 0))
	if err != nil && password == "" {
		// Two spellings of the empty password are in use: a lone terminator and no bytes at all.
		if key, certs, retryErr := f.decodeWith("", nil); retryErr == nil {
			return key, certs, nil
		}
	}
	if err != nil {
		return nil, nil, pfxFailure(err, password)
	}
	return key, certs, nil
}

func (f *pfxFile) checkShape() error {
	switch {
	case len(f.keys) == 0:
		return errPFXNoKey
	case len(f.keys) > 1:
		return errPFXSeveralKeys
	case len(f.certs)+len(f.encrypted) == 0:
		return errPFXNoCert
	case len(f.encrypted) > 1:
		return errPFXDamage
	}
	return nil
}

// checkPassword tells apart a wrong, a missing and a needless password, as far as the file does.
func (f *pfxFile) checkPassword(password string) error {
	if strings.ContainsFunc(password, func(r rune) bool { return r > 0xFFFF }) {
		return errors.New("pfx_password has a character, such as an emoji, that PKCS #12 can't express: " +
			"export the file again with another password")
	}
	switch {
	case !f.protected && password != "":
		return errPFXNoPassword
	case !f.hasMAC || f.verifiesMAC(password):
		return nil
	case password == "":
		return errPFXNeedsPassword
	case f.verifiesMAC(""):
		return errPFXNoPassword
	}
	return errPFXWrongPassword
}

// verifiesMAC is false only when the file's MAC was made with another password. DecodeTrustStore
// checks the MAC first and never opens a key, so whatever else it complains about is not of
// interest here; a PBMAC1 that can't be checked is refused by decodeWith.
func (f *pfxFile) verifiesMAC(password string) bool {
	_, err := pkcs12.DecodeTrustStore(f.der, password)
	return !errors.Is(err, pkcs12.ErrIncorrectPassword)
}

// decodeWith hands the library a repacked file: the visible key first, the encrypted part after
// it. A key hidden in the encrypted part is then refused as the second one before its own key
// derivation, whose cost nobody can see beforehand, is run. Repacking also gives a file without
// a MAC one, without which the library accepts no password.
func (f *pfxFile) decodeWith(password string, encoded []byte) (crypto.PrivateKey, []*x509.Certificate, error) {
	der, err := f.repack(encoded)
	if err != nil {
		return nil, nil, err
	}
	key, first, others, err := pkcs12.DecodeChain(der, password)
	if err != nil {
		return nil, nil, err
	}
	return key, append([]*x509.Certificate{first}, others...), nil
}

func (f *pfxFile) repack(password []byte) ([]byte, error) {
	bags, err := asn1.Marshal(append(f.keys[:1:1], f.certs...))
	if err != nil {
		return nil, err
	}
	plain, err := dataPart(bags)
	if err != nil {
		return nil, err
	}
	safe, err := asn1.Marshal(append([]contentInfo{plain}, f.encrypted...))
	if err != nil {
		return nil, err
	}
	pdu := pfxPDU{Version: 3, MAC: newMAC(safe, password)}
	if pdu.AuthSafe, err = dataPart(safe); err != nil {
		return nil, err
	}
	return asn1.Marshal(pdu)
}

func dataPart(content []byte) (contentInfo, error) {
	octets, err := asn1.Marshal(content)
	wrapped := asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: octets}
	return contentInfo{Type: oidData, Content: wrapped}, err
}

// newMAC makes the MAC of RFC 7292 appendix B with SHA-256 and one iteration. For a key as long
// as the hash, appendix B.2 is a single hash over the purpose 3, the salt (none) and the
// password, the first and last repeated to fill 64-byte blocks.
func newMAC(message, password []byte) macData {
	input := make([]byte, 0, 64+len(password)+64)
	for len(input) < 64 {
		input = append(input, 3)
	}
	for i := 0; len(password) > 0 && (i < len(password) || i%64 != 0); i++ {
		input = append(input, password[i%len(password)])
	}
	key := sha256.Sum256(input)
	sum := hmac.New(sha256.New, key[:])
	sum.Write(message)
	mac := macData{Iterations: big.NewInt(1)}
	mac.Digest.Algorithm.Algorithm = oidSHA256
	mac.Digest.Algorithm.Parameters = asn1.NullRawValue
	mac.Digest.Value = sum.Sum(nil)
	return mac
}

// bmpString is the password's encoding in RFC 7292 appendix B.1, without the terminator.
func bmpString(s string) []byte {
	var b []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		b = append(b, byte(unit>>8), byte(unit))
	}
	return b
}

// pfxFailure replaces the library's error, which may quote the file, by a sentence. The library
// has few typed errors; the tests hold one file for each text that is looked for here.
func pfxFailure(err error, password string) error {
	text := err.Error()
	switch {
	case errors.Is(err, pkcs12.ErrDecryption), strings.Contains(text, pkcs12.ErrDecryption.Error()):
		if password == "" {
			return errPFXNeedsPassword
		}
		return errPFXWrongPassword
	case strings.Contains(text, "expected exactly one key bag"):
		return errPFXSeveralKeys
	case strings.Contains(text, "certificate missing"):
		return errPFXNoCert
	}
	return keyFailure(err, errPFXDamage)
}
