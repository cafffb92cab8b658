package oauthrefresh

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
)

// Load reads a storage entry into an empty or preset value and tells whether there is one. Numbers
// in values of any type stay as they were written: an id beyond 2^53 would lose digits as a float.
func Load(ctx context.Context, s logical.Storage, key string, into any) (bool, error) {
	entry, err := s.Get(ctx, key)
	if err != nil || entry == nil {
		return false, StorageError(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(entry.Value))
	decoder.UseNumber()
	if decoder.Decode(into) != nil {
		// Not the decoder's text: it may quote what it could not read.
		return false, DamagedError(key)
	}
	return true, nil
}

// DamagedError is the key of an entry that can't be read.
type DamagedError string

// Error implements error.
func (e DamagedError) Error() string {
	return "the storage entry " + string(e) + " is damaged or from a newer version of the plugin"
}

// StorageTimeout bounds one storage operation that has no caller to give up, as those of a refresh.
const StorageTimeout = 15 * time.Second

// List returns the keys under a prefix. It has no caller to give up, so it has a bound of its own.
func List(s logical.Storage, prefix string) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), StorageTimeout)
	defer cancel()
	names, err := s.List(ctx, prefix)
	return names, StorageError(err)
}

// Save writes a storage entry.
func Save(ctx context.Context, s logical.Storage, key string, value any) error {
	entry, err := logical.StorageEntryJSON(key, value)
	if err != nil {
		return err
	}
	return StorageError(s.Put(ctx, entry))
}

// StorageError gives back its identity to the one storage error that Vault acts on: over the
// plugin's gRPC connection only the text of an error arrives, and what is read-only here must be
// handed on as that, not as a provider's or a reader's fault.
func StorageError(err error) error {
	if err != nil && strings.Contains(err.Error(), logical.ErrReadOnly.Error()) {
		return logical.ErrReadOnly
	}
	return err
}

// pemLabel finds what each PEM block of a text says that it is.
var pemLabel = regexp.MustCompile(`-----BEGIN ([^-\n]*)-----`)

// CheckAuthorities refuses what is no certificate in a ca_certificate, since that is shown to people.
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

// ShownAuthorities is a ca_certificate as a read shows it. v0.1.0 stored private keys that stood in it.
func ShownAuthorities(text string) string {
	if !HoldsKey(text) {
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

// RootCAs returns the system's authorities and those in the PEM texts; nil, which means the
// system's, when all texts are empty.
func RootCAs(texts ...string) (*x509.CertPool, error) {
	if strings.Join(texts, "") == "" {
		return nil, nil
	}
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

// AuthorityWarnings says which certificates of a ca_certificate can't be read, and so are not trusted.
func AuthorityWarnings(text string) []string {
	if text == "" {
		return nil
	}
	_, warnings, _ := client.ParseAuthorities(text) // that none can be read is said where they are used
	return warnings
}
