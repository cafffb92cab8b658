package oauthrefresh

import (
	"context"
	"errors"
	"slices"
	"time"

	"vault-plugin-secrets-oauthrefresh/internal/clock"

	"github.com/hashicorp/vault/sdk/logical"
)

// Adopted are the credentials to come with which a refresh has succeeded. It is stored with that refresh's
// answer, so that it is known whatever becomes of the write to the role that follows.
type Adopted struct {
	ID    string    `json:"id"` // nextCredentials.ID
	Parts []Part    `json:"parts"`
	Since time.Time `json:"since"`
}

// Promote makes the credentials that were adopted those in use, and forgets the ones before. Nothing depends
// on it: until it succeeds, and it is tried with every refresh, the token's state says which ones work.
func (k *Keeper) Promote(ctx context.Context, s logical.Storage, name string, a *Adopted) (done bool, err error) {
	unlock, err := k.Edits.Lock(ctx, name)
	if err != nil {
		return false, errors.New("another request is at work on the role")
	}
	defer unlock()
	r, err := GetRole(ctx, s, name)
	if err != nil || r == nil || !r.Adopt(a) {
		return false, err // deleted, or written meanwhile
	}
	return true, PutRole(ctx, s, name, r)
}

// Adopt puts the credentials that have worked in the place of those before, and tells whether there were any.
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

// adopted are the credentials to come that this attempt has succeeded with, nil for none.
func (a *Attempt) adopted(tok *Token) *Adopted {
	next := &Adopted{ID: a.Target.Role.Next.ID, Since: clock.Now()}
	for _, p := range Parts {
		if a.choices[p][0] == SlotNext {
			next.Parts = append(next.Parts, p)
		}
	}
	switch {
	case len(next.Parts) == 0:
		return nil
	case tok.Next != nil && tok.Next.ID == next.ID && slices.Equal(tok.Next.Parts, next.Parts):
		return tok.Next // since then
	}
	return next
}

// promote writes to the role what the answer has proven.
func (a *Attempt) promote(ctx context.Context, next *Token) {
	if next.Next == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, StorageTimeout)
	defer cancel()
	switch done, err := a.K.Promote(ctx, a.S, a.Name, next.Next); {
	case err != nil:
		a.K.Logger().Warn("the next credentials of a role work and could not be made those in use; tried again with the next refresh", "role", a.Name, "error", err)
	case done:
		a.K.Logger().Info("the next credentials of a role work and are those in use now", "role", a.Name, "which", next.Next.Parts)
	}
}
