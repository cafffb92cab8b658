package client

import (
	"encoding/base64"
	"strings"
	"unicode"
)

// maxPFX bounds a decoded PFX, in bytes. A key with a chain of four takes about 8 KiB.
const maxPFX = 128 << 10

// maxPassword bounds a PFX's password, in bytes, since each derivation begins by hashing it.
const maxPassword = 4 << 10

const pemBegin = "-----BEGIN "

var (
	errNotPFX = FieldError{Text: "{pfx} is not a PKCS #12 file, or it is damaged: pass the .pfx or .p12 file, base64-encoded"}
	errPFXPEM = FieldError{Text: "{pfx} holds PEM: pass it as {client_certificate} and {client_private_key}, " +
		"or convert it with `openssl pkcs12 -export -in cert.pem -inkey key.pem -out cert.pfx`"}
	errPFXSize = FieldError{Text: "{pfx} is larger than 128 KiB: export the key with its own certificate and chain only"}
)

// ParsePFX decodes a base64-encoded PKCS #12 file (RFC 7292): one private key, its certificate
// and any others, in any order. The password is unset for a file without one.
//
// The base64 may use either alphabet of RFC 4648, with or without padding, and be broken into
// lines; it may stand in PEM under any label, as Windows and GnuTLS write it. The work that the file asks for is bounded before it is done. The errors are sentences
// that say what to do and hold nothing of the input. Validity in time is Check's matter.
func ParsePFX(text string, password Secret) (*Identity, error) {
	if len(password.Reveal()) > maxPassword {
		return nil, FieldError{Text: "{pfx_password} is longer than any program takes: pass the password itself, as {pfx_password}=@file does"}
	}
	der, err := decodePFXText(text)
	if err != nil {
		return nil, err
	}
	file, err := openPFX(der)
	if err != nil {
		return nil, err
	}
	key, ders, err := file.decode(password.Reveal())
	if err != nil {
		return nil, err
	}
	return identityOf(key, ders, "take the key out with `openssl pkcs12 -in cert.pfx -nodes -nocerts -out key.pem` "+
		`(with -legacy too, if it says "unsupported"), and `)
}

// decodePFXText undoes the base64. `pfx=@cert.pfx` is an easy mistake: the CLI reads the binary
// file as text, so what arrives is garbled beyond repair and can only be told what to do.
func decodePFXText(text string) ([]byte, error) {
	if len(text) > 2*maxPFX { // room for base64 and generous line breaks
		return nil, errPFXSize
	}
	text = PlainText(text)
	if strings.Contains(text, pemBegin) {
		if der := unarmour(text); der != nil {
			return der, nil
		}
		return nil, errPFXPEM
	}
	der, err := decodeBase64(text)
	switch {
	case err != nil:
		return nil, FieldError{Text: `{pfx} is not base64: pass it as {pfx}="$(base64 -w0 cert.pfx)" or {pfx}=@cert.b64`}
	case len(der) == 0:
		return nil, FieldError{Text: `{pfx} is empty: pass it as {pfx}="$(base64 -w0 cert.pfx)" or {pfx}=@cert.b64`}
	case len(der) > maxPFX:
		return nil, errPFXSize
	}
	if inner := PlainText(string(der)); strings.Contains(inner, pemBegin) { // a file with PEM, in base64 as a PFX would be
		if der := unarmour(inner); der != nil {
			return der, nil
		}
		return nil, errPFXPEM
	}
	return der, nil
}

// decodeBase64 takes what people paste: a byte order mark, line breaks anywhere, both alphabets,
// padding or none.
func decodeBase64(text string) ([]byte, error) {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return -1
		case r == '-':
			return '+'
		case r == '_':
			return '/'
		}
		return r
	}, strings.TrimPrefix(text, byteOrderMark))
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
}
