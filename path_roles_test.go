package oauthrefresh

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

func TestRolesAreListedAndDeleted(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	newGrant(server)
	if got := b.list("roles/"); len(got) != 0 {
		t.Errorf("%q", got)
	}
	bare := b.storage.contents(t)
	b.writeRole("b@example.com")
	b.writeRole("a")
	b.read("creds/a")
	if got := b.list("roles"); !slices.Equal(got, []string{"a", "b@example.com"}) {
		t.Errorf("%q", got)
	}
	b.delete("roles/a")
	b.delete("roles/a")
	b.delete("roles/b@example.com")
	if got := b.storage.contents(t); !maps.Equal(got, bare) {
		t.Errorf("deleted roles leave %v", slices.Collect(maps.Keys(got)))
	}
	for _, path := range []string{"roles/a", "status/a"} {
		if b.read(path) != nil {
			t.Errorf("%s is still there", path)
		}
	}
	for _, r := range []request{{readOp, "creds/a"}, {writeOp, "creds/a"}, {writeOp, "refresh/a"}, {writeOp, "revoke/a"}} {
		b.rejects(r.op, r.path, nil, "no role of this name")
	}
	if n := len(server.Requests()); n != 1 {
		t.Errorf("%d requests: a delete asks nobody", n)
	}
}

// A role of the same name is another one: it begins with its own refresh token.
func TestRoleIsBornAnew(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	newGrant(server)
	b.writeRole("r")
	b.read("creds/r")
	b.delete("roles/r")
	server.Handle(clienttest.NewRotation(canary + "other").Answer)
	b.writeRole("r", fields{"refresh_token": canary + "other"})
	if got := b.data("creds/r"); got["access_token"] != clienttest.AccessToken(canary+"other", 1) || got["generation"] != int64(1) {
		t.Errorf("%v", got)
	}
}

// If storage breaks off a delete in the middle, what is left must not be a role that begins again
// with its spent refresh token.
func TestBrokenDeletesLeaveNoSpentGrant(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	grant := newGrant(server)
	b.writeRole("r")
	b.read("creds/r")
	deletes := 0
	b.storage.onDelete(func(string) error {
		if deletes++; deletes > 1 {
			return fmt.Errorf("storage is down")
		}
		return nil
	})
	if _, err := b.try(t.Context(), deleteOp, "roles/r", nil); err == nil {
		t.Fatal("a delete that was not done is reported as done")
	}
	b.storage.onDelete(nil)
	if resp, _ := b.try(t.Context(), writeOp, "refresh/r", nil); !resp.IsError() {
		t.Errorf("%v", resp)
	}
	if grant.Reused() {
		t.Error("the spent refresh token was presented")
	}
	b.delete("roles/r")
	if _, left := b.storage.contents(t)["token/r"]; left {
		t.Error("the second delete leaves the token")
	}
}
