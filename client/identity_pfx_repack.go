package client

import (
	"crypto"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"unicode/utf16"

	"software.sslmate.com/src/go-pkcs12"
)

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
