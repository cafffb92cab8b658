package grant_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/mount"
)

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
			b := enginetest.New(t)
			server := enginetest.NewEndpoint(t, b)
			server.Enqueue(enginetest.TokenAnswer(enginetest.Canary+"a1", enginetest.Canary+"r1"), clienttest.JSON(400, `{"error":"invalid_grant"}`))
			b.WriteRole("r")
			b.Read("creds/r")
			b.Lived(c.ago, c.cluster)

			after := enginetest.NewOn(t, b.Storage)
			after.Tick()
			warning, _ := after.Data("status/r")["snapshot_suspected"].(string)
			if !strings.Contains(warning, c.says) || (warning == "") != (c.says == "") {
				t.Errorf("status says %q before the refresh, want %q", warning, c.says)
			}
			_, text := after.Failure(logical.UpdateOperation, "refresh/r", nil)
			if !strings.Contains(text, c.says) || !strings.Contains(text, "write the new refresh_token to roles/r") {
				t.Errorf("the refusal says %q, want %q and the way out", text, c.says)
			}
			if c.says == "" && strings.Contains(text, "snapshot") {
				t.Errorf("a restart is taken for a restored snapshot: %s", text)
			}
			after.WriteRole("r", enginetest.Fields{"refresh_token": enginetest.Canary + "fresh"})
			if s := after.Data("status/r"); s["snapshot_suspected"] != nil {
				t.Error("a new grant is suspected of what happened before it")
			}
		})
	}
}

// The look for a gap does not wait for Vault's tick: whoever comes first may be the one who spends what a snapshot
// brought back.
func TestAGapIsNoticedBeforeTheFirstTick(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	server.Enqueue(enginetest.TokenAnswer(enginetest.Canary+"a1", enginetest.Canary+"r1"), enginetest.InvalidGrant)
	b.WriteRole("r")
	b.Read("creds/r")
	b.Lived(2*time.Hour, "")
	after := enginetest.NewOn(t, b.Storage)
	if _, text := after.Failure(logical.UpdateOperation, "refresh/r", nil); !strings.Contains(text, "snapshot was restored") {
		t.Errorf("the refusal says %q", text)
	}
}

// A sign of life is stored now and then, not with every tick.
func TestSignsOfLifeAreFew(t *testing.T) {
	b := enginetest.New(t)
	puts := 0
	b.Storage.OnPut(func(string) error { puts++; return nil })
	for minute := range 60 {
		b.Grants.SignOfLife(t.Context(), b.Storage, time.Now().Add(time.Duration(minute)*time.Minute))
	}
	if puts != 6 {
		t.Errorf("%d writes in an hour, want 6", puts)
	}
}

// A sign of life of the future is one of a clock that was put back since: how long storage was silent is not known, and
// signs of life are stored all the same.
func TestASignOfLifeOfTheFutureIsAGap(t *testing.T) {
	for name, ahead := range map[string]time.Duration{"a year": 365 * enginetest.Day, "clocks that differ (control)": grant.MaxAhead / 2} {
		t.Run(name, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				server.Enqueue(enginetest.TokenAnswer(enginetest.Canary+"a1", enginetest.Canary+"r1"), enginetest.InvalidGrant)
				b.Read("creds/r")
				enginetest.Pause(time.Second)
				b.Lived(-ahead, "")
				after := enginetest.NewOn(t, b.Storage)
				after.StartBackground()
				enginetest.Pause(time.Second)
				suspected, _ := after.Data("status/r")["snapshot_suspected"].(string)
				if strings.Contains(suspected, "a clock was put back") != (name == "a year") || strings.Contains(suspected, "0001") {
					t.Errorf("status says %q", suspected)
				}
				enginetest.Pause(grant.Heartbeat)
				after.Tick()
				var last grant.Life
				if ok, err := mount.Load(t.Context(), b.Storage, grant.LifeKey, &last); !ok || err != nil || clock.Since(last.At).Abs() > grant.MaxAhead {
					t.Errorf("the last sign of life is of %s, %v", last.At, err)
				}
			})
		})
	}
}

// Signs of life of a clock that was ahead hold none back, and the gap that it found is over when that clock is right: a
// grant that is newer is not suspected.
func TestAGapOfTheFutureIsBounded(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.NewGrant(server)
		b.Read("creds/r")
		b.Lived(2*time.Hour, "")
		after := enginetest.NewOn(t, b.Storage)
		clock.Step(enginetest.Day)
		after.StartBackground()
		enginetest.Pause(time.Second)
		clock.Step(-enginetest.Day)
		enginetest.Pause(time.Minute)
		after.Tick()
		if after.Data("status/r")["snapshot_suspected"] == nil {
			t.Error("a grant that is older than the gap is not suspected")
		}
		enginetest.Pause(time.Second)
		after.Write("refresh/r", nil)
		if s := after.Data("status/r")["snapshot_suspected"]; s != nil {
			t.Errorf("a grant that was refreshed since is suspected: %v", s)
		}
		var last grant.Life
		if ok, err := mount.Load(t.Context(), b.Storage, grant.LifeKey, &last); !ok || err != nil || last.At.After(clock.Now()) || last.Gap.To.After(clock.Now()) {
			t.Errorf("the last sign of life is of %s, its gap until %s, %v", last.At, last.Gap.To, err)
		}
	})
}
