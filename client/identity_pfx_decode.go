package client

import (
	"crypto"
	"crypto/x509"
	"errors"
	"strings"

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
