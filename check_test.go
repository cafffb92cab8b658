package oauthrefresh

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

const (
	readOp   = logical.ReadOperation
	writeOp  = logical.UpdateOperation
	patchOp  = logical.PatchOperation
	deleteOp = logical.DeleteOperation
)

// request names one operation on one path.
type request struct {
	op   logical.Operation
	path string
}

// requests are all that take fields, on what exists and on what does not.
var requests = []request{
	{readOp, "config"}, {writeOp, "config"}, {deleteOp, "config"},
	{readOp, "providers/test"}, {writeOp, "providers/test"}, {writeOp, "providers/new"}, {deleteOp, "providers/test"},
	{writeOp, "providers/test/rediscover"},
	{readOp, "roles/r"}, {writeOp, "roles/r"}, {writeOp, "roles/new"}, {patchOp, "roles/r"}, {deleteOp, "roles/r"},
	{readOp, "creds/r"}, {writeOp, "creds/r"}, {writeOp, "refresh/r"}, {writeOp, "revoke/r"},
	{readOp, "identity/r"}, {readOp, "rehearse/r"}, {readOp, "explain/r"}, {writeOp, "explain/r"},
	{readOp, "status"}, {readOp, "status/r"},
}

// newMount is a mount with one role, r, that has been read.
func newMount(t *testing.T) *testBackend {
	b := newTestBackend(t)
	newGrant(newEndpoint(t, b)).KeepRefreshToken = true
	b.writeRole("r")
	b.read("creds/r")
	return b
}

func TestUnknownFieldsAreRefused(t *testing.T) {
	b := newMount(t)
	for _, r := range requests {
		t.Run(fmt.Sprint(r), func(t *testing.T) {
			b := b.in(t)
			b.rejects(r.op, r.path, fields{"wrong": canary}, "no field wrong")
			if strings.Contains(r.path, "/") {
				b.rejects(r.op, r.path, fields{"name": canary}, "leave the field name out")
			} else {
				b.rejects(r.op, r.path, fields{"name": canary}, "no field name")
			}
			// A field that may be a value is not repeated.
			for _, field := range []string{canary + "secret!", strings.Repeat("eyJ", 20), "1234", "a\nb", ""} {
				got := b.refused(r.op, r.path, fields{field: "x"})
				if field != "" && strings.Contains(got, field) || !strings.Contains(got, "vault path-help oauth/"+r.path) {
					t.Errorf("says %q", got)
				}
			}
		})
	}
}

func TestMisspelledFieldsAreHelped(t *testing.T) {
	b := newMount(t)
	for field, want := range map[string]string{
		"client_secert": "did you mean client_secret?",
		"Refresh_Token": "did you mean refresh_token?",
		"client-secret": "did you mean client_secret?",
		"tt":            "did you mean ttl?",
		"colour":        "vault path-help oauth/roles/r",
	} {
		b.rejects(writeOp, "roles/r", fields{field: canary}, want)
	}
	b.rejects(readOp, "creds/r", fields{"mi_ttl": "1m"}, "did you mean min_ttl?")
}

func TestNames(t *testing.T) {
	b := newMount(t)
	for _, name := range []string{"a", "A.b", "alice@example.com", "svc:billing", "a+b_c-d", "0", strings.Repeat("n", 128)} {
		b.writeRole(name)
		b.read("creds/" + name)
		b.read("status/" + name)
		b.delete("roles/" + name)
	}
	for _, name := range []string{
		"a b", "ä", "a/b", "a/", ".a", "a..b", "..", "a%20b", "a#b", "a?b", "a*", `a\b`, "a'b", "\U0001f511", "a\x00",
		strings.Repeat("n", 129), "../config",
	} {
		for _, r := range requests {
			prefix, rest, ok := strings.Cut(r.path, "/")
			if !ok {
				continue
			}
			path := prefix + "/" + name
			if _, after, ok := strings.Cut(rest, "/"); ok {
				path += "/" + after
			}
			b.rejects(r.op, path, fields{"x": "y"}, "this name can't be used")
		}
	}
}

// The largest thing that belongs into a field is a PFX with its chain.
func TestLargeFieldsAreRefused(t *testing.T) {
	b := newMount(t)
	over := strings.Repeat("x", mount.MaxField+1)
	for path, names := range map[string][]string{
		"config": {"ca_certificate", "allowed_hosts", "request_timeout", "allow_insecure_endpoints"},
		"roles/r": {
			"provider", "client_id", "client_secret", "refresh_token", "scope", "pfx", "client_certificate", "client_private_key",
			"ca_certificate", "provider_params", "token_params", "ttl", "lease",
		},
		"providers/test": {"token_endpoint", "token_params", "extra_fields", "docs", "send_scope", "refresh_window"},
		"creds/r":        {"min_ttl"},
		"refresh/r":      {"if_generation"},
	} {
		for _, name := range names {
			b.rejects(writeOp, path, fields{name: over}, name+" is larger than 256 KiB")
		}
	}
	for _, value := range []any{[]string{"a", over}, fields{"a": over}, fields{over: ""}, fields{"a": []any{fields{"b": over}}}} {
		b.rejects(writeOp, "roles/r", fields{"token_params": value}, "token_params is larger than 256 KiB")
	}
	b.rejects(writeOp, "revoke/r", fields{"token": over}, "no field token")
	b.rejects(writeOp, "roles/r", fields{"pfx": strings.Repeat("x", 10<<20)}, "pfx is larger than 256 KiB")
	half := over[:200<<10]
	b.rejects(writeOp, "roles/r", fields{"pfx": half, "scope": half, "client_id": half}, "together larger than 512 KiB")
}

// An existence check comes before the request itself, and Vault logs its errors.
func TestExistenceChecksLookAtNamesOnly(t *testing.T) {
	b := newMount(t)
	for path, want := range map[string]bool{
		"roles/r": true, "roles/new": false, "providers/test": true, "providers/salesforce": true, "providers/new": false,
		"config": true, "roles/a..b": false, "providers/a..b": false,
	} {
		for _, f := range []fields{nil, {"ttl": canary, "lease": canary, "send_scope": canary, "request_timeout": canary, canary: []string{canary}}} {
			found, exists, err := b.HandleExistenceCheck(t.Context(), &logical.Request{
				Operation: logical.CreateOperation, Path: path, Storage: b.storage, Data: maps.Clone(f),
			})
			if !found || exists != want || err != nil {
				t.Errorf("%s: %v, %v, %v", path, found, exists, err)
			}
		}
	}
}

// A panic may quote data, so neither its text nor its values are shown, and no lock is left behind.
func TestPanicsAreContained(t *testing.T) {
	b := newMount(t)
	panics := func(string) error { panic(canary + "panic") }
	for _, r := range requests {
		if r.path == "status" || strings.HasSuffix(r.path, "/new") {
			continue
		}
		b.storage.onGet(panics)
		b.storage.onDelete(panics)
		resp, err := b.try(t.Context(), r.op, r.path, nil)
		if resp != nil || errStatus(err) != 500 || strings.Contains(err.Error(), canary) {
			t.Errorf("%v: %v, %v", r, resp, err)
		}
		b.storage.onGet(nil)
		b.storage.onDelete(nil)
	}
	b.storage.onPut(panics) // in the refresh's own goroutine
	if _, err := b.try(t.Context(), writeOp, "refresh/r", nil); errStatus(err) != 500 {
		t.Errorf("a refresh: %v", err)
	}
	b.storage.onPut(nil)
	if got := b.write("refresh/r", nil).Data["generation"]; got != int64(2) {
		t.Errorf("after the panic, generation %v", got)
	}
	b.patch("roles/r", fields{"scope": "read"})
	if !strings.Contains(b.log.String(), "storage_test.go") {
		t.Error("the log has no stack")
	}
}

// In a policy's path + stands for any name. What is called so already is not lost with an upgrade.
func TestNothingNewIsCalledPlus(t *testing.T) {
	b := newMount(t)
	for _, name := range []string{"+", "++"} {
		b.rejects(writeOp, "roles/"+name, roleOf("test"), "must not consist of + only")
		b.rejects(writeOp, "providers/"+name, fields{"token_endpoint": "https://a.example/"}, "must not consist of + only")
	}
	b.write("roles/a+b", roleOf("test"))
	b.write("roles/+a", roleOf("test"))
	r, err := role.Get(t.Context(), b.storage, "r")
	if err != nil {
		t.Fatal(err)
	}
	if err := role.Put(t.Context(), b.storage, "+", r); err != nil {
		t.Fatal(err)
	}
	b.data("creds/+")
	b.data("roles/+")
	b.write("refresh/+", nil)
	b.write("roles/+", fields{"ttl": "1h"})
	b.patch("roles/+", fields{"ttl": "2h"})
	b.delete("roles/+")
}
