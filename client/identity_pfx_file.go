package client

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/asn1"
)

// pfxFile is a PFX taken apart as far as one can see without its password, and its cost checked.
type pfxFile struct {
	mac       macData
	hasMAC    bool
	content   []byte // what the MAC is of
	parts     []pfxPart
	protected bool // a password matters: something is encrypted or authenticated
	keys      int  // that can be seen
	budget    kdfBudget
}

// pfxPart is one part of the file: bags in the clear, or what they are encrypted in.
type pfxPart struct {
	bags      []safeBag
	encrypted []byte // nil for bags in the clear
	algorithm pkix.AlgorithmIdentifier
}

// openPFX takes the file apart and refuses what would cost too much, before anything is derived.
func openPFX(der []byte) (*pfxFile, error) {
	var pdu pfxPDU
	rest, err := unmarshalBER(der, &pdu)
	if err != nil || !pdu.AuthSafe.Type.Equal(oidData) || pdu.Version != 3 {
		return nil, errNotPFX
	}
	f := &pfxFile{mac: pdu.MAC}
	if err := unmarshalWhole(pdu.AuthSafe.Content.Bytes, &f.content); err != nil {
		return nil, errNotPFX
	}
	if len(bytes.TrimSpace(rest)) != 0 { // an editor's or echo's line end is harmless
		return nil, FieldError{Text: "{pfx} has data after its end: pass one unmodified PKCS #12 file"}
	}
	if err := f.openMAC(); err != nil {
		return nil, err
	}
	var parts []contentInfo
	if err := unmarshalWhole(f.content, &parts); err != nil {
		return nil, errNotPFX
	}
	for _, part := range parts {
		if err := f.openPart(part); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f *pfxFile) openMAC() error {
	algorithm := f.mac.Digest.Algorithm
	f.hasMAC = len(algorithm.Algorithm) != 0
	f.protected = f.hasMAC
	switch {
	case !f.hasMAC:
		return nil
	case algorithm.Algorithm.Equal(oidPBMAC1):
		return f.budget.algorithm(algorithm)
	case macHashes[algorithm.Algorithm.String()] == nil:
		return errMAC
	case f.mac.Iterations == nil:
		return nil
	}
	return f.budget.spend(f.mac.Iterations)
}

func (f *pfxFile) openPart(part contentInfo) error {
	switch {
	case part.Type.Equal(oidData):
		return f.openBags(part)
	case part.Type.Equal(oidEncryptedData): // RFC 5652 section 8
		var data struct {
			Version int
			Content struct {
				Type      asn1.ObjectIdentifier
				Algorithm pkix.AlgorithmIdentifier
				Encrypted asn1.RawValue `asn1:"optional"`
			}
		}
		if err := unmarshalWhole(part.Content.Bytes, &data); err != nil {
			return errNotPFX
		}
		encrypted, err := octets(data.Content.Encrypted)
		if err != nil {
			return errNotPFX
		}
		f.protected = true
		f.parts = append(f.parts, pfxPart{encrypted: append([]byte{}, encrypted...), algorithm: data.Content.Algorithm})
		return f.budget.algorithm(data.Content.Algorithm)
	}
	return FieldError{Text: "{pfx} is encrypted for a public key, which is not supported: export it again with a password"}
}

func (f *pfxFile) openBags(part contentInfo) error {
	var data []byte
	if unmarshalWhole(part.Content.Bytes, &data) != nil {
		return errNotPFX
	}
	bags, err := readBags(data, 0)
	if err != nil {
		return errNotPFX
	}
	f.parts = append(f.parts, pfxPart{bags: bags})
	for _, bag := range bags {
		if bag.isKey() {
			f.keys++
		}
		if !bag.Type.Equal(oidShroudedBag) {
			continue
		}
		f.protected = true
		var shrouded encryptedKey
		if err := unmarshalWhole(bag.Value.Bytes, &shrouded); err != nil {
			return errNotPFX
		}
		if err := f.budget.algorithm(shrouded.Algorithm); err != nil {
			return err
		}
	}
	return nil
}

// maxBagDepth bounds how deep safes may lie in safes (RFC 7292 section 4.2.6).
const maxBagDepth = 4

// readBags returns the bags of one safe, and in their place those of the safes that lie in it.
func readBags(data []byte, depth int) ([]safeBag, error) {
	var bags, all []safeBag
	if err := unmarshalWhole(data, &bags); err != nil || depth > maxBagDepth {
		return nil, errBER
	}
	for _, bag := range bags {
		if !bag.Type.Equal(oidSafeBag) {
			all = append(all, bag)
			continue
		}
		inner, err := readBags(bag.Value.Bytes, depth+1)
		if err != nil {
			return nil, err
		}
		all = append(all, inner...)
	}
	return all, nil
}

func (b safeBag) isKey() bool { return b.Type.Equal(oidKeyBag) || b.Type.Equal(oidShroudedBag) }
