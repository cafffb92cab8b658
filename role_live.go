package oauthrefresh

import (
	"slices"
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// slot is which one of several credentials of a kind.
type slot string

const (
	slotCurrent  slot = ""
	slotNext     slot = "next_"
	slotPrevious slot = "previous_" // of client secrets only
)

// worked says which credentials the last refresh succeeded with, as it is stored with its answer.
type worked struct {
	// PreviousSecretOf is the revision of the role with whose previous client secret it did; "" when it was the
	// current one.
	PreviousSecretOf string `json:"previous_secret_of,omitempty"`
	// Next are credentials to come that have worked, see adopted; nil when those in use do.
	Next *adopted `json:"next,omitempty"`
}

// standing is how a grant stands that a role is written to: what its refreshes have learned so far.
type standing struct {
	worked
	Generation   int64
	RefreshToken client.Secret // the current one
	Alone        bool          // nothing else is kept that may be the grant's
	Dead         bool          // only a new refresh token helps
}

// choices are the credentials that an exchange may be made with, of each part the one to begin with first.
type choices map[part][]slot

// choices of a role begin with those that worked last.
func (r *role) choices(last worked, now time.Time) choices {
	c := choices{}
	for _, p := range parts {
		of := []slot{slotCurrent}
		if r.Next.has(p) && r.mayTryNext(p, now) {
			of = append(of, slotNext)
		}
		if p == partSecret && r.PreviousClientSecret.IsSet() {
			of = append(of, slotPrevious)
		}
		if live := r.live(p, last); live != slotCurrent && slices.Contains(of, live) {
			of = append([]slot{live}, slices.DeleteFunc(of, func(s slot) bool { return s == live })...)
		}
		c[p] = of
	}
	if secrets := c[partSecret]; len(secrets) > 1 { // one that is there twice is tried once
		var seen []client.Secret
		c[partSecret] = slices.DeleteFunc(secrets, func(s slot) bool {
			secret := r.secretIn(s)
			twice := slices.ContainsFunc(seen, secret.Equal)
			seen = append(seen, secret)
			return twice
		})
	}
	return c
}

// secretIn is the client secret in a slot.
func (r *role) secretIn(s slot) client.Secret {
	switch s {
	case slotNext:
		return r.Next.ClientSecret
	case slotPrevious:
		return r.PreviousClientSecret
	}
	return r.ClientSecret
}

// mayTryNext tells whether the time of the credentials to come has begun.
func (r *role) mayTryNext(p part, now time.Time) bool {
	if now.Before(r.Next.From) {
		return false
	}
	if p != partCertificate {
		return true
	}
	id, err := r.Next.identity()
	return err == nil && !now.Before(id.NotBefore())
}

// live is which one worked last. Any write to the role makes its client secret first again, before a previous one.
func (r *role) live(p part, last worked) slot {
	switch {
	case last.Next != nil && r.Next.ID == last.Next.ID && r.Next.has(p) && slices.Contains(last.Next.Parts, p):
		return slotNext
	case p == partSecret && r.PreviousClientSecret.IsSet() && last.PreviousSecretOf == r.Revision:
		return slotPrevious
	}
	return slotCurrent
}

// pick puts together the credentials that the choices begin with.
func (r *role) pick(c choices) credentials {
	who := r.credentials
	for _, p := range parts {
		if c[p][0] == slotNext {
			who.take(p, r.Next.credentials)
		}
	}
	if c[partSecret][0] == slotPrevious {
		who.ClientSecret = r.PreviousClientSecret
	}
	return who
}

// credentialsInUse are those that worked last, for anything but a refresh.
func (r *role) credentialsInUse(last worked) credentials {
	return r.pick(r.choices(last, clock.Now()))
}

// after picks the credentials to try after a refusal, and tells whether there are any. Where it does no harm to
// send a request twice, less than a refusal will do.
func (c choices) after(t *target, e *client.Error, harmless bool) bool {
	p, ok := t.refusedPart(e)
	if !ok && e.MaybeCertificate && (harmless || t.mayHaveRefusedCertificate(e)) {
		p, ok = partCertificate, true
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
func (t *target) mayHaveRefusedCertificate(e *client.Error) bool {
	return e.MaybeCertificate && (e.Status != 0 || e.Class == client.NotProcessed)
}

// refusedPart is what the provider refuses when it refuses the client: what the client authenticates with.
// Only the provider's own word counts: a gateway's, or half of one, says nothing of what was done behind it.
// The JWT bearer grant has one word for a refused key and a refused grant, and nothing to spend.
func (t *target) refusedPart(e *client.Error) (part, bool) {
	if e.Certificate {
		return partCertificate, true
	}
	method, bearer := t.provider.TokenEndpointAuthMethod, t.role.GrantType == client.GrantJWTBearer
	own := e.Own && e.Status >= 400 && e.Status <= 499 && e.Class != client.NotProcessed
	keyed := bearer && (own && e.Code == "invalid_grant" || !t.role.ClientSecret.IsSet() && e.Unauthenticated)
	switch {
	case !keyed && !e.Unauthenticated:
		return "", false
	case keyed || method == client.AuthKeyJWT:
		if t.role.AssertionKey.IsSet() || t.role.Next.has(partKey) {
			return partKey, true
		}
		return partCertificate, true
	case method == client.AuthTLS || method == client.AuthSelfSignedTLS:
		return partCertificate, true
	}
	return partSecret, true
}
