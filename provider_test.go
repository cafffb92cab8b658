package oauthrefresh

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/provider"
)

// The fields of the path are those of the definition, under the same names: none is forgotten.
func TestProviderFieldsAreTheDefinitions(t *testing.T) {
	var names []string
	for field := range reflect.TypeFor[client.Provider]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
	}
	slices.Sort(names)
	fields := provider.Fields(new(client.Provider)).Schema()
	delete(fields, "name")
	if got := slices.Sorted(maps.Keys(fields)); !slices.Equal(got, names) {
		t.Errorf("the path has\n%q\nthe definition has\n%q", got, names)
	}
}

// Each is wrong for a new definition and for one that exists, which stays as it was.
func TestBadProvidersAreRefused(t *testing.T) {
	b := newTestBackend(t)
	b.write("providers/mine", everyProviderField)
	for _, c := range []struct {
		f    fields
		want string
	}{
		{fields{"token_endpoint": ""}, "token_endpoint is required"},
		{fields{"token_endpoint": "http://zzz.example/"}, "token_endpoint must start with https://"},
		{fields{"token_endpoint": "zzz.example/token"}, "token_endpoint: it must start with https://"},
		{fields{"token_endpoint": "{tenant}://zzz.example/"}, "token_endpoint: it must start with https://"},
		{fields{"token_endpoint": "https://zzz:zzz@a.example/{tenant}"}, "user name or password"},
		{fields{"token_endpoint": "https://zzz.example/{tenant}#zzz"}, "fragment"},
		{fields{"token_endpoint": "https://zzz.example/{tenant"}, "brace"},
		{fields{"revocation_endpoint": "http://zzz.example/"}, "revocation_endpoint must start with https://"},
		{fields{"introspection_endpoint": "zzz"}, "introspection_endpoint"},
		{fields{"issuer": "http://zzz.example/"}, "issuer must start with https://"},
		{fields{"issuer": "https://zzz.example/?zzz"}, "issuer must be the server's issuer identifier"},
		{fields{"mtls_endpoint_aliases": fields{"token_endpoint": "http://zzz.example/"}}, "mtls_endpoint_aliases, token_endpoint must start with https://"},
		{fields{"mtls_endpoint_aliases": fields{"token_endpoint": ""}}, "mtls_endpoint_aliases, token_endpoint is empty"},
		{fields{"mtls_endpoint_aliases": fields{"zzz": "https://a.example/"}}, "mtls_endpoint_aliases takes token_endpoint"},
		{fields{"token_endpoint_auth_method": "zzz"}, "token_endpoint_auth_method must be one of client_secret_basic"},
		{fields{"basic_encoding": "zzz"}, "basic_encoding must be one of rfc6749, raw"},
		{fields{"request_format": "zzz"}, "request_format must be one of form, multipart, json"},
		{fields{"refresh_token_rotation": "zzz"}, "refresh_token_rotation must be one of always, sometimes, never"},
		{fields{"param_patterns": fields{"other": "zzz"}}, "param_patterns names a parameter that no endpoint uses"},
		{fields{"param_patterns": fields{"tenant": "(zzz"}}, "no valid regular expression"},
		{fields{"param_defaults": fields{"other": "zzz"}}, "param_defaults names a parameter that no endpoint uses"},
		{fields{"param_defaults": fields{"tenant": "zzz.example/x#"}}, "fragment"},
		{fields{"token_params": fields{"client_secret": "zzz"}}, "token_params"},
		{fields{"token_headers": fields{"Authorization": "zzz"}}, "token_headers"},
		{fields{"token_headers": fields{"X-A": "zzz\r\nX-B: zzz"}}, "token_headers"},
		{fields{"idempotency_header": "Authorization"}, "idempotency_header"},
		{fields{"access_token_pointer": "zzz"}, "access_token_pointer"},
		{fields{"access_token_pointer": "/refresh_token"}, "access_token_pointer must not name the refresh token"},
		{fields{"refresh_token_pointer": "/data/token", "access_token_pointer": "/data/token"}, "access_token_pointer must not name the refresh token"},
		{fields{"extra_fields": "refresh_token"}, "extra_fields"},
		{fields{"permanent_errors": "*"}, "permanent_errors"},
		{fields{"docs": strings.Repeat("zzz", 1000)}, "docs is longer"},
	} {
		b.rejects(writeOp, "providers/mine", c.f, c.want)
		b.rejects(writeOp, "providers/new", with(fields{"token_endpoint": "https://{tenant}.example.com/"}, c.f), c.want)
	}
}

// creds/<role> answers with fields of its own, and Vault Agent reads meaning into some names.
func TestExtraFieldsCantHideTheAnswersOwn(t *testing.T) {
	b := newTestBackend(t)
	for _, name := range append(provider.AnswerNames, "access_token", "refresh_token") {
		for _, f := range []string{name, "/data/" + name} {
			if got := b.refused(writeOp, "providers/new", fields{"token_endpoint": "https://a.example/", "extra_fields": f}); !strings.Contains(got, "extra_fields") {
				t.Errorf("%s: %s", f, got)
			}
		}
	}
	if stored := b.storage.contents(t); len(stored) > 0 {
		t.Errorf("stored %v", stored)
	}
}

// What the operator leaves out reads as what it means, but is not stored: it is the running plugin's
// to say, like the built-in definitions.
func TestProviderDefaults(t *testing.T) {
	b := newTestBackend(t)
	b.write("providers/mine", fields{"token_endpoint": "https://a.example/"})
	got, defaults := b.data("providers/mine"), fields{
		"send_scope": true, "token_endpoint_auth_method": "client_secret_basic", "basic_encoding": "rfc6749", "request_format": "form",
		"refresh_token_rotation": "sometimes", "access_token_pointer": "/access_token", "builtin": false,
	}
	for field, want := range defaults {
		if got[field] != want {
			t.Errorf("%s is %v, want %v", field, got[field], want)
		}
	}
	if stored := b.storage.contents(t)["provider/mine"]; strings.Contains(stored, "rfc6749") {
		t.Errorf("stored is %s", stored)
	}
}
