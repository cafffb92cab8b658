package client

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// unreadable is a certificate that crypto/x509 does not parse, by its position and the cause.
type unreadable struct {
	position, of int
	cause        string
}

// String tells it as the beginning of a sentence.
func (u unreadable) String() string {
	return fmt.Sprintf("certificate %d of %d can't be read here (%s)", u.position, u.of, u.cause)
}

// parseCertificates parses one DER certificate each. One that is whole but can't be read is left out and told
// of: mostly it is a root, which nobody sends. One that is damaged is an error, lest half a chain be taken.
func parseCertificates(ders [][]byte) (certs []*x509.Certificate, dropped []unreadable, err error) {
	for i, der := range ders {
		c, err := x509.ParseCertificate(der)
		if err == nil {
			certs = append(certs, c)
			continue
		}
		if !isCertificate(der) {
			return nil, nil, fmt.Errorf("a certificate is damaged: number %d of %d in the text or file; export it again", i+1, len(ders))
		}
		dropped = append(dropped, unreadable{i + 1, len(ders), certificateCause(err)})
	}
	return certs, dropped, nil
}

// isCertificate looks at the outermost structure of RFC 5280 section 4.1.
func isCertificate(der []byte) bool {
	var c struct {
		TBS, Algorithm struct{ Raw asn1.RawContent }
		Signature      asn1.BitString
	}
	return unmarshalExactly(der, &c) == nil
}

// certificateCause says why crypto/x509 doesn't parse a certificate. The tests hold one for each text.
func certificateCause(err error) string {
	switch text := err.Error(); {
	case strings.Contains(text, "negative serial number"):
		return "its serial number is negative"
	case strings.Contains(text, "elliptic curve"):
		return "its key's elliptic curve is not supported"
	case strings.Contains(text, "ECDSA parameters"):
		return "its key spells its elliptic curve out instead of naming it"
	}
	return "it breaks a rule of RFC 5280 or is of a kind that is not supported"
}

var errNoLeaf = errors.New("the private key belongs to none of the certificates: " +
	"pass the certificate that was issued for this key")

// identityOf makes an Identity of a key and the DER of its certificates. takeOut is how to get at a key that is not in a
// file of its own.
func identityOf(key any, ders [][]byte, takeOut string) (*Identity, error) {
	certs, dropped, err := parseCertificates(ders)
	if err != nil {
		return nil, err
	}
	id, err := newIdentity(key, certs)
	if errors.Is(err, errNoLeaf) && len(dropped) > 0 {
		return nil, noLeaf(dropped, takeOut)
	}
	if err != nil {
		return nil, err
	}
	(*id.contents).dropped = dropped
	return id, nil
}

// noLeaf is errNoLeaf when the right certificate may be one that can't be read.
func noLeaf(dropped []unreadable, takeOut string) error {
	var named []string
	for _, d := range dropped {
		named = append(named, d.String())
	}
	return errors.New("the private key belongs to none of the certificates that can be read here: " + strings.Join(named, ", ") +
		"; if that is the client's own, " + takeOut + "ask its CA for another one, for the request that `openssl req -new -key key.pem -subj /CN=client -out request.pem` makes")
}

// Dropped says, as sentences for the operator, which certificates were left out because they can't be read.
func (i *Identity) Dropped() []string {
	var sentences []string
	for _, d := range (*i.contents).dropped {
		sentences = append(sentences, d.String()+" and was left out: that does no harm to a root, which is not sent; "+
			"if it is an intermediate, servers may refuse the chain without it, so ask the CA for another one")
	}
	return sentences
}

// ParseAuthorities returns the certificates in a text, and as sentences for the operator which ones can't be
// read and are not trusted therefore. The error says that none can.
func ParseAuthorities(text string) (certs []*x509.Certificate, warnings []string, err error) {
	var ders [][]byte
	var unread []string
	for block, rest := pem.Decode([]byte(PlainText(text))); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == pemCertificate {
			ders = append(ders, block.Bytes)
		}
	}
	for i, der := range ders {
		c, err := x509.ParseCertificate(der)
		if err == nil {
			certs = append(certs, c)
			continue
		}
		cause := "it is damaged"
		if isCertificate(der) {
			cause = certificateCause(err)
		}
		unread = append(unread, unreadable{i + 1, len(ders), cause}.String())
	}
	switch {
	case len(certs) > 0:
		for _, u := range unread {
			warnings = append(warnings, "ca_certificate: "+u+" and is not trusted: ask the authority for another one")
		}
		return certs, warnings, nil
	case len(unread) > 0:
		return nil, nil, errors.New("ca_certificate holds no certificate that can be used: " + strings.Join(unread, ", ") +
			"; ask the authority for another one")
	}
	return nil, nil, errors.New("ca_certificate holds no certificate: give PEM, as in ca_certificate=@ca.pem")
}
