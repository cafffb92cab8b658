package oauthrefresh

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
)

// ownRole is a role whose leases have a token each, and its provider.
func ownRole(t *testing.T) (*testBackend, *clienttest.Server) {
	b := newTestBackend(t)
	server := newEndpoint(t, b, fields{"refresh_token_rotation": "never"})
	var n atomic.Int64
	server.Handle(func(r *clienttest.Request) clienttest.Answer {
		if strings.HasSuffix(r.Path, "/revoke") {
			return clienttest.Answer{Status: 200}
		}
		return tokenAnswer(fmt.Sprint(canary, "own-", n.Add(1)), "")
	})
	b.writeRole("r", fields{"token_mode": "per_lease"})
	return b, server
}

// revokeLease ends a lease as Vault does: with what the lease kept.
func (b *testBackend) endLease(resp *logical.Response) error {
	b.t.Helper()
	secret := *resp.Secret
	_, err := b.HandleRequest(b.t.Context(), &logical.Request{
		Operation: logical.RevokeOperation, Path: "creds/r", Storage: b.storage, Secret: &secret, Data: throughJSON(resp.Data),
	})
	return err
}

// Each lease has its own token, and takes it along when it ends.
func TestEachLeaseOwnsItsToken(t *testing.T) {
	b, server := ownRole(t)
	one, other := b.read("creds/r"), b.read("creds/r")
	if one.Data["access_token"] == other.Data["access_token"] {
		t.Fatal("two leases share a token")
	}
	if err := b.endLease(one); err != nil {
		t.Fatal(err)
	}
	last := server.Requests()[2]
	if last.Path != "/revoke" || last.Form.Get("token") != one.Data["access_token"] || last.Form.Get("token_type_hint") != "access_token" {
		t.Errorf("%s with hint %q, and not the lease's token", last.Path, last.Form.Get("token_type_hint"))
	}
}

// With the provider away a lease ends all the same, and its token as soon as the provider is back.
func TestALeaseEndsWithTheProviderAway(t *testing.T) {
	b, server := ownRole(t)
	leases := []*logical.Response{b.read("creds/r"), b.read("creds/r")}
	server.Enqueue(clienttest.Text(503, "text/plain", "away"), clienttest.Text(503, "text/plain", "away"))
	for _, lease := range leases {
		if err := b.endLease(lease); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.grants.CatchUp(t.Context(), b.storage); err != nil {
		t.Fatal(err)
	}
	if n := len(server.Requests()); n != 4 {
		t.Errorf("%d requests, want 2 tokens, and one try for both at their end and one later: the provider is away", n)
	}
	after := newTestBackendOn(t, b.storage)
	for range 2 {
		if err := after.grants.CatchUp(t.Context(), b.storage); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(server.Requests()); n != 6 {
		t.Errorf("%d requests, want both tokens revoked once more", n)
	}
	if left, _ := b.storage.List(t.Context(), grant.RevocationPrefix); len(left) != 0 || after.grants.Pending.Load() {
		t.Errorf("%d revocations are left", len(left))
	}
}

// One server that hangs is asked once for all leases of all its roles, or a mount could not be disabled.
func TestASilentServerHoldsUpOneLease(t *testing.T) {
	b, server := ownRole(t)
	b.writeRole("other", fields{"token_mode": "per_lease"})
	one, other := b.read("creds/r"), b.read("creds/other")
	server.Enqueue(clienttest.Answer{Drop: true}, clienttest.Answer{Drop: true})
	n := len(server.Requests())
	for _, lease := range []*logical.Response{one, other} {
		if err := b.endLease(lease); err != nil {
			t.Fatal(err)
		}
	}
	if asked := len(server.Requests()) - n; asked != 1 {
		t.Errorf("%d requests", asked)
	}
}

// What must not stop a lease from ending: its role is gone, or the mount goes.
func TestALeaseEndsWithoutItsRole(t *testing.T) {
	b, server := ownRole(t)
	one, other := b.read("creds/r"), b.read("creds/r")
	server.Enqueue(clienttest.Text(503, "text/plain", "away"))
	b.view.TaintedVal = true
	b.storage.onPut(func(string) error { return errDisk })
	if err := b.endLease(one); err != nil {
		t.Error(err)
	}
	b.delete("roles/r")
	if err := b.endLease(other); err != nil {
		t.Error(err)
	}
}

// Vault revokes all leases of a mount that is moved, which is tainted meanwhile, and its storage stays.
func TestATokenIsRevokedAfterItsMountHasMoved(t *testing.T) {
	b, server := ownRole(t)
	lease := b.read("creds/r")
	server.Enqueue(clienttest.Text(503, "text/plain", "away"))
	b.view.TaintedVal = true
	if err := b.endLease(lease); err != nil {
		t.Fatal(err)
	}
	if err := b.grants.CatchUp(t.Context(), b.storage); err != nil {
		t.Fatal(err)
	}
	b.view.TaintedVal = false
	b.revokesOnly(server, lease.Data["access_token"])
}

func TestPerLeaseOnlyWhereItDoesNoHarm(t *testing.T) {
	for name, others := range map[string]fields{
		"rotates":          {},
		"may rotate":       {"refresh_token_rotation": "sometimes"},
		"invalidates":      {"refresh_token_rotation": "never", "refresh_invalidates_access_token": true},
		"without endpoint": {"refresh_token_rotation": "never", "revocation_endpoint": ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newTestBackend(t)
			newEndpoint(t, b, others)
			b.rejects(logical.UpdateOperation, "roles/r", roleOf("test", fields{"token_mode": "per_lease"}), "use shared")
		})
	}
	b := newTestBackend(t)
	newEndpoint(t, b)
	b.writeRole("app", fields{"grant_type": "client_credentials", "token_mode": "per_lease"})
	b.rejects(logical.UpdateOperation, "roles/app", fields{"lease": false}, "lease=true")
}
