package role_test

import (
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// badRoles are wrong whatever else a role says.
var badRoles = []struct {
	f    enginetest.Fields
	want string
}{
	{enginetest.Fields{"provider": ""}, "provider is required"},
	{enginetest.Fields{"provider": "zzz"}, "the provider of this role does not exist"},
	{enginetest.Fields{"provider": "zzz", "client_id": "", "grant_type": "zzz", "refresh_token": "zzz\nzzz"}, "the provider of this role does not exist"},
	{enginetest.Fields{"provider": "../config"}, "the provider of this role does not exist"},
	{enginetest.Fields{"provider": "zzz/../test"}, "the provider of this role does not exist"},
	{enginetest.Fields{"provider": strings.Repeat("zzz", 1000)}, "the provider of this role does not exist"},
	{enginetest.Fields{"provider_params": enginetest.Fields{"zzz": "zzz"}}, "provider_params: this provider takes no parameters"},
	{enginetest.Fields{"provider_params": "=zzz"}, "provider_params must be key=value"},
	{enginetest.Fields{"provider": "pingone"}, `the provider parameter "environment_id" is missing`},
	{enginetest.Fields{"provider": "pingone", "provider_params": enginetest.Fields{"zzz": "zzz"}}, "unknown provider parameter"},
	{enginetest.Fields{"provider": "pingone", "provider_params": enginetest.Fields{"environment_id": "zzz"}}, `the provider parameter "environment_id" does not have the form`},
	{enginetest.Fields{"provider": "plain"}, "must start with https://"},
	{enginetest.Fields{"provider": "outside"}, "not among allowed_hosts"},
	{enginetest.Fields{"provider": "inside", "provider_params": enginetest.Fields{"host": "zzz.example"}}, "not among allowed_hosts"},
	{enginetest.Fields{"provider": "isabel-connect", "provider_params": ""}, "allowed_hosts"},
	{enginetest.Fields{"grant_type": "password"}, "grant_type must be refresh_token, client_credentials or jwt-bearer"},
	{enginetest.Fields{"grant_type": "zzz"}, "grant_type must be refresh_token, client_credentials or jwt-bearer"},
	{enginetest.Fields{"token_mode": "zzz"}, "token_mode must be shared"},
	{enginetest.Fields{"client_id": ""}, "client_id is required"},
	{enginetest.Fields{"client_id": "\r\n"}, "client_id is required"},
	{enginetest.Fields{"client_id": "zzz\nzzz"}, "client_id holds a line break"},
	{enginetest.Fields{"client_secret": ""}, "client_secret is required: this provider authenticates clients with client_secret_post"},
	{enginetest.Fields{"client_secret": ""}, "set token_endpoint_auth_method on the role, none for one without a secret"},
	{enginetest.Fields{"client_secret": "\n"}, "client_secret is required"},
	{enginetest.Fields{"client_secret": "   "}, "client_secret is blank"},
	{enginetest.Fields{"client_secret": "zzz\nzzz\n"}, "client_secret holds a line break"},
	{enginetest.Fields{"client_secret": "zzz\x00zzz"}, "client_secret holds a line break or another control character"},
	{enginetest.Fields{"refresh_token": ""}, "refresh_token is required"},
	{enginetest.Fields{"refresh_token": "\n"}, "refresh_token is required"},
	{enginetest.Fields{"refresh_token": "zzz\r\nzzz"}, "refresh_token holds a line break"},
	{enginetest.Fields{"refresh_token": "zzz\tzzz"}, "refresh_token holds a line break or another control character"},
	{enginetest.Fields{"refresh_token": "\nzzz\nzzz\n"}, "refresh_token holds a line break"},
	{enginetest.Fields{"refresh_token": "zzz\u2028zzz"}, "refresh_token holds a line break or another control character"},
	{enginetest.Fields{"refresh_token": "zzz\u0085zzz"}, "refresh_token holds a line break or another control character"},
	{enginetest.Fields{"refresh_token": "\ufeffzzz"}, "refresh_token holds a line break or another control character"},
	{enginetest.Fields{"scope": "zzz\nzzz"}, "scope holds a line break"},
	{enginetest.Fields{"token_endpoint_auth_method": "zzz"}, "token_endpoint_auth_method must be one of client_secret_basic"},
	{enginetest.Fields{"token_endpoint_auth_method": "tls_client_auth"}, "needs a client certificate"},
	{enginetest.Fields{"request_format": "zzz"}, "request_format must be one of form, multipart, json"},
	{enginetest.Fields{"ca_certificate": "zzz"}, "ca_certificate holds no certificate"},
	{enginetest.Fields{"token_params": enginetest.Fields{"refresh_token": "zzz"}}, "token_params"},
	{enginetest.Fields{"token_params": enginetest.Fields{"": "zzz"}}, "token_params"},
	{enginetest.Fields{"token_headers": enginetest.Fields{"Authorization": "zzz"}}, "token_headers"},
	{enginetest.Fields{"token_headers": enginetest.Fields{"X-A": "zzz\r\nX-B: zzz"}}, "token_headers"},
	{enginetest.Fields{"token_headers": enginetest.Fields{"zzz zzz": "zzz"}}, "token_headers"},
	{enginetest.Fields{"ttl": "4s"}, "ttl must be at least 5s"},
	{enginetest.Fields{"ttl": -1}, "ttl must be"},
	{enginetest.Fields{"assumed_token_ttl": "100000h"}, "assumed_token_ttl must be at most 10 years"},
	{enginetest.Fields{"refresh_window": "-1m"}, "refresh_window must be"},
	{enginetest.Fields{"keepalive_period": "9s"}, "keepalive_period must be at least 10s"},
	{enginetest.Fields{"keepalive_period": "zzz"}, "keepalive_period must be"},
	{enginetest.Fields{"max_refreshes_per_day": -1}, "max_refreshes_per_day must lie between 1 and 1000000, or be 0 for none"},
	{enginetest.Fields{"max_refreshes_per_day": 1000001}, "max_refreshes_per_day must lie between 1 and 1000000"},
	{enginetest.Fields{"max_refreshes_per_day": "2.5"}, "max_refreshes_per_day must be a whole number"},
	{enginetest.Fields{"lease": "zzz"}, "lease must be true or false"},
}

// newBadRoleMount has the providers that badRoles name.
func newBadRoleMount(t *testing.T) (*enginetest.Mount, *clienttest.Server) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	enginetest.NewGrant(server)
	b.Write("config", enginetest.Fields{"allow_insecure_endpoints": true})
	b.Write("providers/plain", enginetest.Fields{"token_endpoint": "http://127.0.0.1:1/"})
	b.Write("providers/outside", enginetest.Fields{"token_endpoint": "https://zzz.example/"})
	b.Write("providers/inside", enginetest.Fields{"token_endpoint": "https://{host}/"})
	b.Write("config", enginetest.Fields{"allow_insecure_endpoints": false, "allowed_hosts": "127.0.0.1"})
	return b, server
}

func TestBadRolesAreRefused(t *testing.T) {
	b, server := newBadRoleMount(t)
	b.WriteRole("r")
	b.Read("creds/r")
	before := len(server.Requests())
	for _, c := range badRoles {
		b.Rejects(enginetest.WriteOp, "roles/r", c.f, c.want)
		b.Rejects(enginetest.PatchOp, "roles/r", c.f, c.want)
		b.RefusedNewRole(c.f, c.want)
	}
	if got := b.Refused(enginetest.WriteOp, "roles/r", enginetest.Fields{"token_mode": "per_lease"}); !strings.Contains(got, "use shared") {
		t.Errorf("per_lease: %s", got)
	}
	if n := len(server.Requests()); n != before {
		t.Errorf("%d requests were sent", n-before)
	}
	// What was there goes on as if nothing had been tried.
	if got := b.Data("creds/r")["generation"]; got != int64(1) {
		t.Errorf("generation %v", got)
	}
}

// A new role lacks what it does not name; one that exists keeps it.
func TestNewRolesNeedTheirFields(t *testing.T) {
	b, _ := newBadRoleMount(t)
	for field, want := range map[string]string{
		"provider": "provider is required", "client_id": "client_id is required",
		"client_secret": "client_secret is required", "refresh_token": "refresh_token is required",
	} {
		b.RefusedNewRole(enginetest.Fields{field: nil}, want)
	}
	b.Rejects(enginetest.PatchOp, "roles/new", enginetest.Fields{"scope": "zzz"}, "there is no role of this name")
	// A public client has no secret, a client_credentials role no refresh token.
	b.WriteRole("public", enginetest.Fields{"client_secret": nil, "token_endpoint_auth_method": "none"})
	b.WriteRole("machine", enginetest.Fields{"refresh_token": nil, "grant_type": "client_credentials"})
}

// Nobody who may write provider_params can lead the secrets to a host or path of their own.
func TestProviderParamsMoveNothing(t *testing.T) {
	b := enginetest.New(t)
	for _, name := range []string{"domain", "site"} {
		for _, value := range []string{
			"evil.example/x#", "evil.example", "evil.example?", "evil.example/", "a@evil.example", "login.salesforce.com@evil.example",
			"evil.example:8443", "login.salesforce.com:8443", "evil.example\\login.salesforce.com", "evil.example%2f.salesforce.com",
			"evil.example/.salesforce.com", "login.salesforce.com.evil.example", "evilsalesforce.com", "..", "/../x", "/a/../x", "//evil.example",
			"{site}", "{domain}", "login.salesforce.com\n", "login.salesforce.com ", "ünïcode.salesforce.com", "\u2215evil.salesforce.com",
			"/x?y", "/x#y", "/x;y", "/%2e%2e", strings.Repeat("a", 300) + ".salesforce.com",
		} {
			got := b.Refused(enginetest.WriteOp, "roles/r", enginetest.RoleOf("salesforce", enginetest.Fields{"provider_params": enginetest.Fields{name: value}}))
			if !strings.Contains(got, "does not have the form") || len(value) > 4 && strings.Contains(got, value) {
				t.Errorf("%s=%q: %s", name, value, got)
			}
		}
	}
	if stored := b.Storage.Contents(t); len(stored) > 0 {
		t.Errorf("stored %v", stored)
	}
	b.Write("roles/r", enginetest.RoleOf("salesforce", enginetest.Fields{"provider_params": enginetest.Fields{"domain": "acme--uat.sandbox.my.salesforce.com", "site": "/partners"}}))
}

// Blanks around what else identifies a client are sent, and told of by the write that brings them.
func TestBlanksAroundAClientsCredentials(t *testing.T) {
	b := enginetest.New(t)
	enginetest.NewGrant(enginetest.NewEndpoint(t, b))
	b.WriteRole("r", nil)
	for field, written := range map[string]string{
		"client_id": "the-client ", "client_secret": " " + enginetest.Canary, "next_client_secret": enginetest.Canary + "\u00a0", "previous_client_secret": "\t" + enginetest.Canary,
	} {
		resp := b.Write("roles/r", enginetest.Fields{field: strings.ReplaceAll(written, "\t", "\u2003")})
		if resp == nil || len(resp.Warnings) != 1 || !strings.HasPrefix(resp.Warnings[0], field+" begins or ends with a blank") || strings.Contains(resp.Warnings[0], enginetest.Canary) {
			t.Errorf("%s: %v", field, resp)
		}
	}
	if resp := b.Write("roles/r", enginetest.Fields{"client_secret": `"'` + enginetest.Canary}); resp != nil && len(resp.Warnings) > 0 {
		t.Errorf("told %v of a secret without blanks", resp.Warnings)
	}
}

// Line ends around a refresh token are not sent; what else looks as if it were copied along is, and is told.
func TestWhatIsCopiedAlongWithARefreshToken(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	server.Handle(enginetest.Always(enginetest.TokenAnswer("a1", enginetest.Canary+"r1")))
	for written, c := range map[string]struct {
		sent string
		told bool
	}{
		enginetest.Canary + "one":                {enginetest.Canary + "one", false},
		enginetest.Canary + "two\r\n":            {enginetest.Canary + "two", false},
		"\n" + enginetest.Canary + "three\n\n":   {enginetest.Canary + "three", false},
		" " + enginetest.Canary + "four":         {" " + enginetest.Canary + "four", true},
		`"` + enginetest.Canary + `five"`:        {`"` + enginetest.Canary + `five"`, true},
		enginetest.Canary + `six\n` + "and more": {enginetest.Canary + `six\n` + "and more", true},
		enginetest.Canary + "seven+/=~.-_":       {enginetest.Canary + "seven+/=~.-_", false},
		enginetest.Canary + "eight\u00a0":        {enginetest.Canary + "eight\u00a0", true},
		"the_refresh_token_" + enginetest.Canary: {"the_refresh_token_" + enginetest.Canary, false}, // as Isabel's own sandbox names it
		"refresh_token=" + enginetest.Canary:     {"refresh_token=" + enginetest.Canary, true},
		"Bearer " + enginetest.Canary:            {"Bearer " + enginetest.Canary, true},
		`{"token":"` + enginetest.Canary + `"}`:  {`{"token":"` + enginetest.Canary + `"}`, true},
	} {
		resp := b.Write("roles/r", enginetest.RoleOf("test", enginetest.Fields{"refresh_token": written}))
		if told := resp != nil && len(resp.Warnings) > 0; told != c.told || told && strings.Contains(resp.Warnings[0], enginetest.Canary) {
			t.Errorf("%q: told %v", written, resp)
		}
		b.Read("creds/r")
		if got := server.Requests(); got[len(got)-1].Form.Get("refresh_token") != c.sent {
			t.Errorf("%q is sent as %q", written, got[len(got)-1].Form.Get("refresh_token"))
		}
	}
}
