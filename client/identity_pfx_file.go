package client

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"strings"
)

// pfxFile is a PFX taken apart but not yet decrypted, its cost checked.
type pfxFile struct {
	der       []byte
	hasMAC    bool
	keys      []safeBag     // plain or shrouded, each readable on its own
	certs     []safeBag     // in the clear
	encrypted []contentInfo // certificates, in practice
	protected bool          // a password matters: something is encrypted or authenticated
	budget    kdfBudget
}

// openPFX takes the DER apart and refuses what would cost too much, before anything is derived.
func openPFX(der []byte) (*pfxFile, error) {
	var pdu pfxPDU
	rest, err := asn1.Unmarshal(der, &pdu)
	var safe []byte
	if err == nil && pdu.AuthSafe.Type.Equal(oidData) && pdu.Version == 3 {
		err = unmarshalExactly(pdu.AuthSafe.Content.Bytes, &safe)
	}
	switch {
	case isBER(der, err):
		return nil, errors.New("pfx is in BER with indefinite lengths, which is not supported: convert it with " +
			"`openssl pkcs12 -in cert.pfx -nodes -out all.pem`, then `openssl pkcs12 -export -in all.pem -out cert.pfx`")
	case err != nil || safe == nil:
		return nil, errNotPFX
	case len(bytes.TrimSpace(rest)) != 0: // an editor's or echo's line end is harmless
		return nil, errors.New("pfx has data after its end: pass one unmodified PKCS #12 file")
	}
	f := &pfxFile{der: der[:len(der)-len(rest)]}
	if err := f.addMAC(pdu.MAC); err != nil {
		return nil, err
	}
	var parts []contentInfo
	if err := unmarshalExactly(safe, &parts); err != nil {
		return nil, errNotPFX
	}
	for _, part := range parts {
		if err := f.addPart(part); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// isBER recognises the indefinite lengths and constructed strings that Java tools write.
func isBER(der []byte, err error) bool {
	return len(der) > 1 && der[0] == 0x30 && der[1] == 0x80 ||
		err != nil && strings.Contains(err.Error(), "indefinite length")
}

func (f *pfxFile) addMAC(mac macData) error {
	algorithm := mac.Digest.Algorithm
	switch oid := algorithm.Algorithm; {
	case len(oid) == 0:
		return nil
	case oid.Equal(oidPBMAC1):
		f.hasMAC, f.protected = true, true
		return f.budget.algorithm(algorithm)
	case !oid.Equal(oidSHA1) && !oid.Equal(oidSHA256) && !oid.Equal(oidSHA512):
		return errMAC
	}
	f.hasMAC, f.protected = true, true
	if mac.Iterations == nil {
		return nil // RFC 7292: the default is 1
	}
	return f.budget.spend(mac.Iterations)
}

func (f *pfxFile) addPart(part contentInfo) error {
	switch {
	case part.Type.Equal(oidData):
		return f.addBags(part)
	case part.Type.Equal(oidEncryptedData): // RFC 5652 section 8
		var data struct {
			Version int
			Content struct {
				Type      asn1.ObjectIdentifier
				Algorithm pkix.AlgorithmIdentifier
				Encrypted asn1.RawValue `asn1:"optional"`
			}
		}
		if err := unmarshalExactly(part.Content.Bytes, &data); err != nil {
			return errNotPFX
		}
		f.encrypted, f.protected = append(f.encrypted, part), true
		return f.budget.algorithm(data.Content.Algorithm)
	}
	return errors.New("pfx is encrypted for a public key, which is not supported: export it again with a password")
}

func (f *pfxFile) addBags(part contentInfo) error {
	var data []byte
	var bags []safeBag
	if unmarshalExactly(part.Content.Bytes, &data) != nil || unmarshalExactly(data, &bags) != nil {
		return errNotPFX
	}
	for _, bag := range bags {
		switch {
		case bag.Type.Equal(oidCertBag):
			f.certs = append(f.certs, bag)
		case bag.Type.Equal(oidKeyBag):
			f.keys = append(f.keys, bag)
		case bag.Type.Equal(oidShroudedBag):
			var shrouded encryptedKey
			if err := unmarshalExactly(bag.Value.Bytes, &shrouded); err != nil {
				return errNotPFX
			}
			f.keys, f.protected = append(f.keys, bag), true
			if err := f.budget.algorithm(shrouded.Algorithm); err != nil {
				return err
			}
		}
	}
	return nil
}
