package oauthrefresh

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
)

// slot is which one of several credentials of a kind.
type slot string

const (
	slotCurrent  slot = ""
	slotNext     slot = "next_"
	slotPrevious slot = "previous_" // of client secrets only
)

// adopted are the credentials to come with which a refresh has succeeded. It is stored with that refresh's
// answer, so that it is known whatever becomes of the write to the role that follows.
type adopted struct {
	ID    string    `json:"id"` // nextCredentials.ID
	Parts []part    `json:"parts"`
	Since time.Time `json:"since"`
}

// choices are the credentials that an exchange may be made with, of each part the one to begin with first.
type choices map[part][]slot

// choices of a role begin with those that worked last.
func (r *role) choices(tok *token, now time.Time) choices {
	c := choices{}
	for _, p := range parts {
		of := []slot{slotCurrent}
		if r.Next.has(p) && r.mayTryNext(p, now) {
			of = append(of, slotNext)
		}
		if p == partSecret && r.PreviousClientSecret.IsSet() {
			of = append(of, slotPrevious)
		}
		if live := r.live(p, tok); live != slotCurrent && slices.Contains(of, live) {
			of = append([]slot{live}, slices.DeleteFunc(of, func(s slot) bool { return s == live })...)
		}
		c[p] = of
	}
	return c
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

// live is which one worked last. Any write to the role makes its new client secret first again.
func (r *role) live(p part, tok *token) slot {
	switch {
	case tok.Next != nil && r.Next.ID == tok.Next.ID && r.Next.has(p) && slices.Contains(tok.Next.Parts, p):
		return slotNext
	case p == partSecret && r.PreviousClientSecret.IsSet() && tok.PreviousSecretOf == r.Revision:
		return slotPrevious
	}
	return slotCurrent
}

// pick puts together the credentials that the choices begin with.
func (r *role) pick(c choices) credentials {
	who := r.credentials
	for _, p := range parts {
		switch c[p][0] {
		case slotNext:
			who.take(p, r.Next.credentials)
		case slotPrevious:
			who.ClientSecret = r.PreviousClientSecret
		}
	}
	return who
}

// inUse are the credentials that worked last, to be used for anything but a refresh.
func (r *role) credentialsInUse(tok *token) credentials { return r.pick(r.choices(tok, time.Now())) }

// refusedPart is what the provider refuses when it refuses the client: what the client authenticates with.
// Only that says that something else was wrong with no request, so that nothing was looked at but the
// client. The JWT bearer grant has one word for a refused key and a refused grant, and nothing to spend.
func (t *target) refusedPart(e *client.Error) (part, bool) {
	keyed := e.Code == "invalid_grant" && t.role.GrantType == client.GrantJWTBearer
	switch method := t.provider.TokenEndpointAuthMethod; {
	case e.Class == client.ClientRefused && e.Certificate:
		return partCertificate, true
	case !keyed && (e.Class != client.ClientRefused || e.Code != "invalid_client"):
		return "", false
	case method == client.AuthTLS || method == client.AuthSelfSignedTLS:
		return partCertificate, true
	case keyed || method == client.AuthKeyJWT || method == client.AuthNone || !t.role.ClientSecret.IsSet():
		if t.role.AssertionKey.IsSet() || t.role.Next.has(partKey) {
			return partKey, true
		}
		return partCertificate, true
	}
	return partSecret, true
}

// promote makes the credentials that were adopted those in use, and forgets the ones before. Nothing depends
// on it: until it succeeds, and it is tried with every refresh, the token's state says which ones work.
func (b *backend) promote(ctx context.Context, s logical.Storage, name string, a *adopted) error {
	unlock, err := b.edits.lock(ctx, name)
	if err != nil {
		return errors.New("another request is at work on the role")
	}
	defer unlock()
	r, err := getRole(ctx, s, name)
	if err != nil || r == nil || r.Next.ID != a.ID {
		return err // deleted, or written meanwhile
	}
	for _, p := range a.Parts {
		if r.Next.has(p) {
			r.take(p, r.Next.credentials)
			r.since(p, a.Since)
			r.Next.take(p, credentials{})
		}
	}
	if !slices.ContainsFunc(parts, r.Next.has) {
		r.Next = nextCredentials{}
	}
	return putRole(ctx, s, name, r)
}

// since notes from when on a part is in use.
func (c *credentials) since(p part, at time.Time) {
	switch p {
	case partSecret:
		c.ClientSecretSince = at
	case partCertificate:
		c.CertificateSince = at
	case partKey:
		c.AssertionKeySince = at
	}
}

// describeLive adds which credentials are in use, since when, and when those end that say so.
func (r *role) describeLive(tok *token, data map[string]any) {
	who := r.credentialsInUse(tok)
	for p, since := range map[part]time.Time{
		partSecret: who.ClientSecretSince, partCertificate: who.CertificateSince, partKey: who.AssertionKeySince,
	} {
		if !who.secretOf(p).IsSet() {
			continue
		}
		live := r.live(p, tok)
		data[string(p)+"_in_use"] = string(live) + string(p)
		switch {
		case live == slotNext:
			since = tok.Next.Since
		case live == slotPrevious:
			since = time.Time{} // nobody knows
		}
		if !since.IsZero() {
			data[string(p)+"_in_use_since"] = since.UTC().Format(time.RFC3339)
		}
	}
	who.describeEnds("", data)
	r.Next.describeEnds(nextPrefix, data)
	if !r.Next.From.IsZero() {
		data["next_from"] = r.Next.From.Format(time.RFC3339)
	}
}

// describeEnds adds when certificates end. Of a secret nobody knows.
func (c credentials) describeEnds(prefix string, data map[string]any) {
	if id, err := c.identity(); err == nil && id != nil {
		data[prefix+"client_certificate_not_after"] = id.NotAfter().UTC().Format(time.RFC3339)
	}
	if !c.AssertionKey.IsSet() {
		return
	}
	if key, err := client.LoadSigningKey(c.AssertionKey, c.AssertionCertificate); err == nil && !key.NotAfter().IsZero() {
		data[prefix+"assertion_private_key_not_after"] = key.NotAfter().UTC().Format(time.RFC3339)
	}
}
