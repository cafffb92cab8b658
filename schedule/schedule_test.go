package schedule_test

import (
	"context"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/helper/consts"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
	"vault-plugin-secrets-oauthrefresh/schedule"
)

// A refresh whose outcome is unknown is found at start and repeated under its key without a reader.
func TestStartRepeatsWhatACrashLeft(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b, enginetest.Fields{"idempotency_header": "X-Key"})
	server.Enqueue(enginetest.TokenAnswer(enginetest.Canary+"a1", enginetest.Canary+"r1"))
	b.WriteRole("r")
	b.Read("creds/r")
	var key string
	b.Age("r", func(tok *grant.State) {
		r, _ := role.Get(context.Background(), b.Storage, "r")
		target, err := role.NewTarget(context.Background(), b.Storage, r)
		if err != nil {
			t.Fatal(err)
		}
		key = "11111111-2222-3333-4444-555555555555"
		tok.Intent = &grant.Intent{AttemptID: "x", At: time.Now(), IdempotencyKey: key, Exchange: target.Description.ExchangeID()}
	})

	after := enginetest.NewOn(t, b.Storage)
	server.Enqueue(enginetest.TokenAnswer(enginetest.Canary+"a2", enginetest.Canary+"r2"))
	after.StartBackground()
	server.WaitFor(2)
	if got := server.Requests()[1].Header.Get("X-Key"); got != key {
		t.Errorf("repeated under the key %q, want %q", got, key)
	}
	after.Settle("r")
	if got := after.Data("creds/r")["access_token"]; got != enginetest.Canary+"a2" {
		t.Errorf("access token %v", got)
	}
}

// A token in use is replaced before a reader comes; one that nobody reads is left to end.
func TestTokensInUseAreRefreshedAhead(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	enginetest.NewGrant(server)
	b.WriteRole("used")
	b.WriteRole("idle", enginetest.Fields{"grant_type": "client_credentials"})
	server.Handle(func(r *clienttest.Request) clienttest.Answer {
		return enginetest.TokenAnswer(enginetest.Canary+"access", "")
	})
	b.Read("creds/used")
	b.Write("refresh/idle", nil)
	for _, name := range []string{"used", "idle"} {
		b.Age(name, func(tok *grant.State) {
			tok.ExpiresAt, tok.ObtainedAt = time.Now().Add(5*time.Minute), time.Now().Add(-time.Hour)
		})
	}
	b.StartBackground()
	for _, name := range []string{"used", "idle"} {
		b.Schedule.Reconsider(t.Context(), b.Storage, grant.Key(name))
	}
	server.WaitFor(3)
	b.Settle("used")
	if got := b.Stored("used").Generation; got != 2 {
		t.Errorf("generation %d of the role in use, want 2", got)
	}
	if b.Schedule.Index.Has("idle") || b.Stored("idle").Generation != 1 {
		t.Error("the idle role is refreshed ahead too")
	}
}

// A node that can't store an answer asks for none, however due a role is.
func TestNothingInTheBackgroundOnAStandby(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	enginetest.NewGrant(server)
	b.WriteRole("r", enginetest.Fields{"keepalive_period": "1h"})
	b.Read("creds/r")
	b.Age("r", func(tok *grant.State) { tok.ObtainedAt, tok.ExpiresAt = time.Now().Add(-time.Hour), time.Now() })
	for _, state := range []consts.ReplicationState{consts.ReplicationPerformanceStandby, consts.ReplicationUnknown} {
		b.View.ReplicationStateVal = state
		b.Backend.System().(*mount.SystemView).Replication = mount.Fresh[consts.ReplicationState]{} // a second later
		b.Schedule.Index.Set("r", time.Now().Add(-time.Minute))
		if b.Grants.MayTend() {
			t.Errorf("background work at replication state %v", state)
		}
	}
	b.StartBackground()
	// The scheduler has looked at the role once it is due a minute from now.
	for turn, next := b.Schedule.Index.Take(time.Now()); ; turn, next = b.Schedule.Index.Take(time.Now()) {
		if turn.Key != "" {
			b.Schedule.Index.Put(turn, next)
		} else if time.Until(next) > schedule.TendDelay/2 {
			break
		}
	}
	if n := len(server.Requests()); n != 1 {
		t.Errorf("%d requests, want the reader's one", n)
	}
}
