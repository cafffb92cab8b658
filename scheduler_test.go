package oauthrefresh

import (
	"context"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/role"
	"vault-plugin-secrets-oauthrefresh/schedule"
)

// startBackground initializes the mount, as Vault does at unseal.
func (b *testBackend) startBackground() {
	b.t.Helper()
	if err := b.Initialize(b.t.Context(), &logical.InitializationRequest{Storage: b.storage}); err != nil {
		b.t.Fatal(err)
	}
}

// age changes the stored state of a role.
func (b *testBackend) age(name string, change func(*grant.State)) {
	b.t.Helper()
	tok := b.stored(name)
	change(tok)
	if err := grant.PutState(context.Background(), b.grants.Over(&b.storage.InmemStorage), grant.Key(name), tok); err != nil {
		b.t.Fatal(err)
	}
}

// A refresh whose outcome is unknown is found at start and repeated under its key without a reader.
func TestStartRepeatsWhatACrashLeft(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b, fields{"idempotency_header": "X-Key"})
	server.Enqueue(tokenAnswer(canary+"a1", canary+"r1"))
	b.writeRole("r")
	b.read("creds/r")
	var key string
	b.age("r", func(tok *grant.State) {
		r, _ := role.Get(context.Background(), b.storage, "r")
		target, err := role.NewTarget(context.Background(), b.storage, r)
		if err != nil {
			t.Fatal(err)
		}
		key = "11111111-2222-3333-4444-555555555555"
		tok.Intent = &grant.Intent{AttemptID: "x", At: time.Now(), IdempotencyKey: key, Exchange: target.Description.ExchangeID()}
	})

	after := newTestBackendOn(t, b.storage)
	server.Enqueue(tokenAnswer(canary+"a2", canary+"r2"))
	after.startBackground()
	server.WaitFor(2)
	if got := server.Requests()[1].Header.Get("X-Key"); got != key {
		t.Errorf("repeated under the key %q, want %q", got, key)
	}
	after.settle("r")
	if got := after.data("creds/r")["access_token"]; got != canary+"a2" {
		t.Errorf("access token %v", got)
	}
}

// A token in use is replaced before a reader comes; one that nobody reads is left to end.
func TestTokensInUseAreRefreshedAhead(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	newGrant(server)
	b.writeRole("used")
	b.writeRole("idle", fields{"grant_type": "client_credentials"})
	server.Handle(func(r *clienttest.Request) clienttest.Answer { return tokenAnswer(canary+"access", "") })
	b.read("creds/used")
	b.write("refresh/idle", nil)
	for _, name := range []string{"used", "idle"} {
		b.age(name, func(tok *grant.State) {
			tok.ExpiresAt, tok.ObtainedAt = time.Now().Add(5*time.Minute), time.Now().Add(-time.Hour)
		})
	}
	b.startBackground()
	for _, name := range []string{"used", "idle"} {
		b.schedule.Reconsider(t.Context(), b.storage, grant.Key(name))
	}
	server.WaitFor(3)
	b.settle("used")
	if got := b.stored("used").Generation; got != 2 {
		t.Errorf("generation %d of the role in use, want 2", got)
	}
	if b.schedule.Queue.Has("idle") || b.stored("idle").Generation != 1 {
		t.Error("the idle role is refreshed ahead too")
	}
}

// A node that can't store an answer asks for none, however due a role is.
func TestNothingInTheBackgroundOnAStandby(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	newGrant(server)
	b.writeRole("r", fields{"keepalive_period": "1h"})
	b.read("creds/r")
	b.age("r", func(tok *grant.State) { tok.ObtainedAt, tok.ExpiresAt = time.Now().Add(-time.Hour), time.Now() })
	for _, state := range []consts.ReplicationState{consts.ReplicationPerformanceStandby, consts.ReplicationUnknown} {
		b.view.ReplicationStateVal = state
		b.schedule.Queue.Set("r", time.Now().Add(-time.Minute))
		if b.grants.MayTend() {
			t.Errorf("background work at replication state %v", state)
		}
	}
	b.startBackground()
	// The scheduler has looked at the role once it is due a minute from now.
	for turn, next := b.schedule.Queue.Take(time.Now()); ; turn, next = b.schedule.Queue.Take(time.Now()) {
		if turn.Key != "" {
			b.schedule.Queue.Put(turn, next)
		} else if time.Until(next) > schedule.TendDelay/2 {
			break
		}
	}
	if n := len(server.Requests()); n != 1 {
		t.Errorf("%d requests, want the reader's one", n)
	}
}
