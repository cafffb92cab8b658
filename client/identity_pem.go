package client

import (
	"encoding/asn1"
	"encoding/pem"
	"strings"
)

// PEM block types (RFC 7468, and openssl's older ones for keys).
const (
	pemCertificate    = "CERTIFICATE"
	pemPKCS1          = "RSA PRIVATE KEY"
	pemSEC1           = "EC PRIVATE KEY"
	pemPKCS8          = "PRIVATE KEY"
	pemEncryptedPKCS8 = "ENCRYPTED PRIVATE KEY"
	pemOpenSSH        = "OPENSSH PRIVATE KEY"
)

// maxPEM bounds each of the two texts, in bytes. A chain of four takes about 8 KiB.
const maxPEM = 128 << 10

const byteOrderMark = "\ufeff"

// ParsePEM decodes a PEM certificate with its chain, in any order, and its PEM private key:
// PKCS #1, SEC 1 or PKCS #8, in the clear or encrypted as PKCS #8 (RFC 5958) or the old way
// (RFC 1423, `Proc-Type: 4,ENCRYPTED`). The password is unset for a key in the clear.
//
// A key in certificate is refused, since that field is shown to people; certificates that
// follow the key in key are ignored. Errors as with ParsePFX.
func ParsePEM(certificate string, key, password Secret) (*Identity, error) {
	switch {
	case len(certificate) > maxPEM || len(key.Reveal()) > maxPEM:
		return nil, FieldError{Text: "{client_certificate} or {client_private_key} is larger than 128 KiB: " +
			"pass one certificate, its chain and its key only"}
	case strings.TrimSpace(certificate) == "":
		return nil, FieldError{Text: "{client_private_key} needs {client_certificate}: pass both"}
	case strings.TrimSpace(key.Reveal()) == "":
		return nil, FieldError{Text: "{client_certificate} needs {client_private_key}: pass both"}
	}
	ders, err := certificateBlocks(certificate)
	if err != nil {
		return nil, err
	}
	if _, _, err := parseCertificates(ders); err != nil { // before the key is, which may cost seconds
		return nil, err
	}
	block, err := keyBlock(key.Reveal())
	if err != nil {
		return nil, err
	}
	private, err := parseKey(block, password.Reveal())
	if err != nil {
		return nil, err
	}
	return identityOf(private, ders, "")
}

// pemBlocks returns all PEM blocks of a field; text between them, such as openssl's "Bag
// Attributes", is skipped. A block that can't be read is an error, lest half a chain be taken.
func pemBlocks(field, text string) ([]*pem.Block, error) {
	var found []*pem.Block
	text = PlainText(text)
	rest := []byte(text)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		found = append(found, block)
	}
	if len(found) != strings.Count(text, pemBegin) {
		return nil, FieldError{Text: "{" + field + "} has a damaged PEM block: keep its line breaks, as {" + field + "}=@file.pem does"}
	}
	return found, nil
}

func certificateBlocks(text string) ([][]byte, error) {
	if looksLikePFX(text) {
		return nil, FieldError{Text: "{client_certificate} holds a PFX: pass it as {pfx}, with its password as {pfx_password}, and leave {client_private_key} out"}
	}
	found, err := pemBlocks("client_certificate", text)
	if err != nil {
		return nil, err
	}
	var ders [][]byte
	for _, block := range found {
		switch {
		case strings.HasSuffix(block.Type, pemPKCS8):
			return nil, FieldError{Text: "{client_certificate} holds a private key: pass the key as {client_private_key} only"}
		case isPKCS7(block.Bytes):
			return nil, FieldError{Text: "{client_certificate} holds PKCS #7: convert it with " +
				"`openssl pkcs7 -print_certs -in cert.p7b -out cert.pem` and pass it as {client_certificate}=@cert.pem"}
		case block.Type == pemCertificate:
			ders = append(ders, block.Bytes)
		}
	}
	if len(ders) > 0 {
		return ders, nil
	}
	return nil, FieldError{Text: "{client_certificate} holds no PEM certificate: convert it with " +
		"`openssl x509 -in cert.cer -out cert.pem` and pass it as {client_certificate}=@cert.pem"}
}

func looksLikePFX(text string) bool {
	// A binary file read as text. Every PFX is a SEQUENCE that starts with the version 3.
	binary := len(text) > 0 && text[0] == 0x30 && strings.Contains(text[:min(16, len(text))], "\x02\x01\x03")
	return binary || IsPFX(text)
}

// isPKCS7 tells whether a block is SignedData (RFC 5652 section 5), which carries certificates around.
func isPKCS7(der []byte) bool {
	var info contentInfo
	_, err := unmarshalBER(der, &info)
	return err == nil && info.Type.Equal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2})
}

// keyBlock returns the one private key. EC PARAMETERS, which openssl writes ahead of EC keys,
// and the certificates of a combined file are passed over.
func keyBlock(text string) (*pem.Block, error) {
	found, err := pemBlocks("client_private_key", text)
	if err != nil {
		return nil, err
	}
	var key *pem.Block
	for _, block := range found {
		if !strings.HasSuffix(block.Type, pemPKCS8) {
			continue
		}
		if key != nil {
			return nil, FieldError{Text: "{client_private_key} holds several private keys: pass the one of the certificate"}
		}
		key = block
	}
	if key == nil {
		return nil, FieldError{Text: "{client_private_key} holds no PEM private key: convert it with " +
			"`openssl pkey -in key.der -out key.pem` and pass it as {client_private_key}=@key.pem"}
	}
	return key, nil
}
