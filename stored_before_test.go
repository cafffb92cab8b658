package oauthrefresh_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/authorize"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/provider"
	"vault-plugin-secrets-oauthrefresh/role"
)

// storedBefore are entries as a released version of the plugin has written them, by key. Each version's
// stay: what was stored once has to be read for ever, or a grant is lost with an upgrade.
func storedBefore(t *testing.T, version string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "storage", version, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	entries := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		key := strings.ReplaceAll(strings.TrimSuffix(filepath.Base(file), ".json"), "~", "/")
		entries[key] = string(text)
	}
	return entries
}

// storageVersions are those whose entries are kept.
var storageVersions = []string{"v0.1.0", "v0.2.0"}

// newBackendBefore is a mount over the entries of a version.
func newBackendBefore(t *testing.T, version string) *enginetest.Mount {
	t.Helper()
	storage := new(enginetest.Storage)
	for key, value := range storedBefore(t, version) {
		if err := storage.InmemStorage.Put(t.Context(), &logical.StorageEntry{Key: key, Value: []byte(value)}); err != nil {
			t.Fatal(err)
		}
	}
	return enginetest.NewOn(t, storage)
}

// What an earlier version stored is read, and written again as the same bytes: nothing of it is dropped,
// renamed or understood in another way.
func TestEntriesOfEarlierVersionsStayAsTheyAre(t *testing.T) {
	for _, version := range storageVersions {
		for key, want := range storedBefore(t, version) {
			t.Run(version+"/"+key, func(t *testing.T) {
				s, ctx := new(logical.InmemStorage), context.Background()
				if err := s.Put(ctx, &logical.StorageEntry{Key: key, Value: []byte(want)}); err != nil {
					t.Fatal(err)
				}
				rewrite(t, s, key)
				entry, err := s.Get(ctx, key)
				if err != nil {
					t.Fatal(err)
				}
				if got := string(entry.Value); got != want {
					t.Errorf("written again it is\n%s\nand was\n%s", got, want)
				}
			})
		}
	}
}

// rewrite reads an entry as the plugin does, and writes what it has read.
func rewrite(t *testing.T, s logical.Storage, key string) {
	t.Helper()
	kind, name, _ := strings.Cut(key, "/")
	ctx := context.Background()
	var err error
	switch kind + "/" {
	case role.Prefix:
		var r *role.Role
		if r, err = role.Get(ctx, s, name); err == nil {
			err = role.Put(ctx, s, name, r)
		}
	case grant.Prefix:
		var tok *grant.State
		if tok, err = grant.GetState(ctx, s, grant.Key(name)); err == nil {
			err = grant.PutState(ctx, s, grant.Key(name), tok)
		}
	case provider.Prefix:
		var p *provider.Custom
		if p, err = provider.GetCustom(ctx, s, name); err == nil {
			err = mount.Save(ctx, s, key, p)
		}
	case authorize.Prefix:
		var con *authorize.Consent
		if con, err = authorize.Get(ctx, s, key); err == nil {
			err = authorize.Put(ctx, s, con)
		}
	case grant.RevocationPrefix:
		err = reload(s, key, new(grant.Revocation))
	case role.PinsPrefix:
		err = reload(s, key, new(role.Pins))
	case grant.InflightPrefix:
		err = reload(s, key, new(struct{}))
	case provider.ConfigKey + "/":
		var c *provider.Config
		if c, err = provider.GetConfig(ctx, s); err == nil {
			err = mount.Save(ctx, s, key, c)
		}
	case grant.LifeKey + "/":
		err = reload(s, key, new(grant.Life))
	default:
		t.Fatalf("nobody knows what %s is", key)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func reload(s logical.Storage, key string, into any) error {
	if _, err := mount.Load(context.Background(), s, key, into); err != nil {
		return err
	}
	return mount.Save(context.Background(), s, key, into)
}

// An upgrade changes nothing for anybody: tokens are served, the dead stay dead, and what waited for
// something goes on waiting for it, under the same key.
func TestAnUpgradeCostsNothing(t *testing.T) {
	for version, states := range map[string]map[string]string{
		"v0.1.0": {
			"everything": grant.StateOK, "busy": grant.StateFailing, "dead": grant.StateDead, "lost": grant.StateUnknown, "new": grant.StateNew,
			"adopted": grant.StateOK, "doubted": grant.StateOK, "client": grant.StateOK, "own": grant.StateOK, "+": grant.StateOK,
		},
		"v0.2.0": {
			"good": grant.StateOK, "ends": grant.StateOK, "elsewhere": grant.StateOK, "several": grant.StateBlocked, "lost": grant.StateUnknown, "coded": grant.StateFailing, "wordless": grant.StateFailing, "refused": grant.StateDead, "pinned": grant.StateNew,
			"people/carol@example.com": grant.StateOK,
		},
	} {
		b := newBackendBefore(t, version)
		b.Write("config", enginetest.Fields{"allow_insecure_endpoints": true})
		// The day on which the entries were written.
		at := b.Stored("lost").ObtainedAt.Add(time.Minute)
		clock.Step(at.Sub(clock.Now()))
		t.Cleanup(enginetest.PutRight)
		for name := range states {
			if name == "new" || name == "own" || name == "pinned" {
				continue // who has no token, and whose each is another
			}
			if got, want := b.Data("creds/" + name)["access_token"], b.Stored(name).AccessToken.Reveal(); got != want {
				t.Errorf("%s: creds/%s answers with %v, stored is %v", version, name, got, want)
			}
		}
		for name, want := range states {
			if got := b.Data("status/" + name)["state"]; got != want {
				t.Errorf("%s: the state of %s is %v, want %v", version, name, got, want)
			}
		}
		if of := b.Stored("people/" + enginetest.EntityID("alice")); of != nil { // whom nobody names
			if got := b.As("alice").Data("creds/people")["access_token"]; got != of.AccessToken.Reveal() {
				t.Errorf("%s: alice is served %v", version, got)
			}
		}
		lost := b.Stored("lost")
		next := intentAfter(t, &grant.Attempt{K: b.Grants, S: b.Grants.Over(b.Storage), Key: "lost", Target: b.TargetOf("lost")}, lost)
		if next.IdempotencyKey != lost.Intent.IdempotencyKey || !next.Since().Equal(lost.Intent.Since()) {
			t.Errorf("%s: the exchange whose answer was lost is repeated under another key", version)
		}
		if dead := b.Stored("dead"); dead != nil && !dead.Fault.Forbids(b.TargetOf("dead"), dead, clock.Now()) {
			t.Errorf("%s: a grant that was refused is presented again after an upgrade", version)
		}
	}
}

// intentAfter is the one with which an attempt would begin.
func intentAfter(t *testing.T, a *grant.Attempt, tok *grant.State) *grant.Intent {
	t.Helper()
	next, err := a.Intend(t.Context(), tok)
	if err != nil {
		t.Fatal(err)
	}
	return next.Intent
}
