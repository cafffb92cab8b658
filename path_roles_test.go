package oauthrefresh_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

func TestRolesAreListedAndDeleted(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	enginetest.NewGrant(server)
	if got := b.List("roles/"); len(got) != 0 {
		t.Errorf("%q", got)
	}
	bare := b.Storage.Contents(t)
	b.WriteRole("b@example.com")
	b.WriteRole("a")
	b.Read("creds/a")
	if got := b.List("roles"); !slices.Equal(got, []string{"a", "b@example.com"}) {
		t.Errorf("%q", got)
	}
	b.Delete("roles/a")
	b.Delete("roles/a")
	b.Delete("roles/b@example.com")
	if got := b.Storage.Contents(t); !maps.Equal(got, bare) {
		t.Errorf("deleted roles leave %v", slices.Collect(maps.Keys(got)))
	}
	for _, path := range []string{"roles/a", "status/a"} {
		if b.Read(path) != nil {
			t.Errorf("%s is still there", path)
		}
	}
	for _, r := range []enginetest.Request{{Op: enginetest.ReadOp, Path: "creds/a"}, {Op: enginetest.WriteOp, Path: "creds/a"}, {Op: enginetest.WriteOp, Path: "refresh/a"}, {Op: enginetest.WriteOp, Path: "revoke/a"}} {
		b.Rejects(r.Op, r.Path, nil, "no role of this name")
	}
	if n := len(server.Requests()); n != 1 {
		t.Errorf("%d requests: a delete asks nobody", n)
	}
}

// A role of the same name is another one: it begins with its own refresh token.
func TestRoleIsBornAnew(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	enginetest.NewGrant(server)
	b.WriteRole("r")
	b.Read("creds/r")
	b.Delete("roles/r")
	server.Handle(clienttest.NewRotation(enginetest.Canary + "other").Answer)
	b.WriteRole("r", enginetest.Fields{"refresh_token": enginetest.Canary + "other"})
	if got := b.Data("creds/r"); got["access_token"] != clienttest.AccessToken(enginetest.Canary+"other", 1) || got["generation"] != int64(1) {
		t.Errorf("%v", got)
	}
}

// If storage breaks off a delete in the middle, what is left must not be a role that begins again
// with its spent refresh token.
func TestBrokenDeletesLeaveNoSpentGrant(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	grant := enginetest.NewGrant(server)
	b.WriteRole("r")
	b.Read("creds/r")
	deletes := 0
	b.Storage.OnDelete(func(string) error {
		if deletes++; deletes > 1 {
			return fmt.Errorf("storage is down")
		}
		return nil
	})
	if _, err := b.Try(t.Context(), enginetest.DeleteOp, "roles/r", nil); err == nil {
		t.Fatal("a delete that was not done is reported as done")
	}
	b.Storage.OnDelete(nil)
	if resp, _ := b.Try(t.Context(), enginetest.WriteOp, "refresh/r", nil); !resp.IsError() {
		t.Errorf("%v", resp)
	}
	if grant.Reused() {
		t.Error("the spent refresh token was presented")
	}
	b.Delete("roles/r")
	if _, left := b.Storage.Contents(t)["token/r"]; left {
		t.Error("the second delete leaves the token")
	}
}
