package role

import (
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/go-uuid"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// NextPrefix begins the names of the fields for credentials that are to come.
const NextPrefix = "next_"

// NextCredentials take the place of those in use, each for itself, when the provider refuses the client: not
// before, since they may not be registered yet, and then at once, since the old ones have ended.
type NextCredentials struct {
	Credentials
	ID   string    // changes with them, with what they are to follow, and with the client
	From time.Time // none is tried before
}

// nextEntry is NextCredentials as they are stored.
type nextEntry struct {
	credentialsEntry
	ID   string    `json:"id"`
	From time.Time `json:"from,omitzero"`
}

// from is when their time begins, "" when it has no beginning.
func (n *NextCredentials) from() any {
	if n.From.IsZero() {
		return ""
	}
	return n.From.Format(time.RFC3339)
}

func (n NextCredentials) entry() *nextEntry {
	if n.ID == "" {
		return nil
	}
	return &nextEntry{n.Credentials.entry(), n.ID, n.From}
}

func (e *nextEntry) next() NextCredentials {
	if e == nil {
		return NextCredentials{}
	}
	return NextCredentials{e.credentials(), e.ID, e.From}
}

// Part is one of the credentials that are replaced by themselves. Its text is the name of its field.
type Part string

// The parts. There is a third, the key that signs assertions.
const (
	PartSecret      Part = "client_secret"
	PartCertificate Part = "client_certificate"
	partKey         Part = "assertion_private_key"
)

// Parts are all of them, in the order in which they are shown.
var Parts = []Part{PartSecret, PartCertificate, partKey}

// secretOf is what is secret of a part, unset when the part is not there.
func (c Credentials) secretOf(p Part) client.Secret {
	switch p {
	case PartSecret:
		return c.ClientSecret
	case PartCertificate:
		return c.PrivateKey
	}
	return c.AssertionKey
}

// same tells whether two have the same part. A certificate is another one when it was issued anew for the
// same key.
func (c Credentials) same(p Part, other Credentials) bool {
	return c.secretOf(p).Equal(other.secretOf(p)) && (p != PartCertificate || c.CertificateChain == other.CertificateChain)
}

// take replaces a part by another's.
func (c *Credentials) take(p Part, from Credentials) {
	switch p {
	case PartSecret:
		c.ClientSecret, c.ClientSecretSince, c.ClientSecretExpiresAt = from.ClientSecret, from.ClientSecretSince, from.ClientSecretExpiresAt
	case PartCertificate:
		c.CertificateChain, c.PrivateKey, c.CertificateSince = from.CertificateChain, from.PrivateKey, from.CertificateSince
	case partKey:
		c.AssertionKey, c.AssertionCertificate, c.AssertionKeySince = from.AssertionKey, from.AssertionCertificate, from.AssertionKeySince
	}
	if p == partKey || p == PartCertificate && !c.AssertionKey.IsSet() { // an id is one of a key
		c.AssertionKeyID = from.AssertionKeyID
	}
}

// Has tells whether a part is to come.
func (n NextCredentials) Has(p Part) bool { return n.secretOf(p).IsSet() }

// readNext makes the credentials to come of what the write brings. One that is in use already has had its time: whoever applies the
// same configuration again names it, and the one before it.
func (w *Write) readNext(r *Role) error {
	n := r.Next
	var before NextCredentials
	if w.Old != nil {
		before = w.Old.Next
	}
	if err := w.readCertificate(NextPrefix, w.brought.next, &n.Credentials); err != nil {
		return err
	}
	if err := w.readAssertionKey(NextPrefix, w.brought.next, &n.Credentials); err != nil {
		return err
	}
	if err := w.Date("next_from", &n.From); err != nil {
		return err
	}
	if err := w.readSecretExpiry(NextPrefix, before.Credentials, &n.Credentials); err != nil {
		return err
	}
	dropped := w.dropUsed(r, &n)
	if w.Names("next_assertion_key_id") && n.AssertionKeyID != "" && !n.Has(partKey) && !n.Has(PartCertificate) && !dropped {
		return mount.Refusal("next_assertion_key_id needs its key: write next_assertion_private_key, or the next_pfx that signs")
	}
	if !slices.ContainsFunc(Parts, n.Has) {
		if !n.From.IsZero() && w.Names("next_from") && !dropped {
			return mount.Refusal("next_from needs what it is for: write next_client_secret, next_pfx, next_client_certificate or next_assertion_private_key")
		}
		r.Next = NextCredentials{}
		return nil
	}
	// What they are to follow counts too: an exchange under way must not put them in the place of something
	// that was written meanwhile, or give them to another client.
	changed := func(p Part) bool {
		return !n.same(p, before.Credentials) || w.Old != nil && !r.same(p, w.Old.Credentials)
	}
	if n.ID == "" || slices.ContainsFunc(Parts, changed) || w.Old != nil && w.Old.Realm() != r.Realm() {
		var err error
		if n.ID, err = uuid.GenerateUUID(); err != nil {
			return err
		}
	}
	r.Next = n
	return nil
}

// dropUsed leaves out of the credentials to come those that are in use already, and tells whether there were any. What is
// written beside them counts as older.
func (w *Write) dropUsed(r *Role, n *NextCredentials) (dropped bool) {
	for _, p := range Parts {
		if n.Has(p) && w.Old != nil && n.same(p, w.Old.Credentials) && !r.same(p, w.Old.Credentials) {
			r.take(p, w.Old.Credentials)
			w.Warnings = append(w.Warnings, fmt.Sprintf("%s was not taken: what is written beside a %s%s that is in use already counts as older; to keep an older client secret, write it as previous_client_secret", p, NextPrefix, p))
		}
		if n.Has(p) && n.same(p, r.Credentials) {
			n.take(p, Credentials{})
			dropped = true
			w.Warnings = append(w.Warnings, fmt.Sprintf("%s%s is the one in use already, so it is not kept twice", NextPrefix, p))
		}
	}
	return dropped
}

// checkNext refuses credentials to come that never would, and those that would fail when their turn comes.
func (t *Target) checkNext() error {
	n := t.Role.Next
	switch {
	case n.Has(PartSecret) && !t.Provider.UsesSecret():
		return mount.Refusal("this client does not authenticate with a client_secret, so next_client_secret would never be used: leave it out")
	case n.Has(partKey) && !t.Role.signs(t.Provider):
		return mount.Refusal("this client does not authenticate with an assertion_private_key, so next_assertion_private_key would never be used: leave it out")
	case n.Has(partKey) && n.Has(PartCertificate) && t.Role.signsWithCertificate(t.Provider):
		return mount.Refusal("this client signs with the key of its certificate, so either a certificate follows it or a key does, not both: write next_pfx or next_assertion_private_key")
	case n.Has(PartCertificate) && t.Role.CertificateChain == "":
		return mount.Refusal("this role has no certificate that a next one could follow: write it as pfx, or as client_certificate and client_private_key")
	}
	who := t.Role.Credentials
	for _, p := range Parts {
		if n.Has(p) {
			who.take(p, n.Credentials)
		}
	}
	return t.checkAssertions(who, NextPrefix)
}
