package oauthrefresh

import (
	"errors"
	"testing"
)

// A write keeps what it does not name, empty clears, and a patch's null does too (RFC 7396).
func TestRoleFieldsAreKeptAndCleared(t *testing.T) {
	for name, clearing := range map[string]struct {
		op    request
		value any
	}{"empty": {request{writeOp, "roles/r"}, ""}, "empty in a patch": {request{patchOp, "roles/r"}, ""}, "null": {request{patchOp, "roles/r"}, nil}} {
		t.Run(name, func(t *testing.T) {
			b := newTestBackend(t)
			newEndpoint(t, b)
			optional := everyRoleField(b)
			for field := range roleOf("test", fields{"provider_params": ""}) {
				delete(optional, field)
			}
			b.writeRole("r")
			bare := b.data("roles/r")
			b.write("roles/r", optional)
			full := b.data("roles/r")
			b.write("roles/r", fields{})
			b.patch("roles/r", fields{"scope": "read write"})
			if got := b.data("roles/r"); plain(got) != plain(full) {
				t.Errorf("writes that name nothing new make\n%v of\n%v", got, full)
			}
			for field := range optional {
				b.do(clearing.op.op, clearing.op.path, fields{field: clearing.value})
			}
			if got := b.data("roles/r"); plain(got) != plain(bare) {
				t.Errorf("cleared, it is\n%v\nand was\n%v", got, bare)
			}
			for field, want := range map[string]string{
				"refresh_token": "refresh_token is required", "client_secret": "client_secret is required",
				"client_id": "client_id is required", "provider": "provider is required",
			} {
				b.rejects(clearing.op.op, clearing.op.path, fields{field: clearing.value}, want)
			}
		})
	}
}

// field=@file brings the file's last line end along, and no server knows the secret with it.
func TestLineEndsOfFilesAreLeftOut(t *testing.T) {
	for name, end := range map[string]string{"none": "", "LF": "\n", "CRLF": "\r\n", "two": "\n\n"} {
		t.Run(name, func(t *testing.T) {
			b := newTestBackend(t)
			server := newEndpoint(t, b)
			newGrant(server)
			b.writeRole("r", fields{"client_id": "the-client" + end, "client_secret": canary + " secret " + end, "refresh_token": canary + "refresh" + end})
			b.read("creds/r")
			form := server.Requests()[0].Form
			if form.Get("client_id") != "the-client" || form.Get("client_secret") != canary+" secret " || form.Get("refresh_token") != canary+"refresh" {
				t.Errorf("sent %v", form)
			}
		})
	}
}

// A failed write leaves the role as it was, and says so.
func TestRoleWritesFailWithStorage(t *testing.T) {
	b := newMount(t)
	before := b.storage.contents(t)
	b.storage.onPut(func(string) error { return errors.New("storage is down") })
	if _, err := b.try(t.Context(), writeOp, "roles/r", fields{"scope": "read"}); err == nil {
		t.Error("a write that was not done is reported as done")
	}
	b.storage.onPut(nil)
	b.data("creds/r")
	if got := b.storage.contents(t); got["role/r"] != before["role/r"] {
		t.Error("the role has changed")
	}
}
