package oauthrefresh

import (
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/go-uuid"

	"vault-plugin-secrets-oauthrefresh/client"
)

// nextPrefix begins the names of the fields for credentials that are to come.
const nextPrefix = "next_"

// nextCredentials take the place of those in use, each for itself, when the provider refuses the client: not
// before, since they may not be registered yet, and then at once, since the old ones have ended.
type nextCredentials struct {
	credentials
	ID   string    // changes with them, with what they are to follow, and with the client
	From time.Time // none is tried before
}

// nextEntry is nextCredentials as they are stored.
type nextEntry struct {
	credentialsEntry
	ID   string    `json:"id"`
	From time.Time `json:"from,omitzero"`
}

func (n nextCredentials) entry() *nextEntry {
	if n.ID == "" {
		return nil
	}
	return &nextEntry{n.credentials.entry(), n.ID, n.From}
}

func (e *nextEntry) next() nextCredentials {
	if e == nil {
		return nextCredentials{}
	}
	return nextCredentials{e.credentials(), e.ID, e.From}
}

// part is one of the credentials that are replaced by themselves. Its text is the name of its field.
type part string

const (
	partSecret      part = "client_secret"
	partCertificate part = "client_certificate"
	partKey         part = "assertion_private_key"
)

var parts = []part{partSecret, partCertificate, partKey}

// secretOf is what is secret of a part, unset when the part is not there.
func (c credentials) secretOf(p part) client.Secret {
	switch p {
	case partSecret:
		return c.ClientSecret
	case partCertificate:
		return c.PrivateKey
	}
	return c.AssertionKey
}

// same tells whether two have the same part. A certificate is another one when it was issued anew for the
// same key.
func (c credentials) same(p part, other credentials) bool {
	return c.secretOf(p).Equal(other.secretOf(p)) && (p != partCertificate || c.CertificateChain == other.CertificateChain)
}

// take replaces a part by another's.
func (c *credentials) take(p part, from credentials) {
	switch p {
	case partSecret:
		c.ClientSecret, c.ClientSecretSince = from.ClientSecret, from.ClientSecretSince
	case partCertificate:
		c.CertificateChain, c.PrivateKey, c.CertificateSince = from.CertificateChain, from.PrivateKey, from.CertificateSince
	case partKey:
		c.AssertionKey, c.AssertionCertificate, c.AssertionKeySince = from.AssertionKey, from.AssertionCertificate, from.AssertionKeySince
	}
	if p == partKey || p == partCertificate && !c.AssertionKey.IsSet() { // an id is one of a key
		c.AssertionKeyID = from.AssertionKeyID
	}
}

// has tells whether a part is to come.
func (n nextCredentials) has(p part) bool { return n.secretOf(p).IsSet() }

// readNext reads the credentials to come. One that is in use already has had its time: whoever applies the
// same configuration again names it, and the one before it.
func (w *roleWrite) readNext(r *role) error {
	n := r.Next
	w.secret(nextPrefix+"client_secret", &n.ClientSecret)
	if err := w.readCertificate(nextPrefix, &n.credentials); err != nil {
		return err
	}
	if err := w.readAssertionKey(nextPrefix, &n.credentials); err != nil {
		return err
	}
	if err := w.date("next_from", &n.From); err != nil {
		return err
	}
	dropped := false
	for _, p := range parts {
		if n.has(p) && w.old != nil && n.same(p, w.old.credentials) && !r.same(p, w.old.credentials) {
			r.take(p, w.old.credentials)
			w.warnings = append(w.warnings, fmt.Sprintf("%s was not taken: what is written beside a %s%s that is in use already counts as older; to keep an older client secret, write it as previous_client_secret", p, nextPrefix, p))
		}
		if n.has(p) && n.same(p, r.credentials) {
			n.take(p, credentials{})
			dropped = true
			w.warnings = append(w.warnings, fmt.Sprintf("%s%s is the one in use already, so it is not kept twice", nextPrefix, p))
		}
	}
	if w.names("next_assertion_key_id") && n.AssertionKeyID != "" && !n.has(partKey) && !n.has(partCertificate) && !dropped {
		return refusal("next_assertion_key_id needs its key: write next_assertion_private_key, or the next_pfx that signs")
	}
	if !slices.ContainsFunc(parts, n.has) {
		if !n.From.IsZero() && w.names("next_from") && !dropped {
			return refusal("next_from needs what it is for: write next_client_secret, next_pfx, next_client_certificate or next_assertion_private_key")
		}
		r.Next = nextCredentials{}
		return nil
	}
	// What they are to follow counts too: an exchange under way must not put them in the place of something
	// that was written meanwhile, or give them to another client.
	changed := func(p part) bool {
		return !n.same(p, r.Next.credentials) || w.old != nil && !r.same(p, w.old.credentials)
	}
	if n.ID == "" || slices.ContainsFunc(parts, changed) || w.old != nil && w.old.realm() != r.realm() {
		var err error
		if n.ID, err = uuid.GenerateUUID(); err != nil {
			return err
		}
	}
	r.Next = n
	return nil
}

// checkNext refuses credentials to come that never would, and those that would fail when their turn comes.
func (t *target) checkNext() error {
	n := t.role.Next
	switch {
	case n.has(partSecret) && !t.provider.UsesSecret():
		return refusal("this client does not authenticate with a client_secret, so next_client_secret would never be used: leave it out")
	case n.has(partKey) && !t.role.signs(t.provider):
		return refusal("this client does not authenticate with an assertion_private_key, so next_assertion_private_key would never be used: leave it out")
	case n.has(partKey) && n.has(partCertificate) && t.role.signsWithCertificate(t.provider):
		return refusal("this client signs with the key of its certificate, so either a certificate follows it or a key does, not both: write next_pfx or next_assertion_private_key")
	case n.has(partCertificate) && t.role.CertificateChain == "":
		return refusal("this role has no certificate that a next one could follow: write it as pfx, or as client_certificate and client_private_key")
	}
	who := t.role.credentials
	for _, p := range parts {
		if n.has(p) {
			who.take(p, n.credentials)
		}
	}
	return t.checkAssertions(who, nextPrefix)
}
