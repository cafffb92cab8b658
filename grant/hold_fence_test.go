package grant_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// The fences: a held answer replaces nothing but the state that it followed.
func TestAHeldAnswerGivesWayToAStateThatMovedOn(t *testing.T) {
	for name, c := range map[string]struct {
		edit   func(*grant.State) // of the stored state, the held one being generation 1
		stored bool
	}{
		"its predecessor":                     {func(*grant.State) {}, true},
		"a predecessor's fault":               {func(s *grant.State) { s.Fault = &grant.Fault{Reauthorize: true} }, true},
		"the same generation of another node": {func(s *grant.State) { s.Generation = 1 }, false},
		"a later generation":                  {func(s *grant.State) { s.Generation = 2 }, false},
		"another grant":                       {func(s *grant.State) { s.GrantID = "another" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				enginetest.NewGrant(server)
				b.FailSecondPut(2)
				b.Read("creds/r")
				other := b.Stored("r")
				c.edit(other)
				if err := grant.PutState(t.Context(), &b.Storage.InmemStorage, "r", other); err != nil {
					t.Fatal(err)
				}
				before := b.Storage.Contents(t)["token/r"]
				enginetest.Pause(grant.FirstHoldDelay)
				if b.Grants.Held.Get("r") != nil {
					t.Fatal("still held")
				}
				after := b.Storage.Contents(t)["token/r"]
				if replaced := before != after; replaced != c.stored {
					t.Errorf("the stored state was replaced: %t, want %t", replaced, c.stored)
				}
				if given := strings.Contains(b.Log.String(), "given up"); given == c.stored {
					t.Errorf("the log says that the answer was given up: %t", given)
				}
			})
		})
	}
}

// What is held of a deleted role must not come back.
func TestAHeldAnswerEndsWithItsRole(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.NewGrant(server)
		b.Storage.FailPuts("token/r", enginetest.ErrDisk, func(n int) bool { return n > 1 })
		b.Read("creds/r")
		b.Delete("roles/r")
		b.Storage.OnPut(nil)
		enginetest.Pause(time.Minute)
		if got := slices.Sorted(maps.Keys(b.Storage.Contents(t))); b.Grants.Held.Get("r") != nil || slices.Contains(got, "token/r") {
			t.Errorf("after the delete storage holds %v", got)
		}
	})
}

// The same when another node has deleted it, which can't know what is held here.
func TestAHeldAnswerEndsWithARoleDeletedElsewhere(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.NewGrant(server)
		b.FailSecondPut(2)
		b.Read("creds/r")
		synctest.Wait() // the next try to store it is 250ms away
		for _, key := range []string{"role/r", "token/r"} {
			if err := b.Storage.InmemStorage.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		enginetest.Pause(time.Minute)
		if b.Grants.Held.Get("r") != nil || b.Storage.Contents(t)["token/r"] != "" {
			t.Error("the refresh token of a deleted role is stored or held")
		}
	})
}

// Nor does it get in the way of the next grant for longer than storage takes to recover.
func TestAHeldAnswerEndsWithItsGrant(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(enginetest.TokenAnswer("a1", enginetest.Canary+"next"), enginetest.TokenAnswer("b1", enginetest.Canary+"next of the new"))
		b.FailSecondPut(8)
		b.Read("creds/r")
		b.Write("roles/r", enginetest.Fields{"refresh_token": enginetest.Canary + "new"})
		b.NoCreds("r", 503) // the old grant's token is in memory, and none of the new grant's
		b.Storage.OnPut(nil)
		enginetest.Pause(time.Minute)
		if got := b.Data("creds/r"); got["access_token"] != "b1" || got["generation"] != int64(1) {
			t.Errorf("the new grant gives %v", got)
		}
		enginetest.Pause(time.Minute)
		enginetest.SecretIs(t, "the stored refresh token", b.Stored("r").RefreshToken, enginetest.Canary+"next of the new")
		if got := enginetest.Sent(server); !slices.Equal(got, []string{enginetest.FirstToken, enginetest.Canary + "new"}) {
			t.Errorf("%d requests, want one of each grant", len(got))
		}
	})
}

// A reader that has seen what was held, and waits for the role when it is given up, looks again.
func TestAReaderOfWhatWasHeldLooksAgain(t *testing.T) {
	b, server := enginetest.NewWarm(t)
	b.Age("r", func(tok *grant.State) { tok.ObtainedAt, tok.ExpiresAt = time.Now().Add(-time.Hour), time.Now() })
	given := b.Stored("r")
	given.Generation, given.RefreshToken = 7, client.NewSecret(enginetest.Canary+"given up")
	b.Grants.Held.Put("r", given)
	unlock, err := b.Grants.Refreshes.Lock(t.Context(), "r")
	if err != nil {
		t.Fatal(err)
	}
	reader := b.StartRead(t.Context(), "r")
	b.AtWork("r", 2)
	b.Grants.LetGo("r")
	unlock()
	enginetest.Await(t, reader)
	if got := enginetest.Sent(server); got[len(got)-1] == enginetest.Canary+"given up" {
		t.Error("the refresh token that was given up is presented")
	}
}
