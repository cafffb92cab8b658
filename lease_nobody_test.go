package oauthrefresh

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// revokesOnly catches up with revocations, which must be asked of the provider for exactly these tokens from
// now on.
func (b *testBackend) revokesOnly(server *clienttest.Server, want ...any) {
	b.t.Helper()
	n := len(server.Requests())
	if err := b.grants.CatchUp(b.t.Context(), b.grants.Over(b.storage)); err != nil {
		b.t.Fatal(err)
	}
	var got []any
	for _, r := range server.Requests()[n:] {
		if r.Path == "/revoke" {
			got = append(got, r.Form.Get("token"))
		}
	}
	if !slices.Equal(got, want) {
		b.t.Errorf("revoked are %q, want %q", got, want)
	}
	if left, _ := b.storage.List(b.t.Context(), grant.RevocationPrefix); len(left) != 0 {
		b.t.Errorf("%d revocations are left", len(left))
	}
}

// A reader who hangs up takes no token along, whenever that is.
func TestATokenWhoseReaderHasGoneIsRevoked(t *testing.T) {
	for _, when := range []string{"before the intent", "while the provider is asked", "before the answer is stored"} {
		t.Run(when, func(t *testing.T) {
			b, server := ownRole(t)
			answer, open := gated(tokenAnswer(canary+"orphan", ""))
			server.Enqueue(answer)
			puts, goOn := b.stepPuts()
			ctx, cancel := context.WithCancel(t.Context())
			reader := b.startRead(ctx, "r")
			hangUp := func() {
				cancel()
				if got := await(t, reader); errStatus(got.err) != 503 {
					t.Errorf("the reader hears %v, %v", got.resp, got.err)
				}
			}
			await(t, puts)
			if when == "before the intent" {
				hangUp()
			}
			goOn <- struct{}{}
			server.WaitFor(1)
			if when == "while the provider is asked" {
				hangUp()
			}
			open()
			await(t, puts)
			if when == "before the answer is stored" {
				hangUp()
			}
			goOn <- struct{}{}
			await(t, puts) // the revocation
			goOn <- struct{}{}
			b.storage.onPut(nil)
			b.stops()
			after := newTestBackendOn(t, b.storage)
			after.revokesOnly(server, canary+"orphan")
		})
	}
}

// stops ends the mount, and all that it does.
func (b *testBackend) stops() { b.Cleanup(context.Background()) }

// The caller hears of a result, or it is abandoned: never both, and never neither.
func TestAResultIsHandedOverOrAbandoned(t *testing.T) {
	b := newTestBackend(t)
	var taken, made, abandoned atomic.Int64
	var callers sync.WaitGroup
	for i := range 500 {
		callers.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, err := grant.WithRole(ctx, b.grants, grant.Key(fmt.Sprint(i)), func() { abandoned.Add(1) }, func(context.Context) (int, error) {
				if made.Add(1); i%2 == 0 {
					cancel() // now the caller may choose
				} else {
					go cancel()
				}
				return 1, nil
			})
			if err == nil {
				taken.Add(1)
			}
		})
	}
	callers.Wait()
	b.stops()
	if taken.Load()+abandoned.Load() != made.Load() || taken.Load() == 0 || abandoned.Load() == 0 {
		t.Errorf("of %d results %d were taken and %d abandoned", made.Load(), taken.Load(), abandoned.Load())
	}
}

// What a read of its own has brought and can't be leased is revoked.
func TestATokenThatCannotBeLeasedIsRevoked(t *testing.T) {
	short := clienttest.JSON(200, `{"access_token":"`+canary+`odd","expires_in":3}`)
	for name, c := range map[string]struct {
		answer clienttest.Answer
		asks   fields
		before func(b *testBackend)
		during func(b *testBackend)
	}{
		"its min_ttl is out of reach":         {answer: tokenAnswer(canary+"odd", ""), asks: fields{"min_ttl": "100h"}},
		"it lives too short":                  {answer: short},
		"the mount's leases are too short":    {answer: tokenAnswer(canary+"odd", ""), before: func(b *testBackend) { b.view.MaxLeaseTTLVal = 2 * time.Second }},
		"the role has another scope now":      {answer: tokenAnswer(canary+"odd", ""), during: func(b *testBackend) { b.write("roles/r", fields{"scope": "other"}) }},
		"the role's tokens are shared by now": {answer: tokenAnswer(canary+"odd", ""), during: func(b *testBackend) { b.write("roles/r", fields{"token_mode": "shared"}) }},
	} {
		t.Run(name, func(t *testing.T) {
			b, server := ownRole(t)
			answer, open := gated(c.answer)
			server.Enqueue(answer)
			if c.before != nil {
				c.before(b)
			}
			reader := b.start(t.Context(), readOp, "creds/r", c.asks)
			server.WaitFor(1)
			if c.during != nil {
				c.during(b)
			}
			open()
			if got := await(t, reader); got.err == nil && !got.resp.IsError() {
				t.Fatalf("leased for %s", got.resp.Secret.TTL)
			}
			if name == "it lives too short" {
				return // it has ended by the time that it is looked at, or nearly so
			}
			b.revokesOnly(server, canary+"odd")
		})
	}
}

// A min_ttl that the tokens of a role don't have is refused before another one is got.
func TestAMinTTLOutOfReachCostsNoToken(t *testing.T) {
	b, server := ownRole(t)
	b.read("creds/r")
	b.rejects(readOp, "creds/r", fields{"min_ttl": "100h"}, "ask for at most 54m")
	if n := len(server.Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
	for range grant.ForcedBurst + 1 { // each read makes a refresh anyway
		b.do(readOp, "creds/r", fields{"min_ttl": "50m"})
	}
}

// A token that storage does not take for its revocation is stored as soon as that takes it.
func TestARevocationThatStorageRefusesIsStoredLater(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		b.write("roles/r", fields{"token_mode": "per_lease"})
		b.storage.onPut(func(key string) error {
			if strings.HasPrefix(key, grant.RevocationPrefix) {
				return errDisk
			}
			return nil
		})
		server.Enqueue(tokenAnswer(canary+"odd", ""), clienttest.Answer{Status: 200})
		b.write("refresh/r", nil)
		pause(time.Minute)
		b.storage.onPut(nil)
		pause(2 * grant.MaxHoldDelay)
		b.revokesOnly(server, canary+"odd")
	}, fields{"refresh_token_rotation": "never"})
}

// Refreshes that nobody reads leave no token behind, and say so.
func TestRefreshesThatNobodyReadsLeaveNoToken(t *testing.T) {
	for name, refresh := range map[string]func(b *testBackend) *logical.Response{
		"by force": func(b *testBackend) *logical.Response { return b.write("refresh/r", nil) },
		"verify":   func(b *testBackend) *logical.Response { return b.write("roles/r", fields{"verify": true}) },
		"in the background": func(b *testBackend) *logical.Response {
			if _, err := b.grants.Refresh(t.Context(), b.grants.Over(b.storage), "r", grant.Demand{Force: true, Background: true}); err != nil {
				b.t.Error(err)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, server := ownRole(t)
			server.Enqueue(tokenAnswer(canary+"nobodys", ""))
			resp := refresh(b.in(t))
			if resp != nil && !strings.Contains(strings.Join(resp.Warnings, "\n"), "belongs to no lease, so it is revoked") {
				t.Errorf("warned of %q", resp.Warnings)
			}
			b.revokesOnly(server, canary+"nobodys")
		})
	}
	b, _ := newWarm(t)
	if resp := b.write("refresh/r", nil); len(resp.Warnings) != 0 {
		t.Errorf("a shared token: %q", resp.Warnings)
	}
}

// A role that changes its mode while a reader waits: nobody gets a lease on the other kind of token.
func TestAModeThatChangesWhileAReaderWaits(t *testing.T) {
	for _, from := range []string{"per_lease", "shared"} {
		t.Run("from "+from, func(t *testing.T) {
			b, server := ownRole(t)
			b.write("roles/r", fields{"token_mode": from})
			answer, open := gated(tokenAnswer(canary+"first", ""))
			server.Enqueue(answer)
			first := b.startRead(t.Context(), "r")
			server.WaitFor(1)
			second := b.startRead(t.Context(), "r")
			b.atWork("r", 2)
			to := map[string]string{"per_lease": "shared", "shared": "per_lease"}[from]
			b.write("roles/r", fields{"token_mode": to})
			open()
			for _, reader := range []<-chan outcome{first, second} {
				if got := await(t, reader); errStatus(got.err) != 503 {
					t.Errorf("a reader of before the change gets %v, %v", got.resp, got.err)
				}
			}
			if n := len(server.Requests()); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// A server that hands out a token again: nobody gets it a second time, and it is not ended for the one who has it.
func TestATokenThatIsHandedOutAgainStaysTheFirstLeases(t *testing.T) {
	b, server := ownRole(t)
	again := tokenAnswer(canary+"again", "")
	server.Enqueue(again, again, again, again)
	first := b.read("creds/r")
	for _, path := range []string{"creds/r", "refresh/r"} {
		if status, text := b.failure(writeOp, path, nil); status != 400 || !strings.Contains(text, "write token_mode=shared") {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	resp := b.write("roles/r", fields{"verify": true})
	if got, _ := resp.Data["failure"].(string); !strings.Contains(got, "write token_mode=shared") {
		t.Errorf("%v", resp.Data)
	}
	b.revokesOnly(server)
	if err := b.endLease(first); err != nil {
		t.Fatal(err)
	}
	if got := b.data("creds/r")["access_token"]; got != canary+"own-1" {
		t.Errorf("after that lease: %v", got)
	}
}

// The min_ttl of a reader does not refresh a short token all the time. What is due by itself is not held up by it,
// nor is who forces one.
func TestMinTTLOfShortTokensIsBounded(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		rotation := clienttest.NewRotation(firstToken)
		rotation.ExpiresIn = 50
		server.Handle(rotation.Answer)
		told := 0
		for range 600 {
			tok := b.stored("r")
			due := tok == nil || clock.Until(tok.ExpiresAt) <= 25*time.Second
			if _, err := b.try(t.Context(), readOp, "creds/r", fields{"min_ttl": "45s"}); err != nil {
				if told++; due || errStatus(err) != 429 || !strings.Contains(err.Error(), "ask for less") {
					t.Error(err)
				}
			}
			b.read("creds/r") // and who asks for nothing in particular has a token all the time
			pause(time.Second)
		}
		if n := rotation.Refreshes(); n > 24+20+grant.ForcedBurst+1 || told == 0 { // by the window, by the guard
			t.Errorf("%d refreshes in ten minutes, and %d readers are told", n, told)
		}
		b.write("refresh/r", nil)
	})
}

// goneLater is the context of a reader who has gone without anybody having noticed yet.
type goneLater struct {
	context.Context
	gone atomic.Bool
}

func (c *goneLater) Err() error {
	if c.gone.Load() {
		return context.Canceled
	}
	return nil
}

// A reader who goes after the answer was taken, and before Vault has it, takes no token along either.
func TestATokenWhoseReaderGoesLastIsRevoked(t *testing.T) {
	b, server := ownRole(t)
	reader := &goneLater{Context: context.WithoutCancel(t.Context())}
	b.storage.afterPut(func(key string) error {
		if tok := b.stored("r"); key == grant.Prefix+"r" && tok.Generation == 1 {
			reader.gone.Store(true)
		}
		return nil
	})
	if resp, err := b.try(reader, readOp, "creds/r", nil); errStatus(err) != 503 {
		t.Errorf("%v, %v", resp, err)
	}
	b.revokesOnly(server, canary+"own-1")
}
