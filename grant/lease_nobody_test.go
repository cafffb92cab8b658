package grant_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// A reader who hangs up takes no token along, whenever that is.
func TestATokenWhoseReaderHasGoneIsRevoked(t *testing.T) {
	for _, when := range []string{"before the intent", "while the provider is asked", "before the answer is stored"} {
		t.Run(when, func(t *testing.T) {
			b, server := enginetest.OwnRole(t)
			answer, open := enginetest.Gated(enginetest.TokenAnswer(enginetest.Canary+"orphan", ""))
			server.Enqueue(answer)
			puts, goOn := b.StepPuts()
			ctx, cancel := context.WithCancel(t.Context())
			reader := b.StartRead(ctx, "r")
			hangUp := func() {
				cancel()
				if got := enginetest.Await(t, reader); enginetest.ErrStatus(got.Err) != 503 {
					t.Errorf("the reader hears %v, %v", got.Resp, got.Err)
				}
			}
			enginetest.Await(t, puts)
			if when == "before the intent" {
				hangUp()
			}
			goOn <- struct{}{}
			server.WaitFor(1)
			if when == "while the provider is asked" {
				hangUp()
			}
			open()
			enginetest.Await(t, puts)
			if when == "before the answer is stored" {
				hangUp()
			}
			goOn <- struct{}{}
			enginetest.Await(t, puts) // the revocation
			goOn <- struct{}{}
			b.Storage.OnPut(nil)
			b.Stops()
			after := enginetest.NewOn(t, b.Storage)
			after.RevokesOnly(server, enginetest.Canary+"orphan")
		})
	}
}

// The caller hears of a result, or it is abandoned: never both, and never neither.
func TestAResultIsHandedOverOrAbandoned(t *testing.T) {
	b := enginetest.New(t)
	var taken, made, abandoned atomic.Int64
	var callers sync.WaitGroup
	for i := range 500 {
		callers.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, err := grant.WithRole(ctx, b.Grants, grant.Key(fmt.Sprint(i)), func() { abandoned.Add(1) }, func(context.Context) (int, error) {
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
	b.Stops()
	if taken.Load()+abandoned.Load() != made.Load() || taken.Load() == 0 || abandoned.Load() == 0 {
		t.Errorf("of %d results %d were taken and %d abandoned", made.Load(), taken.Load(), abandoned.Load())
	}
}

// What a read of its own has brought and can't be leased is revoked.
func TestATokenThatCannotBeLeasedIsRevoked(t *testing.T) {
	short := clienttest.JSON(200, `{"access_token":"`+enginetest.Canary+`odd","expires_in":3}`)
	for name, c := range map[string]struct {
		answer clienttest.Answer
		asks   enginetest.Fields
		before func(b *enginetest.Mount)
		during func(b *enginetest.Mount)
	}{
		"its min_ttl is out of reach":         {answer: enginetest.TokenAnswer(enginetest.Canary+"odd", ""), asks: enginetest.Fields{"min_ttl": "100h"}},
		"it lives too short":                  {answer: short},
		"the mount's leases are too short":    {answer: enginetest.TokenAnswer(enginetest.Canary+"odd", ""), before: func(b *enginetest.Mount) { b.View.MaxLeaseTTLVal = 2 * time.Second }},
		"the role has another scope now":      {answer: enginetest.TokenAnswer(enginetest.Canary+"odd", ""), during: func(b *enginetest.Mount) { b.Write("roles/r", enginetest.Fields{"scope": "other"}) }},
		"the role's tokens are shared by now": {answer: enginetest.TokenAnswer(enginetest.Canary+"odd", ""), during: func(b *enginetest.Mount) { b.Write("roles/r", enginetest.Fields{"token_mode": "shared"}) }},
	} {
		t.Run(name, func(t *testing.T) {
			b, server := enginetest.OwnRole(t)
			answer, open := enginetest.Gated(c.answer)
			server.Enqueue(answer)
			if c.before != nil {
				c.before(b)
			}
			reader := b.Start(t.Context(), enginetest.ReadOp, "creds/r", c.asks)
			server.WaitFor(1)
			if c.during != nil {
				c.during(b)
			}
			open()
			if got := enginetest.Await(t, reader); got.Err == nil && !got.Resp.IsError() {
				t.Fatalf("leased for %s", got.Resp.Secret.TTL)
			}
			if name == "it lives too short" {
				return // it has ended by the time that it is looked at, or nearly so
			}
			b.RevokesOnly(server, enginetest.Canary+"odd")
		})
	}
}

// A min_ttl that the tokens of a role don't have is refused before another one is got.
func TestAMinTTLOutOfReachCostsNoToken(t *testing.T) {
	b, server := enginetest.OwnRole(t)
	b.Read("creds/r")
	b.Rejects(enginetest.ReadOp, "creds/r", enginetest.Fields{"min_ttl": "100h"}, "ask for at most 54m")
	if n := len(server.Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
	for range grant.ForcedBurst + 1 { // each read makes a refresh anyway
		b.Do(enginetest.ReadOp, "creds/r", enginetest.Fields{"min_ttl": "50m"})
	}
}

// A token that storage does not take for its revocation is stored as soon as that takes it.
func TestARevocationThatStorageRefusesIsStoredLater(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		b.Write("roles/r", enginetest.Fields{"token_mode": "per_lease"})
		b.Storage.OnPut(func(key string) error {
			if strings.HasPrefix(key, grant.RevocationPrefix) {
				return enginetest.ErrDisk
			}
			return nil
		})
		server.Enqueue(enginetest.TokenAnswer(enginetest.Canary+"odd", ""), clienttest.Answer{Status: 200})
		b.Write("refresh/r", nil)
		enginetest.Pause(time.Minute)
		b.Storage.OnPut(nil)
		enginetest.Pause(2 * grant.MaxHoldDelay)
		b.RevokesOnly(server, enginetest.Canary+"odd")
	}, enginetest.Fields{"refresh_token_rotation": "never"})
}

// Refreshes that nobody reads leave no token behind, and say so.
func TestRefreshesThatNobodyReadsLeaveNoToken(t *testing.T) {
	for name, refresh := range map[string]func(b *enginetest.Mount) *logical.Response{
		"by force": func(b *enginetest.Mount) *logical.Response { return b.Write("refresh/r", nil) },
		"verify": func(b *enginetest.Mount) *logical.Response {
			return b.Write("roles/r", enginetest.Fields{"verify": true})
		},
		"in the background": func(b *enginetest.Mount) *logical.Response {
			if _, err := b.Grants.Refresh(t.Context(), b.Grants.Over(b.Storage), "r", grant.Demand{Force: true, Background: true}); err != nil {
				b.T.Error(err)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, server := enginetest.OwnRole(t)
			server.Enqueue(enginetest.TokenAnswer(enginetest.Canary+"nobodys", ""))
			resp := refresh(b.In(t))
			if resp != nil && !strings.Contains(strings.Join(resp.Warnings, "\n"), "belongs to no lease, so it is revoked") {
				t.Errorf("warned of %q", resp.Warnings)
			}
			b.RevokesOnly(server, enginetest.Canary+"nobodys")
		})
	}
	b, _ := enginetest.NewWarm(t)
	if resp := b.Write("refresh/r", nil); len(resp.Warnings) != 0 {
		t.Errorf("a shared token: %q", resp.Warnings)
	}
}

// A role that changes its mode while a reader waits: nobody gets a lease on the other kind of token.
func TestAModeThatChangesWhileAReaderWaits(t *testing.T) {
	for _, from := range []string{"per_lease", "shared"} {
		t.Run("from "+from, func(t *testing.T) {
			b, server := enginetest.OwnRole(t)
			b.Write("roles/r", enginetest.Fields{"token_mode": from})
			answer, open := enginetest.Gated(enginetest.TokenAnswer(enginetest.Canary+"first", ""))
			server.Enqueue(answer)
			first := b.StartRead(t.Context(), "r")
			server.WaitFor(1)
			second := b.StartRead(t.Context(), "r")
			b.AtWork("r", 2)
			to := map[string]string{"per_lease": "shared", "shared": "per_lease"}[from]
			b.Write("roles/r", enginetest.Fields{"token_mode": to})
			open()
			for _, reader := range []<-chan enginetest.Outcome{first, second} {
				if got := enginetest.Await(t, reader); enginetest.ErrStatus(got.Err) != 503 {
					t.Errorf("a reader of before the change gets %v, %v", got.Resp, got.Err)
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
	b, server := enginetest.OwnRole(t)
	again := enginetest.TokenAnswer(enginetest.Canary+"again", "")
	server.Enqueue(again, again, again, again)
	first := b.Read("creds/r")
	for _, path := range []string{"creds/r", "refresh/r"} {
		if status, text := b.Failure(enginetest.WriteOp, path, nil); status != 400 || !strings.Contains(text, "write token_mode=shared") {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	resp := b.Write("roles/r", enginetest.Fields{"verify": true})
	if got, _ := resp.Data["failure"].(string); !strings.Contains(got, "write token_mode=shared") {
		t.Errorf("%v", resp.Data)
	}
	b.RevokesOnly(server)
	if err := b.EndLease(first); err != nil {
		t.Fatal(err)
	}
	if got := b.Data("creds/r")["access_token"]; got != enginetest.Canary+"own-1" {
		t.Errorf("after that lease: %v", got)
	}
}

// The min_ttl of a reader does not refresh a short token all the time. What is due by itself is not held up by it,
// nor is who forces one.
func TestMinTTLOfShortTokensIsBounded(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		rotation := clienttest.NewRotation(enginetest.FirstToken)
		rotation.ExpiresIn = 50
		server.Handle(rotation.Answer)
		told := 0
		for range 600 {
			tok := b.Stored("r")
			due := tok == nil || clock.Until(tok.ExpiresAt) <= 25*time.Second
			if _, err := b.Try(t.Context(), enginetest.ReadOp, "creds/r", enginetest.Fields{"min_ttl": "45s"}); err != nil {
				if told++; due || enginetest.ErrStatus(err) != 429 || !strings.Contains(err.Error(), "ask for less") {
					t.Error(err)
				}
			}
			b.Read("creds/r") // and who asks for nothing in particular has a token all the time
			enginetest.Pause(time.Second)
		}
		if n := rotation.Refreshes(); n > 24+20+grant.ForcedBurst+1 || told == 0 { // by the window, by the guard
			t.Errorf("%d refreshes in ten minutes, and %d readers are told", n, told)
		}
		b.Write("refresh/r", nil)
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
	b, server := enginetest.OwnRole(t)
	reader := &goneLater{Context: context.WithoutCancel(t.Context())}
	b.Storage.AfterPut(func(key string) error {
		if tok := b.Stored("r"); key == grant.Prefix+"r" && tok.Generation == 1 {
			reader.gone.Store(true)
		}
		return nil
	})
	if resp, err := b.Try(reader, enginetest.ReadOp, "creds/r", nil); enginetest.ErrStatus(err) != 503 {
		t.Errorf("%v, %v", resp, err)
	}
	b.RevokesOnly(server, enginetest.Canary+"own-1")
}
