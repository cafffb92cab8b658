package client

import (
	"crypto"
	"encoding/asn1"
	"errors"
	"slices"
	"strings"
	"unicode/utf16"
)

// takeApart makes PEM of a PFX, exportAgain of nearly any PFX one that is taken.
const (
	takeApart = "`openssl pkcs12 -in cert.pfx -nodes -out all.pem` (with -legacy too, if it says \"unsupported\")"

	exportAgain = "convert it with " + takeApart + ", then `openssl pkcs12 -export -in all.pem -macalg sha256 -out new.pfx`"
)

var (
	errMAC = FieldError{Text: "{pfx} is authenticated with a MAC that is not supported (SHA-1, SHA-256 and SHA-512 are): " +
		exportAgain}
	errPFXNoKey       = FieldError{Text: "{pfx} holds no private key: export the certificate together with its key"}
	errPFXNoCert      = FieldError{Text: "{pfx} holds no certificate: export the key together with its certificate"}
	errPFXSeveralKeys = FieldError{Text: "{pfx} holds several private keys: take one out with " +
		takeApart + ", delete all private keys but the one to use from all.pem, " +
		"then `openssl pkcs12 -export -in all.pem -out new.pfx`"}
	errPFXDamage = FieldError{Text: "{pfx} can't be decoded: it is damaged or uses an encryption that is not supported; " +
		exportAgain}
	errPFXNeedsPassword = FieldError{Text: "{pfx} is protected by a password: pass it as {pfx_password}"}
	errPFXWrongPassword = FieldError{Text: "{pfx_password} is not the password of this {pfx}"}
	errPFXNoPassword    = FieldError{Text: "{pfx} has no password: leave {pfx_password} out"}
)

// decode decrypts the file and returns its key and the DER of its certificates, in file order.
func (f *pfxFile) decode(password string) (crypto.PrivateKey, [][]byte, error) {
	if f.keys > 1 {
		return nil, nil, errPFXSeveralKeys
	}
	if err := f.checkPassword(password); err != nil {
		return nil, nil, err
	}
	var first error
	for _, spelling := range spellings(password) {
		opened := *f // each spelling is a try of its own, and the first one's error tells more
		key, certs, err := opened.decodeWith(spelling)
		if err == nil {
			return key, certs, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, nil, f.failure(first, password)
}

// checkPassword tells apart a wrong, a missing and a needless password, as far as the file does.
func (f *pfxFile) checkPassword(password string) error {
	if strings.ContainsFunc(password, func(r rune) bool { return r > 0xFFFF }) {
		return FieldError{Text: "{pfx_password} has a character, such as an emoji, that PKCS #12 can't express: " +
			"export the file again with another password"}
	}
	if !f.protected && password != "" {
		return errPFXNoPassword
	}
	if !f.hasMAC {
		return nil
	}
	right, err := f.isPassword(password)
	switch {
	case errors.Is(err, errMAC):
		return err
	case err != nil:
		return errPFXDamage
	case right:
		return nil
	case password == "":
		return errPFXNeedsPassword
	}
	if none, err := f.isPassword(""); err == nil && none {
		return errPFXNoPassword
	}
	return errPFXWrongPassword
}

func (f *pfxFile) isPassword(password string) (bool, error) {
	for _, spelling := range spellings(password) {
		if right, err := f.verifyMAC(spelling); right || err != nil {
			return right, err
		}
	}
	return false, nil
}

// decodeWith decrypts each part, and what is in it only once it is clear that it holds one key whose cost is
// within what is left.
func (f *pfxFile) decodeWith(password pfxPassword) (crypto.PrivateKey, [][]byte, error) {
	var key *safeBag
	var certs [][]byte
	hidden := false
	for _, part := range f.parts {
		bags, err := part.open(password)
		if err != nil {
			return nil, nil, err
		}
		for i, bag := range bags {
			switch {
			case bag.isKey() && key != nil:
				return nil, nil, errPFXSeveralKeys
			case bag.isKey():
				key, hidden = &bags[i], part.encrypted != nil
			case bag.Type.Equal(oidCertBag):
				if certs, err = bag.appendCertificate(certs); err != nil {
					return nil, nil, err
				}
			}
		}
	}
	if key == nil {
		return nil, nil, errPFXNoKey
	}
	if len(certs) == 0 {
		return nil, nil, errPFXNoCert
	}
	private, err := f.openKey(*key, hidden, password)
	return private, certs, err
}

// open returns a part's bags. What decrypts to something else than bags was decrypted with a wrong password.
func (p pfxPart) open(password pfxPassword) ([]safeBag, error) {
	if p.encrypted == nil {
		return p.bags, nil
	}
	plain, err := decryptPBE(p.algorithm, p.encrypted, password)
	if err != nil {
		return nil, err
	}
	bags, err := readBags(plain, 0)
	if err != nil {
		return nil, errPadding
	}
	return bags, nil
}

func (b safeBag) appendCertificate(certs [][]byte) ([][]byte, error) {
	var bag struct {
		Type  asn1.ObjectIdentifier
		Value asn1.RawValue
	}
	if err := unmarshalWhole(b.Value.Bytes, &bag); err != nil {
		return nil, errPFXDamage
	}
	if !bag.Type.Equal(oidX509Bag) {
		return certs, nil // SDSI certificates, which nobody has
	}
	var der []byte
	if err := unmarshalWhole(bag.Value.Bytes, &der); err != nil {
		return nil, errPFXDamage
	}
	return append(certs, der), nil
}

// openKey decrypts the key where it is shrouded. The cost of a hidden one could not be seen before.
func (f *pfxFile) openKey(bag safeBag, hidden bool, password pfxPassword) (crypto.PrivateKey, error) {
	der := bag.Value.Bytes
	if bag.Type.Equal(oidShroudedBag) {
		var shrouded encryptedKey
		if err := unmarshalWhole(der, &shrouded); err != nil {
			return nil, errPFXDamage
		}
		if hidden {
			if err := f.budget.algorithm(shrouded.Algorithm); err != nil {
				return nil, err
			}
		}
		plain, err := decryptPBE(shrouded.Algorithm, shrouded.Data, password)
		if err != nil {
			return nil, err
		}
		var any asn1.RawValue
		if unmarshalWhole(plain, &any) != nil {
			return nil, errPadding
		}
		der = plain
	}
	key, err := parseAnyKey(der, errPFXDamage)
	if errors.Is(err, errKeyExplicit) {
		err = errPFXExplicit // the key is not in a file of its own yet
	}
	return key, err
}

// failure is what a failed attempt to decrypt means. With a MAC it can't be the password's fault.
func (f *pfxFile) failure(err error, password string) error {
	switch {
	case errors.Is(err, errEncryption), errors.Is(err, errPadding) && f.hasMAC:
		return errPFXDamage
	case errors.Is(err, errPadding) && password == "":
		return errPFXNeedsPassword
	case errors.Is(err, errPadding):
		return errPFXWrongPassword
	}
	return err
}

// bmpString is the password's encoding in RFC 7292 appendix B.1, without the terminator.
func bmpString(s string) []byte {
	var b []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		b = append(b, byte(unit>>8), byte(unit))
	}
	return slices.Clip(b)
}
