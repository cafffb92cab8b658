package oauthrefresh_test

import (
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// A real refresh, whose rotated refresh token counts from then on: the next read uses what it brought.
func TestVerifyRefreshes(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	rotation := enginetest.NewGrant(server)
	got := b.Write("roles/r", enginetest.RoleOf("test", enginetest.Fields{"verify": true, "scope": "read"})).Data
	if got["verified"] != true || got["generation"] != int64(1) || got["expires_at"] == nil || got["token_id"] != b.Data("status/r")["token_id"] {
		t.Errorf("%v", got)
	}
	b.Read("creds/r")
	got = b.Patch("roles/r", enginetest.Fields{"verify": true}).Data
	if got["verified"] != true || got["generation"] != int64(2) || rotation.Refreshes() != 2 || rotation.Reused() {
		t.Errorf("%v, %d refreshes", got, rotation.Refreshes())
	}
	if resp := b.Write("roles/r", enginetest.Fields{"scope": "write"}); resp != nil {
		t.Errorf("a write that asks for nothing answers %v", resp.Data)
	}
}

// What fails is told, and the role is stored all the same: a rotating refresh token must not be where
// nobody keeps its successor.
func TestVerifyReportsFailure(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	server.Enqueue(clienttest.JSON(401, `{"error":"invalid_client"}`))
	resp := b.Write("roles/r", enginetest.RoleOf("test", enginetest.Fields{"verify": true}))
	if got := resp.Data; got["verified"] != false || !strings.Contains(got["failure"].(string), "refused the client") || got["token_id"] != nil {
		t.Errorf("%v", got)
	}
	if got := strings.Join(resp.Warnings, "\n"); !strings.Contains(got, "the role is stored, but its refresh has failed: ") || !strings.Contains(got, "status/r") {
		t.Error(got)
	}
	server.Enqueue(enginetest.TokenAnswer("a1", ""))
	if got := b.Write("roles/r", enginetest.Fields{"client_secret": enginetest.Canary + "right", "verify": true}).Data["verified"]; got != true {
		t.Errorf("corrected, it says %v", got)
	}
	// A refused write verifies nothing.
	b.Rejects(enginetest.WriteOp, "roles/r", enginetest.Fields{"client_id": "", "verify": true}, "client_id is required")
	if n := len(server.Requests()); n != 2 {
		t.Errorf("%d requests", n)
	}
}

// The refresh of a verify takes the role's locks like any other, and promotes.
func TestVerifyPromotes(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	enginetest.KnownClient(server, enginetest.BySecret(enginetest.Canary+"next"))
	b.Write("roles/r", enginetest.RoleOf("test", enginetest.Fields{"next_client_secret": enginetest.Canary + "next", "verify": true}))
	if got := b.Data("status/r")["client_secret_in_use"]; got != "client_secret" || len(server.Requests()) != 2 {
		t.Errorf("in use: %v", got)
	}
}

// A refresh that was under way is not what was asked for: it was made with the role as it was.
func TestVerifyMakesItsOwnRefresh(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	answer, open := enginetest.Gated(enginetest.TokenAnswer("a1", ""))
	server.Enqueue(answer, clienttest.JSON(401, `{"error":"invalid_client"}`))
	b.WriteRole("r")
	read := b.StartRead(t.Context(), "r")
	server.WaitFor(1)
	written := make(chan struct{}, 1)
	b.Storage.AfterPut(func(key string) error {
		if key == "role/r" {
			written <- struct{}{}
		}
		return nil
	})
	verified := b.Start(t.Context(), enginetest.WriteOp, "roles/r", enginetest.Fields{"client_secret": enginetest.Canary + "wrong", "verify": true})
	enginetest.Await(t, written)
	open()
	enginetest.Await(t, read)
	if got := enginetest.Await(t, verified).Value(t, "verified"); got != false {
		t.Error("a secret is verified that was never sent")
	}
}

func TestVerifyOfATokenForEachLease(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	server.Enqueue(enginetest.TokenAnswer("a1", ""))
	resp := b.Write("roles/r", enginetest.RoleOf("test", enginetest.Fields{"grant_type": "client_credentials", "refresh_token": nil, "token_mode": "per_lease", "verify": true}))
	if got := strings.Join(resp.Warnings, "\n"); !strings.Contains(got, "belongs to no lease") {
		t.Errorf("warned of %q", got)
	}
}

// Who writes roles mends them: the guard against readers who force refreshes is not for them.
func TestVerifyIsNotBounded(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	enginetest.KnownClient(server, enginetest.BySecret(enginetest.Canary+"right"))
	for range grant.ForcedBurst + 1 {
		b.Write("roles/r", enginetest.RoleOf("test", enginetest.Fields{"verify": true}))
	}
	if got := b.Write("roles/r", enginetest.Fields{"client_secret": enginetest.Canary + "right", "verify": true}).Data; got["verified"] != true {
		t.Errorf("%v", got)
	}
}
