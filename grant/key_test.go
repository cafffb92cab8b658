package grant_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/role"
)

// keyed is a provider that gives an answer again under its idempotency key, as long as the request is the same one:
// with another it says 422, as the IETF's draft has it (draft-ietf-httpapi-idempotency-key-header).
type keyed struct {
	mu     sync.Mutex
	grant  *clienttest.Rotation
	bodies map[string][32]byte
	lose   int // how many answers are lost
	jtis   map[string]bool
}

func newKeyed(lose int) *keyed {
	grant := clienttest.NewRotation(enginetest.FirstToken)
	grant.IdempotencyHeader = keyHeader
	return &keyed{grant: grant, bodies: map[string][32]byte{}, lose: lose}
}

func (k *keyed) answer(r *clienttest.Request) clienttest.Answer {
	k.mu.Lock()
	defer k.mu.Unlock()
	if assertion := r.Form.Get("client_assertion"); assertion != "" && k.jtis != nil {
		if k.jtis[assertion] {
			return clienttest.JSON(401, `{"error":"invalid_client","error_description":"jti was used already"}`)
		}
		k.jtis[assertion] = true
	}
	key, body := r.Header.Get(keyHeader), sha256.Sum256(r.Body)
	if before, ok := k.bodies[key]; ok && before != body {
		return clienttest.JSON(422, `{"title":"Idempotency-Key is already used"}`)
	}
	k.bodies[key] = body
	a := enginetest.TokenAnswer("a1", enginetest.Canary+"r1")
	if r.Form.Get("grant_type") != "" {
		a = k.grant.Answer(r)
	}
	if k.lose > 0 {
		k.lose--
		a.Drop = true
	}
	return a
}

const signingSecret = enginetest.Canary + "secret-of-at-least-32-bytes-0123456789"

// A client that signs has another assertion for each request, and so another body; its immediate repeat is the
// same request all the same. In the multipart format the boundary is no other either.
func TestARepeatUnderAKeyIsTheSameRequest(t *testing.T) {
	for name, definition := range map[string]enginetest.Fields{
		"a secret":  {"token_endpoint_auth_method": "client_secret_post"},
		"signed":    {"token_endpoint_auth_method": "client_secret_jwt"},
		"multipart": {"request_format": "multipart"},
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				k := newKeyed(1)
				server.Handle(k.answer)
				b.WriteRole("r", enginetest.Fields{"client_secret": signingSecret})
				b.Write("providers/test", definition)
				b.Read("creds/r")
				if requests := server.Requests(); len(requests) != 2 || k.grant.Reused() || string(requests[0].Body) != string(requests[1].Body) {
					t.Errorf("%d requests, reused: %t", len(requests), k.grant.Reused())
				}
			}, enginetest.Fields{"idempotency_header": keyHeader})
		})
	}
}

// A server that remembers assertions refuses the same one. It is signed anew then, under the same key, and says
// nothing of the secret: the next one is not tried.
func TestAnAssertionThatWasSeenIsSignedAnew(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		lost := true
		seen := map[string]bool{}
		server.Handle(func(r *clienttest.Request) clienttest.Answer {
			assertion := r.Form.Get("client_assertion")
			if seen[assertion] {
				return clienttest.JSON(401, `{"error":"invalid_client"}`)
			}
			seen[assertion] = true
			if lost {
				lost = false
				return clienttest.Answer{Drop: true}
			}
			return enginetest.TokenAnswer("a1", enginetest.Canary+"r1")
		})
		b.WriteRole("r", enginetest.Fields{"client_secret": signingSecret, "next_client_secret": signingSecret + "-next"})
		b.Write("providers/test", enginetest.Fields{"token_endpoint_auth_method": "client_secret_jwt"})
		b.Read("creds/r")
		keys := idempotencyKeys(server)
		if len(keys) != 3 || keys[0] != keys[1] || keys[1] != keys[2] {
			t.Errorf("keys %q", keys)
		}
		if got := b.Data("roles/r")["next_client_secret_set"]; got != true {
			t.Error("the next secret was taken for the one that works")
		}
	}, enginetest.Fields{"idempotency_header": keyHeader})
}

// A key that the provider refuses is dropped: kept, it would be refused for ever.
func TestAKeyThatIsRefusedIsDropped(t *testing.T) {
	for name, refusal := range map[string]clienttest.Answer{
		"422": clienttest.JSON(422, `{"title":"Idempotency-Key is already used"}`), "422 without a word": {Status: 422},
		"400": clienttest.JSON(400, `{"error":"invalid_request"}`), "400 in its own words": clienttest.JSON(400, `{"message":"key reuse"}`),
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				seen := map[string]int{}
				server.Handle(func(r *clienttest.Request) clienttest.Answer {
					key := r.Header.Get(keyHeader)
					if seen[key]++; len(seen) == 1 && seen[key] == 1 {
						return clienttest.Answer{Drop: true} // before it did anything but note the key
					}
					if seen[key] > 1 {
						return refusal
					}
					return enginetest.TokenAnswer("a1", enginetest.Canary+"r1")
				})
				if !b.Until(time.Minute, time.Hour) {
					t.Errorf("after %d keys and an hour: %v", len(seen), b.Data("status/r")["next_step"])
				}
			}, enginetest.Fields{"idempotency_header": keyHeader})
		})
	}
}

// With a token at hand a grant whose key was refused waits: without the key, another try may be a second use.
func TestAGrantWhoseKeyWasRefusedWaitsForTheTokensEnd(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		b.StartBackground()
		server.Enqueue(enginetest.TokenAnswer("a1", enginetest.Canary+"r1"), clienttest.Answer{Drop: true}, clienttest.Answer{Status: 422})
		server.Handle(enginetest.Always(enginetest.TokenAnswer("a2", enginetest.Canary+"r2")))
		b.Read("creds/r")
		enginetest.Pause(41 * time.Minute)
		for range 15 {
			if got := b.Data("creds/r")["access_token"]; got != "a1" {
				t.Fatalf("readers get %v", got)
			}
			enginetest.Pause(time.Minute)
		}
		if n := len(server.Requests()); n != 3 {
			t.Errorf("%d requests while the token lived", n)
		}
		enginetest.Pause(5 * time.Minute)
		if got := b.Data("creds/r")["access_token"]; got != "a2" {
			t.Errorf("after the token's end readers get %v", got)
		}
	}, enginetest.Fields{"idempotency_header": keyHeader})
}

// What is busy, or refuses the client, says nothing of the key.
func TestAKeyOutlastsRefusalsOfOtherKinds(t *testing.T) {
	for name, answer := range map[string]clienttest.Answer{
		"busy": enginetest.Busy, "too often": clienttest.JSON(429, `{"error":"slow_down"}`), "at work": {Status: 409}, "a page": clienttest.Text(403, "text/html", "<html>"),
		"client": clienttest.JSON(401, `{"error":"invalid_client"}`),
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				server.Enqueue(clienttest.Answer{Drop: true}, answer, answer)
				server.Handle(enginetest.Always(enginetest.TokenAnswer("a1", enginetest.Canary+"r1")))
				if !b.Until(time.Minute, time.Hour) {
					t.Fatal("no token in an hour")
				}
				if keys := fmt.Sprint(idempotencyKeys(server)); strings.Count(keys, idempotencyKeys(server)[0]) != len(server.Requests()) {
					t.Errorf("keys %s", keys)
				}
			}, enginetest.Fields{"idempotency_header": keyHeader})
		})
	}
}

// A secret that is replaced while an answer is lost is no reason for another key: under the old one is the answer.
func TestAReplacedSecretKeepsTheKey(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		grant := clienttest.NewRotation(enginetest.FirstToken)
		grant.IdempotencyHeader = keyHeader
		n := 0
		server.Handle(func(r *clienttest.Request) clienttest.Answer {
			a := grant.Answer(r)
			if n++; n <= 2 {
				a.Drop = true
			}
			return a
		})
		b.NoCreds("r", 502)
		b.Write("roles/r", enginetest.Fields{"client_secret": enginetest.Canary + "other"})
		b.Read("creds/r")
		if grant.Reused() || grant.Refreshes() != 1 {
			t.Errorf("reused: %t, %d refreshes", grant.Reused(), grant.Refreshes())
		}
	}, enginetest.Fields{"idempotency_header": keyHeader})
}

// The reader's side of an answer is no part of the request that a key names.
func TestAnEditOfWhereTheAccessTokenIsKeepsTheKey(t *testing.T) {
	for name, edit := range map[string]func(b *enginetest.Mount, server *clienttest.Server){
		"access_token_pointer": func(b *enginetest.Mount, _ *clienttest.Server) {
			b.Write("providers/test", enginetest.Fields{"access_token_pointer": "/access_token2"})
			b.Write("roles/r", enginetest.Fields{"ttl": "1h"})
		},
		"a copy of the provider": func(b *enginetest.Mount, server *clienttest.Server) {
			b.Write("providers/copy", enginetest.Fields{"token_endpoint": server.URL() + "/token", "token_endpoint_auth_method": "client_secret_post", "idempotency_header": keyHeader,
				"revocation_endpoint": server.URL() + "/revoke", "permanent_errors": "foo"})
			b.Write("roles/r", enginetest.Fields{"provider": "copy"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				grant := clienttest.NewRotation(enginetest.FirstToken)
				grant.IdempotencyHeader = keyHeader
				n := 0
				server.Handle(func(r *clienttest.Request) clienttest.Answer {
					a := grant.Answer(r)
					a.Body = strings.Replace(a.Body, `"access_token":`, `"access_token2":"copy","access_token":`, 1)
					if n++; n <= 2 {
						a.Drop = true
					}
					return a
				})
				b.NoCreds("r", 502)
				edit(b, server)
				_, _ = b.Try(t.Context(), enginetest.ReadOp, "creds/r", nil)
				bodies := server.Requests()
				if grant.Reused() {
					t.Errorf("same bytes: %t; keys %q: the grant has ended", string(bodies[0].Body) == string(bodies[len(bodies)-1].Body), idempotencyKeys(server))
				}
			}, enginetest.Fields{"idempotency_header": keyHeader})
		})
	}
}

// A v0.1.0 role has no pins; written once more it has, and nothing else has changed.
func TestTheFirstWriteAfterAnUpgradeKeepsTheKey(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		r, err := role.Get(t.Context(), b.Storage, "r")
		if err != nil {
			t.Fatal(err)
		}
		r.Pins = nil // as v0.1.0 wrote it
		if err := role.Put(t.Context(), b.Grants.Over(b.Storage), "r", r); err != nil {
			t.Fatal(err)
		}
		grant := clienttest.NewRotation(enginetest.FirstToken)
		grant.IdempotencyHeader = keyHeader
		n := 0
		server.Handle(func(r *clienttest.Request) clienttest.Answer {
			a := grant.Answer(r)
			a.Body = strings.Replace(a.Body, `"access_token":`, `"token":"copy","access_token":`, 1)
			if n++; n <= 2 {
				a.Drop = true
			}
			return a
		})
		b.NoCreds("r", 502)
		b.Write("roles/r", enginetest.Fields{"ttl": "1h"})
		_, _ = b.Try(t.Context(), enginetest.ReadOp, "creds/r", nil)
		if grant.Reused() {
			t.Errorf("keys %q: the grant has ended", idempotencyKeys(server))
		}
	}, enginetest.Fields{"idempotency_header": keyHeader, "access_token_pointer": "/token"})
}
