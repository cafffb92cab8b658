package provider_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/provider"
)

// The fields of the path are those of the definition, under the same names: none is forgotten.
func TestProviderFieldsAreTheDefinitions(t *testing.T) {
	var names []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[client.Provider]()) {
		if field.Anonymous {
			continue
		}
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
	b := enginetest.New(t)
	b.Write("providers/mine", enginetest.EveryProviderField)
	for _, c := range []struct {
		f    enginetest.Fields
		want string
	}{
		{enginetest.Fields{"token_endpoint": ""}, "token_endpoint is required"},
		{enginetest.Fields{"token_endpoint": "http://zzz.example/"}, "token_endpoint must start with https://"},
		{enginetest.Fields{"token_endpoint": "zzz.example/token"}, "token_endpoint: it must start with https://"},
		{enginetest.Fields{"token_endpoint": "{tenant}://zzz.example/"}, "token_endpoint: it must start with https://"},
		{enginetest.Fields{"token_endpoint": "https://zzz:zzz@a.example/{tenant}"}, "user name or password"},
		{enginetest.Fields{"token_endpoint": "https://zzz.example/{tenant}#zzz"}, "fragment"},
		{enginetest.Fields{"token_endpoint": "https://zzz.example/{tenant"}, "brace"},
		{enginetest.Fields{"revocation_endpoint": "http://zzz.example/"}, "revocation_endpoint must start with https://"},
		{enginetest.Fields{"introspection_endpoint": "zzz"}, "introspection_endpoint"},
		{enginetest.Fields{"issuer": "http://zzz.example/"}, "issuer must start with https://"},
		{enginetest.Fields{"issuer": "https://zzz.example/?zzz"}, "issuer must be the server's issuer identifier"},
		{enginetest.Fields{"mtls_endpoint_aliases": enginetest.Fields{"token_endpoint": "http://zzz.example/"}}, "mtls_endpoint_aliases, token_endpoint must start with https://"},
		{enginetest.Fields{"mtls_endpoint_aliases": enginetest.Fields{"token_endpoint": ""}}, "mtls_endpoint_aliases, token_endpoint is empty"},
		{enginetest.Fields{"mtls_endpoint_aliases": enginetest.Fields{"zzz": "https://a.example/"}}, "mtls_endpoint_aliases takes token_endpoint"},
		{enginetest.Fields{"token_endpoint_auth_method": "zzz"}, "token_endpoint_auth_method must be one of client_secret_basic"},
		{enginetest.Fields{"basic_encoding": "zzz"}, "basic_encoding must be one of rfc6749, raw"},
		{enginetest.Fields{"request_format": "zzz"}, "request_format must be one of form, multipart, json"},
		{enginetest.Fields{"refresh_token_rotation": "zzz"}, "refresh_token_rotation must be one of always, sometimes, never"},
		{enginetest.Fields{"param_patterns": enginetest.Fields{"other": "zzz"}}, "param_patterns names a parameter that no endpoint uses"},
		{enginetest.Fields{"param_patterns": enginetest.Fields{"tenant": "(zzz"}}, "no valid regular expression"},
		{enginetest.Fields{"param_defaults": enginetest.Fields{"other": "zzz"}}, "param_defaults names a parameter that no endpoint uses"},
		{enginetest.Fields{"param_defaults": enginetest.Fields{"tenant": "zzz.example/x#"}}, "fragment"},
		{enginetest.Fields{"token_params": enginetest.Fields{"client_secret": "zzz"}}, "token_params"},
		{enginetest.Fields{"token_headers": enginetest.Fields{"Authorization": "zzz"}}, "token_headers"},
		{enginetest.Fields{"token_headers": enginetest.Fields{"X-A": "zzz\r\nX-B: zzz"}}, "token_headers"},
		{enginetest.Fields{"idempotency_header": "Authorization"}, "idempotency_header"},
		{enginetest.Fields{"access_token_pointer": "zzz"}, "access_token_pointer"},
		{enginetest.Fields{"access_token_pointer": "/refresh_token"}, "access_token_pointer must not name the refresh token"},
		{enginetest.Fields{"refresh_token_pointer": "/data/token", "access_token_pointer": "/data/token"}, "access_token_pointer must not name the refresh token"},
		{enginetest.Fields{"extra_fields": "refresh_token"}, "extra_fields"},
		{enginetest.Fields{"authorization_endpoint": "http://zzz.example/"}, "authorization_endpoint must start with https://"},
		{enginetest.Fields{"authorization_params": enginetest.Fields{"state": "zzz"}}, "authorization_params must not hold state"},
		{enginetest.Fields{"pkce": "zzz"}, "pkce must be one of S256, none"},
		{enginetest.Fields{"response_mode": "zzz"}, "response_mode must be one of query, form_post"},
		{enginetest.Fields{"callback_checks": enginetest.Fields{"shop": "{zzz"}}, "callback_checks: a brace has no partner"},
		{enginetest.Fields{"account_pointer": "/zzz/email"}, "account_pointer must be a JSON Pointer"},
		{enginetest.Fields{"permanent_errors": "*"}, "permanent_errors"},
		{enginetest.Fields{"docs": strings.Repeat("zzz", 1000)}, "docs is longer"},
	} {
		b.Rejects(enginetest.WriteOp, "providers/mine", c.f, c.want)
		b.Rejects(enginetest.WriteOp, "providers/new", enginetest.With(enginetest.Fields{"token_endpoint": "https://{tenant}.example.com/"}, c.f), c.want)
	}
}

// creds/<role> answers with fields of its own, and Vault Agent reads meaning into some names.
func TestExtraFieldsCantHideTheAnswersOwn(t *testing.T) {
	b := enginetest.New(t)
	for _, name := range append(provider.AnswerNames, "access_token", "refresh_token") {
		for _, f := range []string{name, "/data/" + name} {
			if got := b.Refused(enginetest.WriteOp, "providers/new", enginetest.Fields{"token_endpoint": "https://a.example/", "extra_fields": f}); !strings.Contains(got, "extra_fields") {
				t.Errorf("%s: %s", f, got)
			}
		}
	}
	if stored := b.Storage.Contents(t); len(stored) > 0 {
		t.Errorf("stored %v", stored)
	}
}

// What the operator leaves out reads as what it means, but is not stored: it is the running plugin's
// to say, like the built-in definitions.
func TestProviderDefaults(t *testing.T) {
	b := enginetest.New(t)
	b.Write("providers/mine", enginetest.Fields{"token_endpoint": "https://a.example/"})
	got, defaults := b.Data("providers/mine"), enginetest.Fields{
		"send_scope": true, "token_endpoint_auth_method": "client_secret_basic", "basic_encoding": "rfc6749", "request_format": "form",
		"refresh_token_rotation": "sometimes", "access_token_pointer": "/access_token", "builtin": false,
	}
	for field, want := range defaults {
		if got[field] != want {
			t.Errorf("%s is %v, want %v", field, got[field], want)
		}
	}
	if stored := b.Storage.Contents(t)["provider/mine"]; strings.Contains(stored, "rfc6749") {
		t.Errorf("stored is %s", stored)
	}
}
