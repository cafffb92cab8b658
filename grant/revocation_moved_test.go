package grant_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// Readers who share must not be given a token that ends with somebody else's lease.
func TestALeasesOwnTokenIsNeverShared(t *testing.T) {
	b, server := enginetest.OwnRole(t)
	own := b.Read("creds/r")
	b.Write("roles/r", enginetest.Fields{"token_mode": "shared"})
	shared := b.Read("creds/r")
	if err := b.EndLease(own); err != nil {
		t.Fatal(err)
	}
	rs := server.Requests()
	if last := rs[len(rs)-1]; last.Path == "/revoke" && last.Form.Get("token") == shared.Data["access_token"] {
		t.Error("the end of the own lease revokes the token that shared readers hold")
	}
	if got := b.Data("creds/r")["access_token"]; got == own.Data["access_token"] {
		t.Error("the revoked token is still handed out")
	}
}

// The role has moved, or another one has its name: the token of the first server is not for the second.
func TestALeasesTokenIsNotShownToAnotherServer(t *testing.T) {
	b, _ := enginetest.OwnRole(t)
	other := clienttest.New(t, clienttest.Options{})
	b.Write("providers/other", enginetest.Fields{"token_endpoint": other.URL() + "/token", "revocation_endpoint": other.URL() + "/revoke",
		"token_endpoint_auth_method": "client_secret_post", "refresh_token_rotation": "never"})
	own := b.Read("creds/r")
	for _, how := range []string{"edit", "delete"} {
		if how == "delete" {
			b.Delete("roles/r")
		}
		b.Write("roles/r", enginetest.RoleOf("other", enginetest.Fields{"token_mode": "per_lease", "client_secret": enginetest.Canary + "s2", "refresh_token": enginetest.Canary + "r2"}))
		other.Enqueue(clienttest.Answer{Status: 200})
		n := len(other.Requests())
		_ = b.EndLease(own)
		for _, r := range other.Requests()[n:] {
			if r.Form.Get("token") == own.Data["access_token"] {
				t.Errorf("%s: the first provider's access token was sent to the other provider", how)
			}
		}
	}
}

// A look between the failure and its record must not end the looking.
func TestARevocationIsNotForgottenWhileItIsStored(t *testing.T) {
	b, server := enginetest.OwnRole(t)
	lease := b.Read("creds/r")
	server.Enqueue(clienttest.Text(503, "text/plain", "away"))
	b.Storage.OnPut(func(key string) error {
		if strings.HasPrefix(key, grant.RevocationPrefix) {
			if err := b.Grants.CatchUp(context.Background(), b.Storage); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
	if err := b.EndLease(lease); err != nil {
		t.Fatal(err)
	}
	b.Storage.OnPut(nil)
	for range 3 {
		_ = b.Grants.CatchUp(context.Background(), b.Storage)
	}
	keys, _ := b.Storage.List(t.Context(), grant.RevocationPrefix)
	if len(keys) != 0 {
		t.Errorf("%d revocations are stored and nobody looks for them: pending=%v", len(keys), b.Grants.Pending.Load())
	}
}

// A token whose process ends, or whose mount moves, just when it comes is no lease's, though its reader waits.
func TestATokenThatComesWithTheEndIsRevokedAfterIt(t *testing.T) {
	for name, end := range map[string]func(*enginetest.Mount){
		"the mount is moved":  func(b *enginetest.Mount) { b.View.TaintedVal = true },
		"the process is told": func(b *enginetest.Mount) { go b.Cleanup(b.T.Context()); <-b.Grants.Work.Closing },
	} {
		t.Run(name, func(t *testing.T) {
			b, server := enginetest.OwnRole(t)
			slow, open := enginetest.Gated(enginetest.TokenAnswer(enginetest.Canary+"late", ""))
			server.Enqueue(slow)
			reader := b.StartRead(t.Context(), "r")
			server.WaitFor(1)
			end(b)
			open()
			if got := enginetest.Await(t, reader); got.Err == nil && !got.Resp.IsError() {
				t.Error("it is handed out all the same")
			}
			after := enginetest.NewOn(t, b.Storage)
			if err := after.Grants.CatchUp(t.Context(), after.Grants.Over(after.Storage)); err != nil {
				t.Fatal(err)
			}
			if r := server.Requests(); r[len(r)-1].Path != "/revoke" || r[len(r)-1].Form.Get("token") != enginetest.Canary+"late" {
				t.Errorf("the last request is one to %s", r[len(r)-1].Path)
			}
		})
	}
}

// One that can't be revoked keeps no other from it.
func TestARevocationThatFailsHoldsUpNoOther(t *testing.T) {
	b, server := enginetest.OwnRole(t)
	var leases []*logical.Response
	for range 5 {
		leases = append(leases, b.Read("creds/r"))
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
		if err := b.EndLease(lease); err != nil {
			t.Fatal(err)
		}
	}
	away = false
	for range 6 {
		if err := b.Grants.CatchUp(t.Context(), b.Grants.Over(b.Storage)); err != nil {
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
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				t.Cleanup(enginetest.PutRight)
				revoked, away := 0, true
				server.Handle(func(r *clienttest.Request) clienttest.Answer {
					if strings.HasSuffix(r.Path, "/revoke") {
						if away {
							return clienttest.Text(503, "text/plain", "away")
						}
						revoked++
						return clienttest.Answer{Status: 200}
					}
					return enginetest.TokenAnswer("own", "")
				})
				b.Write("roles/r", enginetest.Fields{"token_mode": "per_lease"})
				lease := b.Read("creds/r")
				if at == "at the lease's end" {
					clock.Step(enginetest.Day)
				}
				if err := b.EndLease(lease); err != nil {
					t.Fatal(err)
				}
				if at != "at the lease's end" {
					clock.Step(enginetest.Day)
				}
				_ = b.Grants.CatchUp(t.Context(), b.Grants.Over(b.Storage))
				enginetest.PutRight()
				away = false
				for range 5 {
					enginetest.Pause(2 * time.Minute)
					_ = b.Grants.CatchUp(t.Context(), b.Grants.Over(b.Storage))
				}
				if revoked == 0 {
					t.Error("the token of an ended lease lives on, and nobody will end it")
				}
			}, enginetest.Fields{"refresh_token_rotation": "never"})
		})
	}
}
