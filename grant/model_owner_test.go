package grant_test

import (
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"pgregory.net/rapid"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// The same of a grant that is one of a role's owners', an entity or one whom a broker names. It has sequences of its own,
// since those that are kept of the other test mean what they meant only as long as nothing more is drawn there.
func TestNoSequenceLosesAnOwnersGrant(t *testing.T) {
	noSequenceLoses(t, *sequences/3, func(r *rapid.T) modelOwner {
		return rapid.SampledFrom([]modelOwner{anEntity, aNamedOwner}).Draw(r, "whose")
	})
}

// modelOwner is whose the grant is.
type modelOwner string

const (
	theRole     modelOwner = "the role's"
	anEntity    modelOwner = "an entity's"
	aNamedOwner modelOwner = "a named owner's"
)

// key is where the grant's state is, in storage, in memory and in the queue.
func (o modelOwner) key() grant.Key {
	switch o {
	case anEntity:
		return grant.KeyOf("r", enginetest.EntityID("alice"))
	case aNamedOwner:
		return grant.KeyOf("r", "alice")
	}
	return "r"
}

// as is the mount for whoever asks for the grant.
func (o modelOwner) as(b *enginetest.Mount) *enginetest.Mount {
	if o == anEntity {
		return b.As("alice")
	}
	return b
}

// path is that of the grant at creds/ and its like.
func (w *world) path(what string) string { return what + "/" + w.whose.key().Path() }

// stateKey is the grant's in storage.
func (w *world) stateKey() string { return grant.Prefix + string(w.whose.key()) }

// writeRole writes the role, and brings its grant, or its owner's.
func (w *world) writeRole() {
	f := enginetest.Fields{
		"client_secret": w.strict.secret, "scope": w.role.scope,
		"keepalive_period": int(w.role.keepalive.Seconds()), "ttl": int(w.role.ttl.Seconds()),
	}
	if w.whose != theRole {
		f["refresh_token"], f["grant_owner"] = nil, "entity"
		w.edit(logical.UpdateOperation, "roles/r", enginetest.RoleOf("test", f))
		w.agree()
		return
	}
	w.mu.Lock()
	f["refresh_token"] = w.strict.authorize(w.now(), w.stepped)
	w.loss, w.excuse = nil, ""
	w.mu.Unlock()
	w.edit(logical.UpdateOperation, "roles/r", enginetest.RoleOf("test", f))
}

// agree brings an owner's new grant: a code each time, since one that was presented without success is spent.
func (w *world) agree() {
	for i := range 10 { // the plugin may die of what was prepared for it
		w.mu.Lock()
		w.loss, w.excuse = nil, ""
		f := enginetest.Fields{"authorization_code": w.strict.authorize(w.now(), w.stepped), "redirect_uri": "http://127.0.0.1:1/"}
		w.mu.Unlock()
		resp, err := w.process.Try(w.t.Context(), logical.UpdateOperation, w.path("confirm"), f)
		w.edited()
		if err == nil && !resp.IsError() {
			return
		}
		w.note("confirm says: %v %v", err, resp)
		if i == 5 {
			w.set(func() { w.faults = nil })
		}
		w.clearStorageFaults()
		w.settle()
	}
	w.fail("harness", "nobody can agree")
}

// exchange answers a code, which is the grant's first refresh token, and as the definition wants it: what goes wrong with
// codes is not this model's subject. It needs the lock.
func (w *world) exchange(code string) clienttest.Answer {
	rt, s := w.strict.refresh[code], w.strict
	if rt == nil || rt.grant != s.grant {
		return rulingStranger.refusal()
	}
	s.issued++
	p := &issuedPair{access: s.newAccess(w.role.scope, w.now(), w.stepped), refresh: rt, rotated: true, scope: w.role.scope}
	p.access.delivered, rt.told = true, w.kind.Stated > 0
	w.noteLocked("provider: a code brings %s and %s", p.access.name, rt.name)
	nested := s.nested
	s.nested = w.role.nested
	defer func() { s.nested = nested }()
	return clienttest.JSON(200, s.text(p, false)).With("Date", w.date())
}

// newAccess issues an access token of the grant that there is.
func (s *strictProvider) newAccess(scope string, now time.Time, stepped time.Duration) *issuedAccess {
	at := &issuedAccess{
		name: issuedName(s.grant, "access", s.issued), grant: s.grant, scope: scope,
		serial: s.issued, issued: now, ends: now.Add(s.Life), stepped: stepped,
	}
	s.access[at.name] = at
	return at
}
