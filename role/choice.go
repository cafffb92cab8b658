package role

import (
	"slices"
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// Slot is which one of several credentials of a kind: its text begins the name of the field that it was written to.
type Slot string

// The slots. There is a previous one of client secrets only.
const (
	slotCurrent  Slot = ""
	SlotNext     Slot = "next_"
	SlotPrevious Slot = "previous_"
)

// Worked says which credentials the last refresh succeeded with, as it is stored with its answer.
type Worked struct {
	// PreviousSecretOf is the revision of the role with whose previous client secret it did; "" when it was the
	// current one.
	PreviousSecretOf string `json:"previous_secret_of,omitempty"`
	// Next are credentials to come that have worked, see Adopted; nil when those in use do.
	Next *Adopted `json:"next,omitempty"`
}

// Standing is how a grant stands that a role is written to: what its refreshes have learned so far.
type Standing struct {
	Worked
	Generation   int64         // how many answers of refreshes are stored
	RefreshToken client.Secret // the current one
	Alone        bool          // nothing else is kept that may be the grant's
	Dead         bool          // only a new refresh token helps
	Owners       int           // who have grants of the role, where it keeps one for each
}

// Choices are the credentials that an exchange may be made with: of each part its slots, the one to begin with first,
// and never none.
type Choices map[Part][]Slot

// Choices returns what an exchange at a time may be made with, beginning with what worked last.
func (r *Role) Choices(last Worked, now time.Time) Choices {
	c := Choices{}
	for _, p := range Parts {
		of := []Slot{slotCurrent}
		if r.Next.Has(p) && r.MayTryNext(p, now) {
			of = append(of, SlotNext)
		}
		if p == PartSecret && r.PreviousClientSecret.IsSet() {
			of = append(of, SlotPrevious)
		}
		if live := r.Live(p, last); live != slotCurrent && slices.Contains(of, live) {
			of = append([]Slot{live}, slices.DeleteFunc(of, func(s Slot) bool { return s == live })...)
		}
		c[p] = of
	}
	if secrets := c[PartSecret]; len(secrets) > 1 { // one that is there twice is tried once
		var seen []client.Secret
		c[PartSecret] = slices.DeleteFunc(secrets, func(s Slot) bool {
			secret := r.secretIn(s)
			twice := slices.ContainsFunc(seen, secret.Equal)
			seen = append(seen, secret)
			return twice
		})
	}
	return c
}

// secretIn is the client secret in a slot.
func (r *Role) secretIn(s Slot) client.Secret {
	switch s {
	case SlotNext:
		return r.Next.ClientSecret
	case SlotPrevious:
		return r.PreviousClientSecret
	}
	return r.ClientSecret
}

// MayTryNext tells whether the time of a part that is to come has begun: that of next_from, and of a certificate its own.
func (r *Role) MayTryNext(p Part, now time.Time) bool {
	if now.Before(r.Next.From) {
		return false
	}
	if p != PartCertificate {
		return true
	}
	id, err := r.Next.Identity()
	return err == nil && !now.Before(id.NotBefore())
}

// Live is the slot of the one that worked last. Any write to the role makes its client secret first again, before a previous one.
func (r *Role) Live(p Part, last Worked) Slot {
	switch {
	case last.Next != nil && r.Next.ID == last.Next.ID && r.Next.Has(p) && slices.Contains(last.Next.Parts, p):
		return SlotNext
	case p == PartSecret && r.PreviousClientSecret.IsSet() && last.PreviousSecretOf == r.Revision:
		return SlotPrevious
	}
	return slotCurrent
}

// Pick puts together the credentials that the choices begin with.
func (r *Role) Pick(c Choices) Credentials {
	who := r.Credentials
	for _, p := range Parts {
		if c[p][0] == SlotNext {
			who.take(p, r.Next.Credentials)
		}
	}
	if c[PartSecret][0] == SlotPrevious {
		who.ClientSecret, who.ClientSecretExpiresAt = r.PreviousClientSecret, time.Time{} // whose end nobody has written
	}
	return who
}

// CredentialsInUse are those that worked last, for anything but a refresh.
func (r *Role) CredentialsInUse(last Worked) Credentials {
	return r.Pick(r.Choices(last, clock.Now()))
}

// After moves on to the credentials to try after an exchange has failed, and tells whether there are any: then Pick
// gives them. Where it does no harm to send a request twice, less than a refusal will do.
func (c Choices) After(t *Target, e *client.Error, harmless bool) bool {
	p, ok := t.RefusedPart(e)
	if !ok && e.MaybeCertificate && (harmless || t.mayHaveRefusedCertificate(e)) {
		p, ok = PartCertificate, true
	}
	if !ok || len(c[p]) < 2 {
		return false
	}
	c[p] = c[p][1:]
	return true
}

// mayHaveRefusedCertificate tells whether a failure that may be about the certificate allows another exchange: a
// refusal over HTTP, which whoever wrote it gave in the place of an answer, or one of before the request was written.
// A connection that ended later says nothing of what the server did.
func (t *Target) mayHaveRefusedCertificate(e *client.Error) bool {
	return e.MaybeCertificate && (e.Status != 0 || e.Class == client.NotProcessed)
}

// RefusedPart is what the provider refuses when it refuses the client: what the client authenticates with.
// Only the provider's own word counts: a gateway's, or half of one, says nothing of what was done behind it.
// The JWT bearer grant has one word for a refused key and a refused grant, and nothing to spend.
func (t *Target) RefusedPart(e *client.Error) (Part, bool) {
	if e.Certificate {
		return PartCertificate, true
	}
	method, bearer := t.Provider.TokenEndpointAuthMethod, t.Role.GrantType == client.GrantJWTBearer
	own := e.Own && e.Status >= 400 && e.Status <= 499 && e.Class != client.NotProcessed
	keyed := bearer && (own && e.Code == "invalid_grant" || !t.Role.ClientSecret.IsSet() && e.Unauthenticated)
	switch {
	case !keyed && !e.Unauthenticated:
		return "", false
	case keyed || method == client.AuthKeyJWT:
		if t.Role.AssertionKey.IsSet() || t.Role.Next.Has(partKey) {
			return partKey, true
		}
		return PartCertificate, true
	case method == client.AuthTLS || method == client.AuthSelfSignedTLS:
		return PartCertificate, true
	}
	return PartSecret, true
}

// Adopted are the credentials to come with which a refresh has succeeded. It is stored with that refresh's
// answer, so that it is known whatever becomes of the write to the role that follows.
type Adopted struct {
	ID    string    `json:"id"`    // NextCredentials.ID
	Parts []Part    `json:"parts"` // those that were used
	Since time.Time `json:"since"` // when they worked for the first time
}

// Adopt puts the credentials that have worked in the place of those before, and tells whether these are still the ones
// to come. nil is none. The role is then to be stored.
func (r *Role) Adopt(a *Adopted) bool {
	if a == nil || r.Next.ID != a.ID {
		return false
	}
	for _, p := range a.Parts {
		if r.Next.Has(p) {
			r.take(p, r.Next.Credentials)
			r.since(p, a.Since)
			r.Next.take(p, Credentials{})
		}
	}
	if !slices.ContainsFunc(Parts, r.Next.Has) {
		r.Next = NextCredentials{}
	}
	return true
}

// since notes from when on a part is in use.
func (c *Credentials) since(p Part, at time.Time) {
	switch p {
	case PartSecret:
		c.ClientSecretSince = at
	case PartCertificate:
		c.CertificateSince = at
	case partKey:
		c.AssertionKeySince = at
	}
}
