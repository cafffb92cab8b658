package provider

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"regexp"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// pemLabel finds what each PEM block of a text says that it is.
var pemLabel = regexp.MustCompile(`-----BEGIN ([^-\n]*)-----`)

// CheckAuthorities refuses what is no certificate in a new ca_certificate, since that is shown to people.
func CheckAuthorities(text string) error {
	labels := pemLabel.FindAllStringSubmatch(client.PlainText(text), -1)
	for _, label := range labels {
		if label[1] != "CERTIFICATE" {
			return errors.New("ca_certificate holds something else besides certificates: leave only the parts that begin with -----BEGIN CERTIFICATE-----")
		}
	}
	if certs, dropped, err := client.ParseAuthorities(text); err == nil && len(certs)+len(dropped) < len(labels) {
		return errors.New("ca_certificate has a damaged PEM block: keep its line breaks, as ca_certificate=@ca.pem does")
	}
	return nil
}

// Authorities is the row of a ca_certificate, of the mount or of a role.
func Authorities(name string, of *string, description string) mount.Field {
	return mount.Text(name, of, description).Shows(name, func() any { return shownAuthorities(*of) })
}

// shownAuthorities is a ca_certificate as a read shows it. v0.1.0 stored private keys that stood in it.
func shownAuthorities(text string) string {
	if !mount.HoldsKey(text) {
		return text
	}
	var shown strings.Builder
	for block, rest := pem.Decode([]byte(client.PlainText(text))); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			shown.Write(pem.EncodeToMemory(block))
		}
	}
	return shown.String()
}

// rootPools are those of the texts that were asked for last: every look at a grant asks, a parsed text costs it as much as
// the rest of it together, and one mount has few.
var rootPools, _ = lru.New[string, *x509.CertPool](64) // the error is that of a size of 0

// RootCAs returns the system's authorities and those in the PEM texts, to be left as they are; nil, which means the
// system's, when all texts are empty. A text without any certificate that can be read is an error.
func RootCAs(texts ...string) (*x509.CertPool, error) {
	if strings.Join(texts, "") == "" {
		return nil, nil
	}
	which := mount.Digest(texts)
	if pool, ok := rootPools.Get(which); ok {
		return pool, nil
	}
	pool, err := rootsOf(texts)
	if err == nil {
		rootPools.Add(which, pool)
	}
	return pool, err
}

// rootsOf are the system's authorities and those in the texts.
func rootsOf(texts []string) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a container without any: what is configured still counts
	}
	for _, text := range texts {
		if text == "" {
			continue
		}
		certs, _, err := client.ParseAuthorities(text)
		if err != nil {
			return nil, err
		}
		for _, c := range certs {
			pool.AddCert(c)
		}
	}
	return pool, nil
}

// AuthorityWarnings says which certificates of a ca_certificate can't be read, and so are not trusted: a sentence each.
func AuthorityWarnings(text string) []string {
	if text == "" {
		return nil
	}
	_, warnings, _ := client.ParseAuthorities(text) // that none can be read is said where they are used
	return warnings
}
