package grant_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// A warm read of an owner's grant is as warm as one of a role's: it looks nothing up, neither in storage nor in Vault's
// identities, whether the owner is who asks or is named, and whatever becomes of other owners meanwhile.
func TestAWarmReadOfAnOwnerAsksVaultNothing(t *testing.T) {
	p := enginetest.NewPerPerson(t)
	alice, bob := p.By("alice"), p.By("bob")
	alice.Brings("people", "alice")
	bob.Brings("people", "bob")
	p.Brings("people/carol", "carol")
	ofAlice := grant.KeyOf("people", enginetest.EntityID("alice"))
	readers := []struct {
		who  *enginetest.PerPerson
		path string
		key  grant.Key
		want string
	}{
		{alice, "people", ofAlice, "alice~1"},
		{alice, "people/" + strings.ToUpper(enginetest.EntityID("alice")), ofAlice, "alice~1"},
		{p, "people/carol", "people/carol", "carol~1"},
	}
	warm := func(t *testing.T) {
		t.Helper()
		for _, r := range readers {
			r.who.Read("creds/" + r.path) // the first after a write looks
			for _, f := range []enginetest.Fields{nil, {"min_ttl": "1m"}} {
				resp, looks := countedRead(r.who, "creds/"+r.path, f)
				if looks != (looksMade{}) {
					t.Errorf("creds/%s %v: %+v", r.path, f, looks)
				}
				if got, _ := resp.Data["access_token"].(string); got != enginetest.Canary+"access~"+r.want {
					t.Errorf("creds/%s: %s", r.path, got)
				}
			}
			if m, ok := p.Grants.Memory.Recall(r.key); !ok || m.State.RefreshToken.IsSet() {
				t.Errorf("the memory holds nothing of %s, or a refresh token", r.key)
			}
		}
	}
	warm(t)
	bob.Write("refresh/people", nil)
	bob.Write("revoke/people", nil)
	bob.Delete("status/people")
	p.By("dave").Brings("people", "dave")
	for _, r := range readers { // what is written of an owner is forgotten of that one alone
		if resp, looks := countedRead(r.who, "creds/"+r.path, nil); looks != (looksMade{}) || resp.IsError() {
			t.Errorf("creds/%s, after others' writes: %+v", r.path, looks)
		}
	}
	p.Write("roles/people", enginetest.Fields{"ttl": "1m"})
	if _, looks := countedRead(alice, "creds/people", nil); looks.storage == 0 {
		t.Error("what was written to the role is not seen")
	}
	warm(t)
	if n := len(p.Server.Requests()); n != 6 { // four consents, a refresh and a revocation
		t.Errorf("%d requests", n)
	}
}

// looksMade is what a read has asked.
type looksMade struct{ storage, entities int64 }

// countedRead is a read that must succeed, and what it has asked beyond what may be a second old.
func countedRead(p *enginetest.PerPerson, path string, f enginetest.Fields) (*logical.Response, looksMade) {
	p.T.Helper()
	storage, entities := &countingStorage{Storage: p.Storage}, &countingEntities{SystemView: p.Grants.Vault}
	view := p.Backend.System().(*mount.SystemView)
	before, own := p.Grants.Vault, view.SystemView
	p.Grants.Vault, view.SystemView = entities, entities
	defer func() { p.Grants.Vault, view.SystemView = before, own }()
	req := &logical.Request{Operation: logical.ReadOperation, Path: path, MountPoint: "oauth/", Storage: storage, Data: enginetest.ThroughJSON(f)}
	if p.Who != "" {
		req.EntityID = enginetest.EntityID(p.Who)
	}
	resp, err := p.HandleRequest(p.T.Context(), req)
	if err != nil || resp.IsError() {
		p.T.Fatalf("%s: %v %v", path, resp, err)
	}
	return resp, looksMade{storage.n.Load(), entities.n.Load()}
}

// countingStorage counts every operation.
type countingStorage struct {
	logical.Storage
	n atomic.Int64
}

// Get implements logical.Storage.
func (s *countingStorage) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	s.n.Add(1)
	return s.Storage.Get(ctx, key)
}

// List implements logical.Storage.
func (s *countingStorage) List(ctx context.Context, prefix string) ([]string, error) {
	s.n.Add(1)
	return s.Storage.List(ctx, prefix)
}

// Put implements logical.Storage.
func (s *countingStorage) Put(ctx context.Context, entry *logical.StorageEntry) error {
	s.n.Add(1)
	return s.Storage.Put(ctx, entry)
}

// Delete implements logical.Storage.
func (s *countingStorage) Delete(ctx context.Context, key string) error {
	s.n.Add(1)
	return s.Storage.Delete(ctx, key)
}

// countingEntities counts what is asked of people.
type countingEntities struct {
	logical.SystemView
	n atomic.Int64
}

// EntityInfo implements logical.SystemView.
func (s *countingEntities) EntityInfo(id string) (*logical.Entity, error) {
	s.n.Add(1)
	return s.SystemView.EntityInfo(id)
}

// GroupsForEntity implements logical.SystemView.
func (s *countingEntities) GroupsForEntity(id string) ([]*logical.Group, error) {
	s.n.Add(1)
	return s.SystemView.GroupsForEntity(id)
}
