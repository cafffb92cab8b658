package oauthrefresh

import (
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// badRoles are wrong whatever else a role says.
var badRoles = []struct {
	f    fields
	want string
}{
	{fields{"provider": ""}, "provider is required"},
	{fields{"provider": "zzz"}, "the provider of this role does not exist"},
	{fields{"provider": "zzz", "client_id": "", "grant_type": "zzz", "refresh_token": "zzz\nzzz"}, "the provider of this role does not exist"},
	{fields{"provider": "../config"}, "the provider of this role does not exist"},
	{fields{"provider": "zzz/../test"}, "the provider of this role does not exist"},
	{fields{"provider": strings.Repeat("zzz", 1000)}, "the provider of this role does not exist"},
	{fields{"provider_params": fields{"zzz": "zzz"}}, "provider_params: this provider takes no parameters"},
	{fields{"provider_params": "=zzz"}, "provider_params must be key=value"},
	{fields{"provider": "pingone"}, `the provider parameter "environment_id" is missing`},
	{fields{"provider": "pingone", "provider_params": fields{"zzz": "zzz"}}, "unknown provider parameter"},
	{fields{"provider": "pingone", "provider_params": fields{"environment_id": "zzz"}}, `the provider parameter "environment_id" does not have the form`},
	{fields{"provider": "plain"}, "must start with https://"},
	{fields{"provider": "outside"}, "not among allowed_hosts"},
	{fields{"provider": "inside", "provider_params": fields{"host": "zzz.example"}}, "not among allowed_hosts"},
	{fields{"provider": "isabel-connect", "provider_params": ""}, "allowed_hosts"},
	{fields{"grant_type": "password"}, "grant_type must be refresh_token, client_credentials or jwt-bearer"},
	{fields{"grant_type": "zzz"}, "grant_type must be refresh_token, client_credentials or jwt-bearer"},
	{fields{"token_mode": "zzz"}, "token_mode must be shared"},
	{fields{"client_id": ""}, "client_id is required"},
	{fields{"client_id": "\r\n"}, "client_id is required"},
	{fields{"client_id": "zzz\nzzz"}, "client_id holds a line break"},
	{fields{"client_secret": ""}, "client_secret is required: this provider authenticates clients with client_secret_post"},
	{fields{"client_secret": ""}, "set token_endpoint_auth_method on the role, none for one without a secret"},
	{fields{"client_secret": "\n"}, "client_secret is required"},
	{fields{"client_secret": "   "}, "client_secret is blank"},
	{fields{"client_secret": "zzz\nzzz\n"}, "client_secret holds a line break"},
	{fields{"client_secret": "zzz\x00zzz"}, "client_secret holds a line break or another control character"},
	{fields{"refresh_token": ""}, "refresh_token is required"},
	{fields{"refresh_token": "\n"}, "refresh_token is required"},
	{fields{"refresh_token": "zzz\r\nzzz"}, "refresh_token holds a line break"},
	{fields{"refresh_token": "zzz\tzzz"}, "refresh_token holds a line break or another control character"},
	{fields{"refresh_token": "\nzzz\nzzz\n"}, "refresh_token holds a line break"},
	{fields{"refresh_token": "zzz\u2028zzz"}, "refresh_token holds a line break or another control character"},
	{fields{"refresh_token": "zzz\u0085zzz"}, "refresh_token holds a line break or another control character"},
	{fields{"refresh_token": "\ufeffzzz"}, "refresh_token holds a line break or another control character"},
	{fields{"scope": "zzz\nzzz"}, "scope holds a line break"},
	{fields{"token_endpoint_auth_method": "zzz"}, "token_endpoint_auth_method must be one of client_secret_basic"},
	{fields{"token_endpoint_auth_method": "tls_client_auth"}, "needs a client certificate"},
	{fields{"request_format": "zzz"}, "request_format must be one of form, multipart, json"},
	{fields{"ca_certificate": "zzz"}, "ca_certificate holds no certificate"},
	{fields{"token_params": fields{"refresh_token": "zzz"}}, "token_params"},
	{fields{"token_params": fields{"": "zzz"}}, "token_params"},
	{fields{"token_headers": fields{"Authorization": "zzz"}}, "token_headers"},
	{fields{"token_headers": fields{"X-A": "zzz\r\nX-B: zzz"}}, "token_headers"},
	{fields{"token_headers": fields{"zzz zzz": "zzz"}}, "token_headers"},
	{fields{"ttl": "4s"}, "ttl must be at least 5s"},
	{fields{"ttl": -1}, "ttl must be"},
	{fields{"assumed_token_ttl": "100000h"}, "assumed_token_ttl must be at most 10 years"},
	{fields{"refresh_window": "-1m"}, "refresh_window must be"},
	{fields{"keepalive_period": "9s"}, "keepalive_period must be at least 10s"},
	{fields{"keepalive_period": "zzz"}, "keepalive_period must be"},
	{fields{"lease": "zzz"}, "lease must be true or false"},
}

// newBadRoleMount has the providers that badRoles name.
func newBadRoleMount(t *testing.T) (*testBackend, *clienttest.Server) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	newGrant(server)
	b.write("config", fields{"allow_insecure_endpoints": true})
	b.write("providers/plain", fields{"token_endpoint": "http://127.0.0.1:1/"})
	b.write("providers/outside", fields{"token_endpoint": "https://zzz.example/"})
	b.write("providers/inside", fields{"token_endpoint": "https://{host}/"})
	b.write("config", fields{"allow_insecure_endpoints": false, "allowed_hosts": "127.0.0.1"})
	return b, server
}

func TestBadRolesAreRefused(t *testing.T) {
	b, server := newBadRoleMount(t)
	b.writeRole("r")
	b.read("creds/r")
	before := len(server.Requests())
	for _, c := range badRoles {
		b.rejects(writeOp, "roles/r", c.f, c.want)
		b.rejects(patchOp, "roles/r", c.f, c.want)
		b.refusedNewRole(c.f, c.want)
	}
	if got := b.refused(writeOp, "roles/r", fields{"token_mode": "per_lease"}); !strings.Contains(got, "use shared") {
		t.Errorf("per_lease: %s", got)
	}
	if n := len(server.Requests()); n != before {
		t.Errorf("%d requests were sent", n-before)
	}
	// What was there goes on as if nothing had been tried.
	if got := b.data("creds/r")["generation"]; got != int64(1) {
		t.Errorf("generation %v", got)
	}
}

// refusedNewRole wants a role with these fields to be refused, and none of their values repeated.
// The other fields' values are words that sentences may hold.
func (b *testBackend) refusedNewRole(f fields, want string) {
	b.t.Helper()
	got := b.refused(writeOp, "roles/new", roleOf("test", f))
	if !strings.Contains(got, want) || strings.Contains(got, "zzz") || strings.Contains(got, canary) {
		b.t.Errorf("a new role with %v: %q, want %q", f, got, want)
	}
	if _, stored := b.storage.contents(b.t)["role/new"]; stored {
		b.t.Fatalf("a new role with %v is stored", f)
	}
}

// A new role lacks what it does not name; one that exists keeps it.
func TestNewRolesNeedTheirFields(t *testing.T) {
	b, _ := newBadRoleMount(t)
	for field, want := range map[string]string{
		"provider": "provider is required", "client_id": "client_id is required",
		"client_secret": "client_secret is required", "refresh_token": "refresh_token is required",
	} {
		b.refusedNewRole(fields{field: nil}, want)
	}
	b.rejects(patchOp, "roles/new", fields{"scope": "zzz"}, "there is no role of this name")
	// A public client has no secret, a client_credentials role no refresh token.
	b.writeRole("public", fields{"client_secret": nil, "token_endpoint_auth_method": "none"})
	b.writeRole("machine", fields{"refresh_token": nil, "grant_type": "client_credentials"})
}

// Nobody who may write provider_params can lead the secrets to a host or path of their own.
func TestProviderParamsMoveNothing(t *testing.T) {
	b := newTestBackend(t)
	for _, name := range []string{"domain", "site"} {
		for _, value := range []string{
			"evil.example/x#", "evil.example", "evil.example?", "evil.example/", "a@evil.example", "login.salesforce.com@evil.example",
			"evil.example:8443", "login.salesforce.com:8443", "evil.example\\login.salesforce.com", "evil.example%2f.salesforce.com",
			"evil.example/.salesforce.com", "login.salesforce.com.evil.example", "evilsalesforce.com", "..", "/../x", "/a/../x", "//evil.example",
			"{site}", "{domain}", "login.salesforce.com\n", "login.salesforce.com ", "ünïcode.salesforce.com", "\u2215evil.salesforce.com",
			"/x?y", "/x#y", "/x;y", "/%2e%2e", strings.Repeat("a", 300) + ".salesforce.com",
		} {
			got := b.refused(writeOp, "roles/r", roleOf("salesforce", fields{"provider_params": fields{name: value}}))
			if !strings.Contains(got, "does not have the form") || len(value) > 4 && strings.Contains(got, value) {
				t.Errorf("%s=%q: %s", name, value, got)
			}
		}
	}
	if stored := b.storage.contents(t); len(stored) > 0 {
		t.Errorf("stored %v", stored)
	}
	b.write("roles/r", roleOf("salesforce", fields{"provider_params": fields{"domain": "acme--uat.sandbox.my.salesforce.com", "site": "/partners"}}))
}

// Blanks around what else identifies a client are sent, and told of by the write that brings them.
func TestBlanksAroundAClientsCredentials(t *testing.T) {
	b := newTestBackend(t)
	newGrant(newEndpoint(t, b))
	b.writeRole("r", nil)
	for field, written := range map[string]string{
		"client_id": "the-client ", "client_secret": " " + canary, "next_client_secret": canary + "\u00a0", "previous_client_secret": "\t" + canary,
	} {
		resp := b.write("roles/r", fields{field: strings.ReplaceAll(written, "\t", "\u2003")})
		if resp == nil || len(resp.Warnings) != 1 || !strings.HasPrefix(resp.Warnings[0], field+" begins or ends with a blank") || strings.Contains(resp.Warnings[0], canary) {
			t.Errorf("%s: %v", field, resp)
		}
	}
	if resp := b.write("roles/r", fields{"client_secret": `"'` + canary}); resp != nil && len(resp.Warnings) > 0 {
		t.Errorf("told %v of a secret without blanks", resp.Warnings)
	}
}

// Line ends around a refresh token are not sent; what else looks as if it were copied along is, and is told.
func TestWhatIsCopiedAlongWithARefreshToken(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	server.Handle(always(tokenAnswer("a1", canary+"r1")))
	for written, c := range map[string]struct {
		sent string
		told bool
	}{
		canary + "one":                {canary + "one", false},
		canary + "two\r\n":            {canary + "two", false},
		"\n" + canary + "three\n\n":   {canary + "three", false},
		" " + canary + "four":         {" " + canary + "four", true},
		`"` + canary + `five"`:        {`"` + canary + `five"`, true},
		canary + `six\n` + "and more": {canary + `six\n` + "and more", true},
		canary + "seven+/=~.-_":       {canary + "seven+/=~.-_", false},
		canary + "eight\u00a0":        {canary + "eight\u00a0", true},
		"refresh_token=" + canary:     {"refresh_token=" + canary, true},
		"Bearer " + canary:            {"Bearer " + canary, true},
		`{"token":"` + canary + `"}`:  {`{"token":"` + canary + `"}`, true},
	} {
		resp := b.write("roles/r", roleOf("test", fields{"refresh_token": written}))
		if told := resp != nil && len(resp.Warnings) > 0; told != c.told || told && strings.Contains(resp.Warnings[0], canary) {
			t.Errorf("%q: told %v", written, resp)
		}
		b.read("creds/r")
		if got := server.Requests(); got[len(got)-1].Form.Get("refresh_token") != c.sent {
			t.Errorf("%q is sent as %q", written, got[len(got)-1].Form.Get("refresh_token"))
		}
	}
}
