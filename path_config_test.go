package oauthrefresh

import (
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

var defaultConfig = map[string]any{
	"request_timeout": int64(30), "ca_certificate": "", "allowed_hosts": []string(nil), "allow_insecure_endpoints": false,
}

func TestConfigKeepsWhatAWriteDoesNotName(t *testing.T) {
	b := newTestBackend(t)
	check := func(want map[string]any) {
		t.Helper()
		got := b.data("config")
		if hosts := got["allowed_hosts"].([]string); len(hosts) == 0 {
			got["allowed_hosts"] = []string(nil)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("config is %v, want %v", got, want)
		}
	}
	check(defaultConfig)
	ca := string(clienttest.CAPEM())
	b.write("config", fields{"request_timeout": "5s", "ca_certificate": ca})
	b.write("config", fields{"allowed_hosts": "*.example.com", "allow_insecure_endpoints": true})
	b.write("config", fields{})
	check(map[string]any{
		"request_timeout": int64(5), "ca_certificate": ca, "allowed_hosts": []string{"*.example.com"}, "allow_insecure_endpoints": true,
	})
	b.write("config", fields{"request_timeout": "", "ca_certificate": "", "allowed_hosts": "", "allow_insecure_endpoints": ""})
	check(defaultConfig)
	b.write("config", fields{"request_timeout": 60, "ca_certificate": ca})
	b.delete("config")
	check(defaultConfig)
	if stored := b.storage.contents(t); len(stored) != 0 {
		t.Errorf("a delete leaves %v", stored)
	}
	b.delete("config") // again: nothing to complain about
}

func TestBadConfigIsRefused(t *testing.T) {
	for name, existing := range map[string]bool{"new": false, "existing": true} {
		b := newTestBackend(t)
		if existing {
			b.write("config", fields{"request_timeout": 7, "allowed_hosts": "a.example"})
		}
		for _, c := range []struct {
			f    fields
			want string
		}{
			{fields{"request_timeout": 0}, "request_timeout must lie between 1s and 1m"},
			{fields{"request_timeout": "61s"}, "request_timeout must lie between 1s and 1m"},
			{fields{"ca_certificate": "garbage"}, "ca_certificate holds no certificate"},
			{fields{"ca_certificate": "-----BEGIN CERTIFICATE-----\nZ2FyYmFnZQ==\n-----END CERTIFICATE-----\n"}, "ca_certificate holds no certificate"},
			{fields{"allowed_hosts": "https://a.example"}, "without scheme, port or path"},
			{fields{"allowed_hosts": "a.example:443"}, "without scheme, port or path"},
			{fields{"allowed_hosts": "a.example/x"}, "without scheme, port or path"},
			{fields{"allowed_hosts": []string{"b.example", ""}}, "without scheme, port or path"},
			{fields{"allowed_hosts": "[zzz"}, "without scheme, port or path"},
			// What is right beside what is wrong is not stored either.
			{fields{"request_timeout": 9, "ca_certificate": "garbage"}, "ca_certificate"},
		} {
			b.rejects(writeOp, "config", c.f, c.want)
		}
		if t.Failed() {
			t.Fatalf("with %s configuration", name)
		}
	}
}

// The bounds hold at every exchange, so that they stop what was written before them.
func TestConfigHoldsFromTheNextExchangeOn(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	newGrant(server)
	b.writeRole("r")
	b.read("creds/r")

	b.write("config", fields{"allowed_hosts": "*.example.com"})
	b.rejects(writeOp, "refresh/r", nil, "not among allowed_hosts")
	b.rejects(writeOp, "revoke/r", nil, "not among allowed_hosts")
	b.rejects(writeOp, "roles/r", fields{"scope": "zzz"}, "not among allowed_hosts")
	b.rejects(writeOp, "providers/test", fields{"docs": "zzz"}, "not among allowed_hosts")
	b.rejects(writeOp, "providers/new", fields{"token_endpoint": "https://zzz.example/"}, "token_endpoint: the endpoint's host is not among")
	b.rejects(writeOp, "providers/new", fields{"token_endpoint": "https://a.example.com/", "revocation_endpoint": "https://zzz.example/"},
		"revocation_endpoint: the endpoint's host is not among")
	b.write("config", fields{"allowed_hosts": "127.0.0.*"})
	b.write("refresh/r", nil)

	b.write("config", fields{"ca_certificate": ""})
	if _, err := b.try(t.Context(), writeOp, "refresh/r", nil); err == nil {
		t.Error("a server of an authority that is no longer trusted is spoken to")
	}
	if n := len(server.Requests()); n != 2 {
		t.Errorf("%d requests arrived", n)
	}
}

func TestInsecureEndpointsNeedTheConfig(t *testing.T) {
	b := newTestBackend(t)
	server := clienttest.New(t, clienttest.Options{Plain: true})
	newGrant(server)
	plain := fields{"token_endpoint": server.URL() + "/token"}
	b.rejects(writeOp, "providers/test", plain, "token_endpoint must start with https://")
	b.rejects(writeOp, "providers/test", fields{"token_endpoint": "https://a.example/", "revocation_endpoint": "http://a.example/"},
		"revocation_endpoint must start with https://")
	b.write("config", fields{"allow_insecure_endpoints": true})
	b.write("providers/test", plain)
	b.writeRole("r")
	b.read("creds/r")

	b.write("config", fields{"allow_insecure_endpoints": false})
	b.rejects(writeOp, "refresh/r", nil, "must start with https://")
	b.rejects(writeOp, "roles/r", fields{"scope": "zzz"}, "must start with https://")
	if n := len(server.Requests()); n != 1 {
		t.Errorf("%d requests arrived", n)
	}
}

func TestDamagedEntriesAreNotQuoted(t *testing.T) {
	for _, key := range []string{"config", "role/r", "provider/test", "token/r"} {
		b := newMount(t)
		entry := &logical.StorageEntry{Key: key, Value: []byte(`{"` + canary + `": "` + canary)}
		if err := b.storage.InmemStorage.Put(t.Context(), entry); err != nil {
			t.Fatal(err)
		}
		_, err := b.try(t.Context(), writeOp, "refresh/r", nil)
		if err == nil || !strings.Contains(err.Error(), key) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", key, err)
		}
	}
}
