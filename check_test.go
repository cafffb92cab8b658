package oauthrefresh_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

// requests are all that take fields, on what exists and on what does not.
var requests = []enginetest.Request{
	{Op: enginetest.ReadOp, Path: "config"}, {Op: enginetest.WriteOp, Path: "config"}, {Op: enginetest.DeleteOp, Path: "config"},
	{Op: enginetest.ReadOp, Path: "providers/test"}, {Op: enginetest.WriteOp, Path: "providers/test"}, {Op: enginetest.WriteOp, Path: "providers/new"}, {Op: enginetest.DeleteOp, Path: "providers/test"},
	{Op: enginetest.WriteOp, Path: "providers/test/rediscover"},
	{Op: enginetest.ReadOp, Path: "roles/r"}, {Op: enginetest.WriteOp, Path: "roles/r"}, {Op: enginetest.WriteOp, Path: "roles/new"}, {Op: enginetest.PatchOp, Path: "roles/r"}, {Op: enginetest.DeleteOp, Path: "roles/r"},
	{Op: enginetest.ReadOp, Path: "creds/r"}, {Op: enginetest.WriteOp, Path: "creds/r"}, {Op: enginetest.WriteOp, Path: "refresh/r"}, {Op: enginetest.WriteOp, Path: "revoke/r"},
	{Op: enginetest.ReadOp, Path: "identity/r"}, {Op: enginetest.ReadOp, Path: "rehearse/r"}, {Op: enginetest.ReadOp, Path: "explain/r"}, {Op: enginetest.WriteOp, Path: "explain/r"},
	{Op: enginetest.ReadOp, Path: "status"}, {Op: enginetest.ReadOp, Path: "status/r"},
}

func TestUnknownFieldsAreRefused(t *testing.T) {
	b := enginetest.NewMount(t)
	for _, r := range requests {
		t.Run(fmt.Sprint(r), func(t *testing.T) {
			b := b.In(t)
			b.Rejects(r.Op, r.Path, enginetest.Fields{"wrong": enginetest.Canary}, "no field wrong")
			if strings.Contains(r.Path, "/") {
				b.Rejects(r.Op, r.Path, enginetest.Fields{"name": enginetest.Canary}, "leave the field name out")
			} else {
				b.Rejects(r.Op, r.Path, enginetest.Fields{"name": enginetest.Canary}, "no field name")
			}
			// A field that may be a value is not repeated.
			for _, field := range []string{enginetest.Canary + "secret!", strings.Repeat("eyJ", 20), "1234", "a\nb", ""} {
				got := b.Refused(r.Op, r.Path, enginetest.Fields{field: "x"})
				if field != "" && strings.Contains(got, field) || !strings.Contains(got, "vault path-help oauth/"+r.Path) {
					t.Errorf("says %q", got)
				}
			}
		})
	}
}

func TestMisspelledFieldsAreHelped(t *testing.T) {
	b := enginetest.NewMount(t)
	for field, want := range map[string]string{
		"client_secert": "did you mean client_secret?",
		"Refresh_Token": "did you mean refresh_token?",
		"client-secret": "did you mean client_secret?",
		"tt":            "did you mean ttl?",
		"colour":        "vault path-help oauth/roles/r",
	} {
		b.Rejects(enginetest.WriteOp, "roles/r", enginetest.Fields{field: enginetest.Canary}, want)
	}
	b.Rejects(enginetest.ReadOp, "creds/r", enginetest.Fields{"mi_ttl": "1m"}, "did you mean min_ttl?")
}

func TestNames(t *testing.T) {
	b := enginetest.NewMount(t)
	for _, name := range []string{"a", "A.b", "alice@example.com", "svc:billing", "a+b_c-d", "0", strings.Repeat("n", 128)} {
		b.WriteRole(name)
		b.Read("creds/" + name)
		b.Read("status/" + name)
		b.Delete("roles/" + name)
	}
	for _, name := range []string{
		"a b", "ä", "a/b", "a/", ".a", "a..b", "..", "a%20b", "a#b", "a?b", "a*", `a\b`, "a'b", "\U0001f511", "a\x00",
		strings.Repeat("n", 129), "../config",
	} {
		for _, r := range requests {
			prefix, rest, ok := strings.Cut(r.Path, "/")
			if !ok {
				continue
			}
			path := prefix + "/" + name
			if _, after, ok := strings.Cut(rest, "/"); ok {
				path += "/" + after
			}
			want := "this name can't be used"
			if at := b.Route(path); at != nil && strings.Contains(at.Pattern, "(?P<name>[^/]+)") && strings.HasPrefix(name, "a/") {
				want = map[string]string{"a/": "this owner can't be used", "a/b": "this path has no field x"}[name]
				if at.Operations[logical.ListOperation] != nil {
					continue // of its owners
				}
			}
			b.Rejects(r.Op, path, enginetest.Fields{"x": "y"}, want)
		}
	}
}

// The largest thing that belongs into a field is a PFX with its chain.
func TestLargeFieldsAreRefused(t *testing.T) {
	b := enginetest.NewMount(t)
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
			b.Rejects(enginetest.WriteOp, path, enginetest.Fields{name: over}, name+" is larger than 256 KiB")
		}
	}
	for _, value := range []any{[]string{"a", over}, enginetest.Fields{"a": over}, enginetest.Fields{over: ""}, enginetest.Fields{"a": []any{enginetest.Fields{"b": over}}}} {
		b.Rejects(enginetest.WriteOp, "roles/r", enginetest.Fields{"token_params": value}, "token_params is larger than 256 KiB")
	}
	b.Rejects(enginetest.WriteOp, "revoke/r", enginetest.Fields{"token": over}, "no field token")
	b.Rejects(enginetest.WriteOp, "roles/r", enginetest.Fields{"pfx": strings.Repeat("x", 10<<20)}, "pfx is larger than 256 KiB")
	half := over[:200<<10]
	b.Rejects(enginetest.WriteOp, "roles/r", enginetest.Fields{"pfx": half, "scope": half, "client_id": half}, "together larger than 512 KiB")
}

// An existence check comes before the request itself, and Vault logs its errors.
func TestExistenceChecksLookAtNamesOnly(t *testing.T) {
	b := enginetest.NewMount(t)
	for path, want := range map[string]bool{
		"roles/r": true, "roles/new": false, "providers/test": true, "providers/salesforce": true, "providers/new": false,
		"config": true, "roles/a..b": false, "providers/a..b": false,
	} {
		for _, f := range []enginetest.Fields{nil, {"ttl": enginetest.Canary, "lease": enginetest.Canary, "send_scope": enginetest.Canary, "request_timeout": enginetest.Canary, enginetest.Canary: []string{enginetest.Canary}}} {
			found, exists, err := b.HandleExistenceCheck(t.Context(), &logical.Request{
				Operation: logical.CreateOperation, Path: path, Storage: b.Storage, Data: maps.Clone(f),
			})
			if !found || exists != want || err != nil {
				t.Errorf("%s: %v, %v, %v", path, found, exists, err)
			}
		}
	}
}

// A panic may quote data, so neither its text nor its values are shown, and no lock is left behind.
func TestPanicsAreContained(t *testing.T) {
	b := enginetest.NewMount(t)
	panics := func(string) error { panic(enginetest.Canary + "panic") }
	for _, r := range requests {
		if r.Path == "status" || strings.HasSuffix(r.Path, "/new") {
			continue
		}
		b.Storage.OnGet(panics)
		b.Storage.OnDelete(panics)
		for _, known := range []string{"config", "provider/test", "pins/test"} {
			b.Grants.Forget(known) // so that it is read
		}
		resp, err := b.Try(t.Context(), r.Op, r.Path, nil)
		if resp != nil || enginetest.ErrStatus(err) != 500 || strings.Contains(err.Error(), enginetest.Canary) {
			t.Errorf("%v: %v, %v", r, resp, err)
		}
		b.Storage.OnGet(nil)
		b.Storage.OnDelete(nil)
	}
	b.Storage.OnPut(panics) // in the refresh's own goroutine
	if _, err := b.Try(t.Context(), enginetest.WriteOp, "refresh/r", nil); enginetest.ErrStatus(err) != 500 {
		t.Errorf("a refresh: %v", err)
	}
	b.Storage.OnPut(nil)
	if got := b.Write("refresh/r", nil).Data["generation"]; got != int64(2) {
		t.Errorf("after the panic, generation %v", got)
	}
	b.Patch("roles/r", enginetest.Fields{"scope": "read"})
	if !strings.Contains(b.Log.String(), "enginetest") {
		t.Error("the log has no stack")
	}
}

// In a policy's path + stands for any name. What is called so already is not lost with an upgrade.
func TestNothingNewIsCalledPlus(t *testing.T) {
	b := enginetest.NewMount(t)
	for _, name := range []string{"+", "++"} {
		b.Rejects(enginetest.WriteOp, "roles/"+name, enginetest.RoleOf("test"), "must not consist of + only")
		b.Rejects(enginetest.WriteOp, "providers/"+name, enginetest.Fields{"token_endpoint": "https://a.example/"}, "must not consist of + only")
	}
	b.Write("roles/a+b", enginetest.RoleOf("test"))
	b.Write("roles/+a", enginetest.RoleOf("test"))
	r, err := role.Get(t.Context(), b.Storage, "r")
	if err != nil {
		t.Fatal(err)
	}
	if err := role.Put(t.Context(), b.Storage, "+", r); err != nil {
		t.Fatal(err)
	}
	b.Data("creds/+")
	b.Data("roles/+")
	b.Write("refresh/+", nil)
	b.Write("roles/+", enginetest.Fields{"ttl": "1h"})
	b.Patch("roles/+", enginetest.Fields{"ttl": "2h"})
	b.Delete("roles/+")
}
