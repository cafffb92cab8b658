package oauthrefresh

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
			withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
				newGrant(server)
				b.failSecondPut(2)
				b.read("creds/r")
				other := b.stored("r")
				c.edit(other)
				if err := grant.PutState(t.Context(), &b.storage.InmemStorage, "r", other); err != nil {
					t.Fatal(err)
				}
				before := b.storage.contents(t)["token/r"]
				pause(grant.FirstHoldDelay)
				if b.grants.Held.Get("r") != nil {
					t.Fatal("still held")
				}
				after := b.storage.contents(t)["token/r"]
				if replaced := before != after; replaced != c.stored {
					t.Errorf("the stored state was replaced: %t, want %t", replaced, c.stored)
				}
				if given := strings.Contains(b.log.String(), "given up"); given == c.stored {
					t.Errorf("the log says that the answer was given up: %t", given)
				}
			})
		})
	}
}

// What is held of a deleted role must not come back.
func TestAHeldAnswerEndsWithItsRole(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		newGrant(server)
		b.storage.failPuts("token/r", errDisk, func(n int) bool { return n > 1 })
		b.read("creds/r")
		b.delete("roles/r")
		b.storage.onPut(nil)
		pause(time.Minute)
		if got := slices.Sorted(maps.Keys(b.storage.contents(t))); b.grants.Held.Get("r") != nil || slices.Contains(got, "token/r") {
			t.Errorf("after the delete storage holds %v", got)
		}
	})
}

// The same when another node has deleted it, which can't know what is held here.
func TestAHeldAnswerEndsWithARoleDeletedElsewhere(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		newGrant(server)
		b.failSecondPut(2)
		b.read("creds/r")
		synctest.Wait() // the next try to store it is 250ms away
		for _, key := range []string{"role/r", "token/r"} {
			if err := b.storage.InmemStorage.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		pause(time.Minute)
		if b.grants.Held.Get("r") != nil || b.storage.contents(t)["token/r"] != "" {
			t.Error("the refresh token of a deleted role is stored or held")
		}
	})
}

// Nor does it get in the way of the next grant for longer than storage takes to recover.
func TestAHeldAnswerEndsWithItsGrant(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(tokenAnswer("a1", canary+"next"), tokenAnswer("b1", canary+"next of the new"))
		b.failSecondPut(8)
		b.read("creds/r")
		b.write("roles/r", fields{"refresh_token": canary + "new"})
		b.noCreds("r", 503) // the old grant's token is in memory, and none of the new grant's
		b.storage.onPut(nil)
		pause(time.Minute)
		if got := b.data("creds/r"); got["access_token"] != "b1" || got["generation"] != int64(1) {
			t.Errorf("the new grant gives %v", got)
		}
		pause(time.Minute)
		secretIs(t, "the stored refresh token", b.stored("r").RefreshToken, canary+"next of the new")
		if got := sent(server); !slices.Equal(got, []string{firstToken, canary + "new"}) {
			t.Errorf("%d requests, want one of each grant", len(got))
		}
	})
}

// A reader that has seen what was held, and waits for the role when it is given up, looks again.
func TestAReaderOfWhatWasHeldLooksAgain(t *testing.T) {
	b, server := newWarm(t)
	b.age("r", func(tok *grant.State) { tok.ObtainedAt, tok.ExpiresAt = time.Now().Add(-time.Hour), time.Now() })
	given := b.stored("r")
	given.Generation, given.RefreshToken = 7, client.NewSecret(canary+"given up")
	b.grants.Held.Put("r", given)
	unlock, err := b.grants.Refreshes.Lock(t.Context(), "r")
	if err != nil {
		t.Fatal(err)
	}
	reader := b.startRead(t.Context(), "r")
	b.atWork("r", 2)
	b.grants.LetGo("r")
	unlock()
	await(t, reader)
	if got := sent(server); got[len(got)-1] == canary+"given up" {
		t.Error("the refresh token that was given up is presented")
	}
}
