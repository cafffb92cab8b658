package oauthrefresh

import (
	"context"
	"errors"
	"slices"
	"time"

	"vault-plugin-secrets-oauthrefresh/internal/clock"

	"github.com/hashicorp/vault/sdk/logical"
)

// adopted are the credentials to come with which a refresh has succeeded. It is stored with that refresh's
// answer, so that it is known whatever becomes of the write to the role that follows.
type adopted struct {
	ID    string    `json:"id"` // nextCredentials.ID
	Parts []part    `json:"parts"`
	Since time.Time `json:"since"`
}

// promote makes the credentials that were adopted those in use, and forgets the ones before. Nothing depends
// on it: until it succeeds, and it is tried with every refresh, the token's state says which ones work.
func (k *keeper) promote(ctx context.Context, s logical.Storage, name string, a *adopted) (done bool, err error) {
	unlock, err := k.edits.lock(ctx, name)
	if err != nil {
		return false, errors.New("another request is at work on the role")
	}
	defer unlock()
	r, err := getRole(ctx, s, name)
	if err != nil || r == nil || !r.adopt(a) {
		return false, err // deleted, or written meanwhile
	}
	return true, putRole(ctx, s, name, r)
}

// adopt puts the credentials that have worked in the place of those before, and tells whether there were any.
func (r *role) adopt(a *adopted) bool {
	if a == nil || r.Next.ID != a.ID {
		return false
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
	return true
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

// adopted are the credentials to come that this attempt has succeeded with, nil for none.
func (a *attempt) adopted(tok *token) *adopted {
	next := &adopted{ID: a.target.role.Next.ID, Since: clock.Now()}
	for _, p := range parts {
		if a.choices[p][0] == slotNext {
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
func (a *attempt) promote(ctx context.Context, next *token) {
	if next.Next == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, storageTimeout)
	defer cancel()
	switch done, err := a.k.promote(ctx, a.s, a.name, next.Next); {
	case err != nil:
		a.k.Logger().Warn("the next credentials of a role work and could not be made those in use; tried again with the next refresh", "role", a.name, "error", err)
	case done:
		a.k.Logger().Info("the next credentials of a role work and are those in use now", "role", a.name, "which", next.Next.Parts)
	}
}
