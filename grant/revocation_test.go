package grant_test

import (
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// Each lease has its own token, and takes it along when it ends.
func TestEachLeaseOwnsItsToken(t *testing.T) {
	b, server := enginetest.OwnRole(t)
	one, other := b.Read("creds/r"), b.Read("creds/r")
	if one.Data["access_token"] == other.Data["access_token"] {
		t.Fatal("two leases share a token")
	}
	if err := b.EndLease(one); err != nil {
		t.Fatal(err)
	}
	last := server.Requests()[2]
	if last.Path != "/revoke" || last.Form.Get("token") != one.Data["access_token"] || last.Form.Get("token_type_hint") != "access_token" {
		t.Errorf("%s with hint %q, and not the lease's token", last.Path, last.Form.Get("token_type_hint"))
	}
}

// With the provider away a lease ends all the same, and its token as soon as the provider is back.
func TestALeaseEndsWithTheProviderAway(t *testing.T) {
	b, server := enginetest.OwnRole(t)
	leases := []*logical.Response{b.Read("creds/r"), b.Read("creds/r")}
	server.Enqueue(clienttest.Text(503, "text/plain", "away"), clienttest.Text(503, "text/plain", "away"))
	for _, lease := range leases {
		if err := b.EndLease(lease); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Grants.CatchUp(t.Context(), b.Storage); err != nil {
		t.Fatal(err)
	}
	if n := len(server.Requests()); n != 4 {
		t.Errorf("%d requests, want 2 tokens, and one try for both at their end and one later: the provider is away", n)
	}
	after := enginetest.NewOn(t, b.Storage)
	for range 2 {
		if err := after.Grants.CatchUp(t.Context(), b.Storage); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(server.Requests()); n != 6 {
		t.Errorf("%d requests, want both tokens revoked once more", n)
	}
	if left, _ := b.Storage.List(t.Context(), grant.RevocationPrefix); len(left) != 0 || after.Grants.Pending.Load() {
		t.Errorf("%d revocations are left", len(left))
	}
}

// One server that hangs is asked once for all leases of all its roles, or a mount could not be disabled.
func TestASilentServerHoldsUpOneLease(t *testing.T) {
	b, server := enginetest.OwnRole(t)
	b.WriteRole("other", enginetest.Fields{"token_mode": "per_lease"})
	one, other := b.Read("creds/r"), b.Read("creds/other")
	server.Enqueue(clienttest.Answer{Drop: true}, clienttest.Answer{Drop: true})
	n := len(server.Requests())
	for _, lease := range []*logical.Response{one, other} {
		if err := b.EndLease(lease); err != nil {
			t.Fatal(err)
		}
	}
	if asked := len(server.Requests()) - n; asked != 1 {
		t.Errorf("%d requests", asked)
	}
}

// What must not stop a lease from ending: its role is gone, or the mount goes.
func TestALeaseEndsWithoutItsRole(t *testing.T) {
	b, server := enginetest.OwnRole(t)
	one, other := b.Read("creds/r"), b.Read("creds/r")
	server.Enqueue(clienttest.Text(503, "text/plain", "away"))
	b.View.TaintedVal = true
	b.Storage.OnPut(func(string) error { return enginetest.ErrDisk })
	if err := b.EndLease(one); err != nil {
		t.Error(err)
	}
	b.Delete("roles/r")
	if err := b.EndLease(other); err != nil {
		t.Error(err)
	}
}

// Vault revokes all leases of a mount that is moved, which is tainted meanwhile, and its storage stays.
func TestATokenIsRevokedAfterItsMountHasMoved(t *testing.T) {
	b, server := enginetest.OwnRole(t)
	lease := b.Read("creds/r")
	server.Enqueue(clienttest.Text(503, "text/plain", "away"))
	b.View.TaintedVal = true
	if err := b.EndLease(lease); err != nil {
		t.Fatal(err)
	}
	if err := b.Grants.CatchUp(t.Context(), b.Storage); err != nil {
		t.Fatal(err)
	}
	b.View.TaintedVal = false
	b.Backend.System().(*mount.SystemView).Taint = mount.Fresh[bool]{} // a second later
	b.RevokesOnly(server, lease.Data["access_token"])
}

func TestPerLeaseOnlyWhereItDoesNoHarm(t *testing.T) {
	for name, others := range map[string]enginetest.Fields{
		"rotates":          {},
		"may rotate":       {"refresh_token_rotation": "sometimes"},
		"invalidates":      {"refresh_token_rotation": "never", "refresh_invalidates_access_token": true},
		"without endpoint": {"refresh_token_rotation": "never", "revocation_endpoint": ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := enginetest.New(t)
			enginetest.NewEndpoint(t, b, others)
			b.Rejects(logical.UpdateOperation, "roles/r", enginetest.RoleOf("test", enginetest.Fields{"token_mode": "per_lease"}), "use shared")
		})
	}
	b := enginetest.New(t)
	enginetest.NewEndpoint(t, b)
	b.WriteRole("app", enginetest.Fields{"grant_type": "client_credentials", "token_mode": "per_lease"})
	b.Rejects(logical.UpdateOperation, "roles/app", enginetest.Fields{"lease": false}, "lease=true")
}
