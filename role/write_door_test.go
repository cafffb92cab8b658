package role_test

import (
	"errors"
	"testing"

	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// A write keeps what it does not name, empty clears, and a patch's null does too (RFC 7396).
func TestRoleFieldsAreKeptAndCleared(t *testing.T) {
	for name, clearing := range map[string]struct {
		op    enginetest.Request
		value any
	}{"empty": {enginetest.Request{Op: enginetest.WriteOp, Path: "roles/r"}, ""}, "empty in a patch": {enginetest.Request{Op: enginetest.PatchOp, Path: "roles/r"}, ""}, "null": {enginetest.Request{Op: enginetest.PatchOp, Path: "roles/r"}, nil}} {
		t.Run(name, func(t *testing.T) {
			b := enginetest.New(t)
			enginetest.NewEndpoint(t, b)
			optional := everyRoleField(b)
			for field := range enginetest.RoleOf("test", enginetest.Fields{"provider_params": ""}) {
				delete(optional, field)
			}
			b.WriteRole("r")
			bare := b.Data("roles/r")
			b.Write("roles/r", optional)
			full := b.Data("roles/r")
			b.Write("roles/r", enginetest.Fields{})
			b.Patch("roles/r", enginetest.Fields{"scope": "read write"})
			if got := b.Data("roles/r"); enginetest.Plain(got) != enginetest.Plain(full) {
				t.Errorf("writes that name nothing new make\n%v of\n%v", got, full)
			}
			for field := range optional {
				b.Do(clearing.op.Op, clearing.op.Path, enginetest.Fields{field: clearing.value})
			}
			if got := b.Data("roles/r"); enginetest.Plain(got) != enginetest.Plain(bare) {
				t.Errorf("cleared, it is\n%v\nand was\n%v", got, bare)
			}
			for field, want := range map[string]string{
				"refresh_token": "refresh_token is required", "client_secret": "client_secret is required",
				"client_id": "client_id is required", "provider": "provider is required",
			} {
				b.Rejects(clearing.op.Op, clearing.op.Path, enginetest.Fields{field: clearing.value}, want)
			}
		})
	}
}

// field=@file brings the file's last line end along, and no server knows the secret with it.
func TestLineEndsOfFilesAreLeftOut(t *testing.T) {
	for name, end := range map[string]string{"none": "", "LF": "\n", "CRLF": "\r\n", "two": "\n\n"} {
		t.Run(name, func(t *testing.T) {
			b := enginetest.New(t)
			server := enginetest.NewEndpoint(t, b)
			enginetest.NewGrant(server)
			b.WriteRole("r", enginetest.Fields{"client_id": "the-client" + end, "client_secret": enginetest.Canary + " secret " + end, "refresh_token": enginetest.Canary + "refresh" + end})
			b.Read("creds/r")
			form := server.Requests()[0].Form
			if form.Get("client_id") != "the-client" || form.Get("client_secret") != enginetest.Canary+" secret " || form.Get("refresh_token") != enginetest.Canary+"refresh" {
				t.Errorf("sent %v", form)
			}
		})
	}
}

// A failed write leaves the role as it was, and says so.
func TestRoleWritesFailWithStorage(t *testing.T) {
	b := enginetest.NewMount(t)
	before := b.Storage.Contents(t)
	b.Storage.OnPut(func(string) error { return errors.New("storage is down") })
	if _, err := b.Try(t.Context(), enginetest.WriteOp, "roles/r", enginetest.Fields{"scope": "read"}); err == nil {
		t.Error("a write that was not done is reported as done")
	}
	b.Storage.OnPut(nil)
	b.Data("creds/r")
	if got := b.Storage.Contents(t); got["role/r"] != before["role/r"] {
		t.Error("the role has changed")
	}
}
