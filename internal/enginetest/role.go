package enginetest

import (
	"fmt"
	"strings"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/role"
)

import ()

// AsClient makes the role r one without a refresh token.
func (b *Mount) AsClient() {
	b.T.Helper()
	b.Delete("roles/r")
	b.WriteRole("r", Fields{"grant_type": "client_credentials", "refresh_token": nil, "scope": "read"})
}

// Unpin makes a role one of v0.1.0, which pinned nothing, and its token one that is not known to be of what was asked.
func (b *Mount) Unpin(name string) {
	b.T.Helper()
	r, err := role.Get(b.T.Context(), b.Storage, name)
	if err == nil {
		r.Pins = nil
		err = role.Put(b.T.Context(), b.Storage, name, r)
	}
	if err != nil {
		b.T.Fatal(err)
	}
	if b.Stored(name) != nil {
		b.Age(name, func(tok *grant.State) { tok.Asked = "" })
	}
}

// RefusedNewRole wants a role with these fields to be refused, and none of their values repeated.
// The other fields' values are words that sentences may hold.
func (b *Mount) RefusedNewRole(f Fields, want string) {
	b.T.Helper()
	got := b.Refused(WriteOp, "roles/new", RoleOf("test", f))
	if !strings.Contains(got, want) || strings.Contains(got, "zzz") || strings.Contains(got, Canary) {
		b.T.Errorf("a new role with %v: %q, want %q", f, got, want)
	}
	if _, stored := b.Storage.Contents(b.T)["role/new"]; stored {
		b.T.Fatalf("a new role with %v is stored", f)
	}
}

// Rehearsed is what a rehearsal says, with nothing sent that is a secret, and nothing stored.
func (b *Mount) Rehearsed(servers ...*clienttest.Server) map[string]any {
	b.T.Helper()
	before := b.Storage.Contents(b.T)
	got := b.Data("rehearse/r")
	if Plain(b.Storage.Contents(b.T)) != Plain(before) {
		b.T.Error("something was stored")
	}
	for _, server := range servers {
		for _, r := range server.Requests() {
			if r.Method != "GET" || len(r.Body) > 0 || strings.Contains(string(r.Raw), Canary) || r.Header.Get("Authorization") != "" {
				b.T.Errorf("sent %s", r.Raw)
			}
		}
	}
	return got
}

// Explains compares what is said with what a read then does, and wants no request and no write before it.
func (b *Mount) Explains(server *clienttest.Server, would, why string) {
	b.T.Helper()
	before, sent := b.Storage.Contents(b.T), len(server.Requests())
	got := b.Data("explain/r")
	if got["would"] != would || !strings.Contains(fmt.Sprint(got["why"]), why) {
		b.T.Errorf("%v: %v, want %s: %s", got["would"], got["why"], would, why)
	}
	if Plain(b.Storage.Contents(b.T)) != Plain(before) || len(server.Requests()) != sent {
		b.T.Error("explaining has done something")
	}
	if text := fmt.Sprint(got); strings.Contains(text, Canary) {
		b.T.Errorf("a secret is shown: %s", text)
	}
	resp, err := b.Try(b.T.Context(), ReadOp, "creds/r", nil)
	refreshed, served := len(server.Requests()) > sent, err == nil && !resp.IsError()
	if refreshed != (would == "refresh") || served == (would == "fail") || served && (len(resp.Warnings) > 0) != (would == "serve the token at hand, with a warning") {
		b.T.Errorf("said to %s, but: refreshed %v, served %v", would, refreshed, served)
	}
}

// TargetOf is where a role's exchanges go.
func (b *Mount) TargetOf(name string) *role.Target {
	b.T.Helper()
	r, err := role.Get(b.T.Context(), b.Storage, name)
	if err != nil {
		b.T.Fatal(err)
	}
	to, err := role.NewTarget(b.T.Context(), b.Storage, r)
	if err != nil {
		b.T.Fatal(err)
	}
	return to
}
