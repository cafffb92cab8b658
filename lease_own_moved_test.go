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
)

// Readers who share must not be given a token that ends with somebody else's lease.
func TestALeasesOwnTokenIsNeverShared(t *testing.T) {
	b, server := ownRole(t)
	own := b.read("creds/r")
	b.write("roles/r", fields{"token_mode": "shared"})
	shared := b.read("creds/r")
	if err := b.endLease(own); err != nil {
		t.Fatal(err)
	}
	rs := server.Requests()
	if last := rs[len(rs)-1]; last.Path == "/revoke" && last.Form.Get("token") == shared.Data["access_token"] {
		t.Error("the end of the own lease revokes the token that shared readers hold")
	}
	if got := b.data("creds/r")["access_token"]; got == own.Data["access_token"] {
		t.Error("the revoked token is still handed out")
	}
}

// The role has moved, or another one has its name: the token of the first server is not for the second.
func TestALeasesTokenIsNotShownToAnotherServer(t *testing.T) {
	b, _ := ownRole(t)
	other := clienttest.New(t, clienttest.Options{})
	b.write("providers/other", fields{"token_endpoint": other.URL() + "/token", "revocation_endpoint": other.URL() + "/revoke",
		"token_endpoint_auth_method": "client_secret_post", "refresh_token_rotation": "never"})
	own := b.read("creds/r")
	for _, how := range []string{"edit", "delete"} {
		if how == "delete" {
			b.delete("roles/r")
		}
		b.write("roles/r", roleOf("other", fields{"token_mode": "per_lease", "client_secret": canary + "s2", "refresh_token": canary + "r2"}))
		other.Enqueue(clienttest.Answer{Status: 200})
		n := len(other.Requests())
		_ = b.endLease(own)
		for _, r := range other.Requests()[n:] {
			if r.Form.Get("token") == own.Data["access_token"] {
				t.Errorf("%s: the first provider's access token was sent to the other provider", how)
			}
		}
	}
}

// A look between the failure and its record must not end the looking.
func TestARevocationIsNotForgottenWhileItIsStored(t *testing.T) {
	b, server := ownRole(t)
	lease := b.read("creds/r")
	server.Enqueue(clienttest.Text(503, "text/plain", "away"))
	b.storage.onPut(func(key string) error {
		if strings.HasPrefix(key, grant.RevocationPrefix) {
			if err := b.grants.CatchUp(context.Background(), b.storage); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
	if err := b.endLease(lease); err != nil {
		t.Fatal(err)
	}
	b.storage.onPut(nil)
	for range 3 {
		_ = b.grants.CatchUp(context.Background(), b.storage)
	}
	keys, _ := b.storage.List(t.Context(), grant.RevocationPrefix)
	if len(keys) != 0 {
		t.Errorf("%d revocations are stored and nobody looks for them: pending=%v", len(keys), b.grants.Pending.Load())
	}
}

// A token whose process ends, or whose mount moves, just when it comes is no lease's, though its reader waits.
func TestATokenThatComesWithTheEndIsRevokedAfterIt(t *testing.T) {
	for name, end := range map[string]func(*testBackend){
		"the mount is moved":  func(b *testBackend) { b.view.TaintedVal = true },
		"the process is told": func(b *testBackend) { go b.Cleanup(b.t.Context()); <-b.grants.Work.Closing },
	} {
		t.Run(name, func(t *testing.T) {
			b, server := ownRole(t)
			slow, open := gated(tokenAnswer(canary+"late", ""))
			server.Enqueue(slow)
			reader := b.startRead(t.Context(), "r")
			server.WaitFor(1)
			end(b)
			open()
			if got := await(t, reader); got.err == nil && !got.resp.IsError() {
				t.Error("it is handed out all the same")
			}
			after := newTestBackendOn(t, b.storage)
			if err := after.grants.CatchUp(t.Context(), after.grants.Over(after.storage)); err != nil {
				t.Fatal(err)
			}
			if r := server.Requests(); r[len(r)-1].Path != "/revoke" || r[len(r)-1].Form.Get("token") != canary+"late" {
				t.Errorf("the last request is one to %s", r[len(r)-1].Path)
			}
		})
	}
}

// One that can't be revoked keeps no other from it.
func TestARevocationThatFailsHoldsUpNoOther(t *testing.T) {
	b, server := ownRole(t)
	var leases []*logical.Response
	for range 5 {
		leases = append(leases, b.read("creds/r"))
	}
	bad := leases[2].Data["access_token"]
	revoked := map[any]bool{}
	away := true
	server.Handle(func(r *clienttest.Request) clienttest.Answer {
		if token := r.Form.Get("token"); away || token == bad {
			return clienttest.Text(503, "text/plain", "no")
		} else {
			revoked[token] = true
		}
		return clienttest.Answer{Status: 200}
	})
	for _, lease := range leases {
		if err := b.endLease(lease); err != nil {
			t.Fatal(err)
		}
	}
	away = false
	for range 6 {
		if err := b.grants.CatchUp(t.Context(), b.grants.Over(b.storage)); err != nil {
			t.Fatal(err)
		}
	}
	if len(revoked) != 4 {
		t.Errorf("%d of 4 are revoked", len(revoked))
	}
}

// A clock that is ahead for a while must not cost the end of a lease's token.
func TestAClockAheadForgetsNoRevocation(t *testing.T) {
	for _, at := range []string{"at the lease's end", "while it is caught up with"} {
		t.Run(at, func(t *testing.T) {
			withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
				t.Cleanup(putRight)
				revoked, away := 0, true
				server.Handle(func(r *clienttest.Request) clienttest.Answer {
					if strings.HasSuffix(r.Path, "/revoke") {
						if away {
							return clienttest.Text(503, "text/plain", "away")
						}
						revoked++
						return clienttest.Answer{Status: 200}
					}
					return tokenAnswer("own", "")
				})
				b.write("roles/r", fields{"token_mode": "per_lease"})
				lease := b.read("creds/r")
				if at == "at the lease's end" {
					clock.Step(day)
				}
				if err := b.endLease(lease); err != nil {
					t.Fatal(err)
				}
				if at != "at the lease's end" {
					clock.Step(day)
				}
				_ = b.grants.CatchUp(t.Context(), b.grants.Over(b.storage))
				putRight()
				away = false
				for range 5 {
					pause(2 * time.Minute)
					_ = b.grants.CatchUp(t.Context(), b.grants.Over(b.storage))
				}
				if revoked == 0 {
					t.Error("the token of an ended lease lives on, and nobody will end it")
				}
			}, fields{"refresh_token_rotation": "never"})
		})
	}
}
