package oauthrefresh

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/provider"
)

// everyProviderField is a definition that sets them all, and not to their defaults.
var everyProviderField = fields{
	"issuer":                           "https://acme.example.com/tenant",
	"mtls_endpoint_aliases":            fields{"token_endpoint": "https://mtls.{tenant}.example.com/token"},
	"api_requires_certificate":         true,
	"token_endpoint":                   "https://{tenant}.example.com/oauth2/token",
	"revocation_endpoint":              "https://{tenant}.example.com/revoke",
	"introspection_endpoint":           "https://{tenant}.example.com/introspect",
	"token_endpoint_auth_method":       "client_secret_post",
	"token_endpoint_auth_signing_alg":  "PS256",
	"assertion_audience":               "issuer",
	"assertion_claims":                 fields{"tenant": "acme"},
	"assertion_scope_claim":            true,
	"assertion_type":                   "client-authentication+jwt",
	"assertion_certificate_headers":    []string{"x5t", "x5c"},
	"revocation_assertion_audience":    "revocation_endpoint",
	"send_client_id":                   true,
	"client_secret_optional":           true,
	"basic_encoding":                   "raw",
	"request_format":                   "json",
	"idempotency_header":               "Idempotency-Key",
	"access_token_pointer":             "/data/token",
	"refresh_token_pointer":            "/data/next",
	"expires_in_pointer":               "/data/ttl",
	"refresh_token_expires_in_pointer": "/data/next_ttl",
	"refresh_token_rotation":           "always",
	"docs":                             "https://example.com/docs",
	"param_patterns":                   fields{"tenant": "[a-z]+"},
	"param_defaults":                   fields{"tenant": "acme"},
	"token_params":                     fields{"audience": "api"},
	"token_headers":                    fields{"X-Tenant": "acme"},
	"send_scope":                       false,
	"requires_certificate":             true,
	"refresh_invalidates_access_token": true,
	"assumed_token_ttl":                1800,
	"refresh_window":                   120,
	"reuse_grace":                      60,
	"refresh_token_idle_ttl":           864000,
	"param_order":                      []string{"grant_type", "refresh_token"},
	"extra_fields":                     []string{"instance_url", "/team/id"},
	"permanent_errors":                 []string{"4735", "invalid_request: token is invalid"},
}

// plain is a value as the wire shows it, to compare with.
func plain(value any) string { return fmt.Sprint(throughJSON(fields{"": value})[""]) }

func TestProviderReadsAsItWasWritten(t *testing.T) {
	b := newTestBackend(t)
	if len(everyProviderField) != len(provider.Fields(new(client.Provider)))-1 {
		t.Error("not every field is tested")
	}
	b.write("providers/mine", everyProviderField)
	got := b.data("providers/mine")
	for field, want := range everyProviderField {
		if plain(got[field]) != plain(want) {
			t.Errorf("%s reads as %v, want %v", field, got[field], want)
		}
	}
	// One field of it alone leaves the others as they are, and an empty one returns to its default.
	b.write("providers/mine", fields{"docs": "https://example.com/other"})
	b.write("providers/mine", fields{"basic_encoding": "", "send_scope": "", "refresh_window": "", "extra_fields": "", "token_params": ""})
	got = b.data("providers/mine")
	changed := fields{
		"docs": "https://example.com/other", "basic_encoding": "rfc6749", "send_scope": true,
		"refresh_window": nil, "extra_fields": nil, "token_params": nil,
	}
	for field := range everyProviderField {
		want, ok := changed[field]
		if !ok {
			want = everyProviderField[field]
		}
		if plain(got[field]) != plain(want) {
			t.Errorf("%s reads as %v, want %v", field, got[field], want)
		}
	}
}

// Whoever reads a definition can write it back, and a built-in one is an example to begin with.
func TestProviderReadsWriteBack(t *testing.T) {
	b := newTestBackend(t)
	b.write("providers/mine", everyProviderField)
	for _, name := range append(provider.Builtins(), "mine") {
		want := b.data("providers/" + name)
		if _, builtin := provider.Builtin(name); want["builtin"] != builtin {
			t.Errorf("%s: builtin is %v", name, want["builtin"])
		}
		delete(want, "builtin")
		b.write("providers/copy", fields(want))
		got := b.data("providers/copy")
		delete(got, "builtin")
		if plain(got) != plain(want) {
			t.Errorf("%s was\n%v\nand is\n%v", name, want, got)
		}
		b.delete("providers/copy")
	}
}

func TestBuiltinProvidersStay(t *testing.T) {
	b := newTestBackend(t)
	for _, name := range provider.Builtins() {
		want := b.data("providers/" + name)
		b.rejects(writeOp, "providers/"+name, everyProviderField, "built-in and can't be changed")
		b.rejects(deleteOp, "providers/"+name, nil, "built-in and can't be deleted")
		if got := b.data("providers/" + name); !reflect.DeepEqual(got, want) {
			t.Errorf("%s is now %v", name, got)
		}
	}
}

func TestProvidersAreListedAndDeleted(t *testing.T) {
	b := newTestBackend(t)
	b.write("providers/aaa", everyProviderField)
	b.write("providers/zzz", everyProviderField)
	want := append(append([]string{"aaa"}, provider.Builtins()...), "zzz")
	if got := b.list("providers/"); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	b.delete("providers/aaa")
	b.delete("providers/aaa")
	if got := b.list("providers"); !slices.Equal(got, want[1:]) {
		t.Errorf("%q", got)
	}
	if b.read("providers/aaa") != nil {
		t.Error("it is still there")
	}
}

// Whoever deletes a provider hears which roles are left without.
func TestDeletingAProviderInUseIsTold(t *testing.T) {
	b := newTestBackend(t)
	newEndpoint(t, b)
	if resp := b.do(logical.DeleteOperation, "providers/none", nil); resp != nil {
		t.Errorf("one that nobody has: %v", resp)
	}
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		b.writeRole(name)
	}
	b.write("providers/other", fields{"token_endpoint": "https://other.example.com/"})
	if resp := b.do(logical.DeleteOperation, "providers/other", nil); resp != nil {
		t.Errorf("one that no role names: %v", resp)
	}
	resp := b.do(logical.DeleteOperation, "providers/test", nil)
	if resp == nil || len(resp.Warnings) != 1 || !strings.Contains(resp.Warnings[0], "roles of this provider: 6 (a, b, c, d, e, ...)") {
		t.Fatalf("%v", resp)
	}
	if got := b.data("status/a"); got["state"] != "blocked" || !strings.Contains(got["next_step"].(string), "provider of this role does not exist") {
		t.Errorf("the status says %v", got)
	}
}
