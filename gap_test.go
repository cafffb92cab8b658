package oauthrefresh

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// lived stores a sign of life as another process of this mount would have left it.
func (b *testBackend) lived(ago time.Duration, cluster string) {
	b.t.Helper()
	err := mount.Save(context.Background(), &b.storage.InmemStorage, grant.LifeKey, &grant.Life{ClusterID: cluster, At: time.Now().Add(-ago)})
	if err != nil {
		b.t.Fatal(err)
	}
}

// tick is Vault's periodic call.
func (b *testBackend) tick() {
	b.t.Helper()
	if _, err := b.HandleRequest(b.t.Context(), &logical.Request{Operation: logical.RollbackOperation, Storage: b.storage}); err != nil {
		b.t.Fatal(err)
	}
}

// After a time of which storage knows nothing, a refused grant is explained by it, and status warns
// beforehand. A restart explains nothing.
func TestAGapInStorageIsNoticed(t *testing.T) {
	for name, c := range map[string]struct {
		ago     time.Duration
		cluster string
		says    string
	}{
		"a restart":             {2 * grant.Heartbeat, "", ""},
		"a restored snapshot":   {2 * time.Hour, "", "snapshot was restored"},
		"a promoted DR replica": {time.Second, "another", "another cluster"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newTestBackend(t)
			server := newEndpoint(t, b)
			server.Enqueue(tokenAnswer(canary+"a1", canary+"r1"), clienttest.JSON(400, `{"error":"invalid_grant"}`))
			b.writeRole("r")
			b.read("creds/r")
			b.lived(c.ago, c.cluster)

			after := newTestBackendOn(t, b.storage)
			after.tick()
			warning, _ := after.data("status/r")["snapshot_suspected"].(string)
			if !strings.Contains(warning, c.says) || (warning == "") != (c.says == "") {
				t.Errorf("status says %q before the refresh, want %q", warning, c.says)
			}
			_, text := after.failure(logical.UpdateOperation, "refresh/r", nil)
			if !strings.Contains(text, c.says) || !strings.Contains(text, "write the new refresh_token to roles/r") {
				t.Errorf("the refusal says %q, want %q and the way out", text, c.says)
			}
			if c.says == "" && strings.Contains(text, "snapshot") {
				t.Errorf("a restart is taken for a restored snapshot: %s", text)
			}
			after.writeRole("r", fields{"refresh_token": canary + "fresh"})
			if s := after.data("status/r"); s["snapshot_suspected"] != nil {
				t.Error("a new grant is suspected of what happened before it")
			}
		})
	}
}

// The look for a gap does not wait for Vault's tick: whoever comes first may be the one who spends what a snapshot
// brought back.
func TestAGapIsNoticedBeforeTheFirstTick(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	server.Enqueue(tokenAnswer(canary+"a1", canary+"r1"), invalidGrant)
	b.writeRole("r")
	b.read("creds/r")
	b.lived(2*time.Hour, "")
	after := newTestBackendOn(t, b.storage)
	if _, text := after.failure(logical.UpdateOperation, "refresh/r", nil); !strings.Contains(text, "snapshot was restored") {
		t.Errorf("the refusal says %q", text)
	}
}

// A sign of life is stored now and then, not with every tick.
func TestSignsOfLifeAreFew(t *testing.T) {
	b := newTestBackend(t)
	puts := 0
	b.storage.onPut(func(string) error { puts++; return nil })
	for minute := range 60 {
		b.grants.SignOfLife(t.Context(), b.storage, time.Now().Add(time.Duration(minute)*time.Minute))
	}
	if puts != 6 {
		t.Errorf("%d writes in an hour, want 6", puts)
	}
}

// A sign of life of the future is one of a clock that was put back since: how long storage was silent is not known, and
// signs of life are stored all the same.
func TestASignOfLifeOfTheFutureIsAGap(t *testing.T) {
	for name, ahead := range map[string]time.Duration{"a year": 365 * day, "clocks that differ (control)": grant.MaxAhead / 2} {
		t.Run(name, func(t *testing.T) {
			withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
				server.Enqueue(tokenAnswer(canary+"a1", canary+"r1"), invalidGrant)
				b.read("creds/r")
				pause(time.Second)
				b.lived(-ahead, "")
				after := newTestBackendOn(t, b.storage)
				after.startBackground()
				pause(time.Second)
				suspected, _ := after.data("status/r")["snapshot_suspected"].(string)
				if strings.Contains(suspected, "a clock was put back") != (name == "a year") || strings.Contains(suspected, "0001") {
					t.Errorf("status says %q", suspected)
				}
				pause(grant.Heartbeat)
				after.tick()
				var last grant.Life
				if ok, err := mount.Load(t.Context(), b.storage, grant.LifeKey, &last); !ok || err != nil || clock.Since(last.At).Abs() > grant.MaxAhead {
					t.Errorf("the last sign of life is of %s, %v", last.At, err)
				}
			})
		})
	}
}

// Signs of life of a clock that was ahead hold none back, and the gap that it found is over when that clock is right: a
// grant that is newer is not suspected.
func TestAGapOfTheFutureIsBounded(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		newGrant(server)
		b.read("creds/r")
		b.lived(2*time.Hour, "")
		after := newTestBackendOn(t, b.storage)
		clock.Step(day)
		after.startBackground()
		pause(time.Second)
		clock.Step(-day)
		pause(time.Minute)
		after.tick()
		if after.data("status/r")["snapshot_suspected"] == nil {
			t.Error("a grant that is older than the gap is not suspected")
		}
		pause(time.Second)
		after.write("refresh/r", nil)
		if s := after.data("status/r")["snapshot_suspected"]; s != nil {
			t.Errorf("a grant that was refreshed since is suspected: %v", s)
		}
		var last grant.Life
		if ok, err := mount.Load(t.Context(), b.storage, grant.LifeKey, &last); !ok || err != nil || last.At.After(clock.Now()) || last.Gap.To.After(clock.Now()) {
			t.Errorf("the last sign of life is of %s, its gap until %s, %v", last.At, last.Gap.To, err)
		}
	})
}
