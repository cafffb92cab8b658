package grant_test

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// told asserts what was told, after all of it was sent, and what stands in the last event.
func told(b *enginetest.Mount, facts map[string]any, want ...grant.Kind) {
	b.T.Helper()
	synctest.Wait()
	last := b.Told(want...)
	for name, value := range facts {
		if last[name] != value {
			b.T.Errorf("%s is %v, want %v, among %v", name, last[name], value, last)
		}
	}
}

// A death is told once, and not again by who reads, restarts or tries once more; its end is told once too.
func TestADeathIsToldOnce(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Handle(enginetest.Always(enginetest.InvalidGrant.With("X-Request-Id", "req-1")))
		b.NoCreds("r", 400)
		told(b, map[string]any{
			"role": "r", "provider": "test", "state": "dead", "reason": "refused", "code": "invalid_grant", "status": "400", "owner": nil, "answer_lost": nil,
		}, grant.Died)
		if log := b.Log.String(); strings.Contains(log, "a refresh failed") {
			t.Errorf("the death has two lines:\n%s", log)
		}
		b.NoCreds("r", 400)
		b.Refused(logical.UpdateOperation, "refresh/r", enginetest.Fields{"retry": true})
		told(b, nil)
		again := enginetest.NewOn(t, b.Storage)
		again.NoCreds("r", 400)
		again.StartBackground()
		synctest.Wait()
		told(again, nil)

		again.Write("roles/r", enginetest.Fields{"refresh_token": enginetest.Canary + "new"})
		told(again, map[string]any{"state": "new", "by": "write"}, grant.Revived)
		again.NoCreds("r", 400)
		told(again, nil, grant.Died)
		server.Handle(enginetest.Always(enginetest.TokenAnswer("a1", "")))
		again.Write("refresh/r", enginetest.Fields{"retry": true})
		told(again, map[string]any{"state": "ok", "by": "refresh"}, grant.Revived)
		again.Write("refresh/r", nil)
		told(again, nil)

		again.Write("revoke/r", nil)
		told(again, map[string]any{"state": "dead", "reason": "revoked", "code": nil}, grant.Died)
	})
}

// What is retried may bring no token and all the same the next refresh token: the grant lives.
func TestASalvagedGrantIsToldOf(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(enginetest.InvalidGrant, clienttest.JSON(200, `{"refresh_token":"`+enginetest.Canary+`next"}`))
		b.NoCreds("r", 400)
		told(b, nil, grant.Died)
		b.Failure(logical.UpdateOperation, "refresh/r", enginetest.Fields{"retry": true})
		told(b, map[string]any{"state": "failing", "by": "refresh"}, grant.Revived)
	})
}

// What is in the way of refreshes is found with every look, and told when it comes and goes.
func TestABlockedGrantIsToldOfOnce(t *testing.T) {
	for name, c := range map[string]struct {
		block, mend func(b *enginetest.Mount)
	}{
		"the provider is deleted": {
			func(b *enginetest.Mount) { b.Delete("providers/test") },
			nil,
		},
		"the host is forbidden": {
			func(b *enginetest.Mount) { b.Write("config", enginetest.Fields{"allowed_hosts": "other.example"}) },
			func(b *enginetest.Mount) { b.Write("config", enginetest.Fields{"allowed_hosts": ""}) },
		},
		"the provider moves": {
			func(b *enginetest.Mount) {
				b.Write("providers/test", enginetest.Fields{"token_endpoint": "https://other.example/token"})
			},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				enginetest.NewGrant(server)
				b.Read("creds/r")
				definition := map[string]any{}
				maps.Copy(definition, b.Data("providers/test"))
				c.block(b)
				enginetest.Pause(time.Second) // nobody reads: the change is looked into
				told(b, map[string]any{"role": "r", "provider": "test", "state": "blocked", "reason": b.Data("status/r")["next_step"]}, grant.Blocked)
				enginetest.Pause(2 * time.Hour)
				b.NoCreds("r", http.StatusBadRequest)
				b.NoCreds("r", http.StatusBadRequest)
				told(b, nil)
				if c.mend == nil {
					b.Write("providers/test", enginetest.Fields{
						"token_endpoint": definition["token_endpoint"], "revocation_endpoint": definition["revocation_endpoint"], "token_endpoint_auth_method": "client_secret_post",
					})
				} else {
					c.mend(b)
				}
				enginetest.Pause(time.Second)
				told(b, map[string]any{"state": nil, "reason": nil}, grant.Unblocked)
				b.Read("creds/r")
				told(b, nil)
			})
		})
	}
}

// Whoever reads finds out too, where the look at all roles has not come by yet, or in a process that has begun since.
func TestAReaderFindsOutThatAGrantIsBlocked(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		b.Delete("providers/test")
		b.Stops()
		synctest.Wait()
		again := enginetest.NewOn(t, b.Storage)
		again.NoCreds("r", 400)
		again.NoCreds("r", 400)
		told(again, nil, grant.Blocked)
		// Trouble with storage is none of the grant's, and ends nothing.
		again.Storage.OnGet(func(key string) error {
			if key == "config" {
				return errors.New("no storage")
			}
			return nil
		})
		again.Failure(logical.ReadOperation, "creds/r", nil)
		told(again, nil)
	})
}

func TestAnAnswerThatIsNotStoredIsToldOf(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.NewGrant(server)
		b.FailSecondPut(4)
		b.Read("creds/r")
		told(b, map[string]any{"role": "r", "provider": "test", "state": "unpersisted", "generation": "1"}, grant.Unpersisted)
		b.Read("creds/r")
		enginetest.Pause(time.Minute)
		told(b, map[string]any{"role": "r", "provider": "test", "generation": "1"}, grant.Persisted)
	})
}

func TestANextCredentialThatIsTakenIsToldOf(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.KnownClient(server, enginetest.BySecret(enginetest.Canary+"second"))
		b.Write("roles/r", enginetest.Fields{"next_client_secret": enginetest.Canary + "second"})
		b.Read("creds/r")
		told(b, map[string]any{"role": "r", "provider": "test", "which": "client_secret"}, grant.CredentialTaken)
		b.Write("refresh/r", nil)
		told(b, nil)
	})
}

// Nobody waits for a bus that hangs or refuses, and what was told meanwhile is in the log.
func TestEventsHoldNobodyUp(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Handle(enginetest.Always(enginetest.InvalidGrant))
		goOn := b.Events.Hangs()
		began := time.Now()
		for range 400 { // more than wait
			b.NoCreds("r", 400)
			synctest.Wait() // the first one hangs now, and the others wait
			b.Write("roles/r", enginetest.Fields{"refresh_token": enginetest.Canary + "another"})
			b.NoCreds("r", 400)
			b.Write("roles/r", enginetest.Fields{"refresh_token": enginetest.Canary + "third"})
		}
		b.Stops() // which waits for no event either, and counts none as a refresh
		if took := time.Since(began); took != 0 {
			t.Errorf("it took %s", took)
		}
		if n := strings.Count(b.Log.String(), "event=oauthrefresh/grant-died "); n != 800 {
			t.Errorf("%d deaths in the log", n)
		}
		if strings.Contains(b.Log.String(), "their outcome is unknown") {
			t.Error("an event is counted as a refresh")
		}
		goOn()
		synctest.Wait()
		if n := len(b.Events.Taken()); n != 257 { // the one that hung, and those that waited
			t.Errorf("%d events after all", n)
		}
	})
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Handle(enginetest.Always(enginetest.InvalidGrant))
		b.Events.Fails(errors.New("unknown service pb.Events"))
		b.NoCreds("r", 400)
		synctest.Wait()
		if log := b.Log.String(); !strings.Contains(log, grant.Died.Words()) || strings.Count(log, "unknown service") != 1 ||
			!slices.ContainsFunc(strings.Split(log, "\n"), func(line string) bool {
				return strings.Contains(line, "unknown service") && strings.Contains(line, "[DEBUG]")
			}) {
			t.Errorf("%s", log)
		}
	})
}
