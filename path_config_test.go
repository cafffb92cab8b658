package oauthrefresh_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

var defaultConfig = map[string]any{
	"request_timeout": int64(30), "ca_certificate": "", "allowed_hosts": []string(nil), "allow_insecure_endpoints": false,
}

func TestConfigKeepsWhatAWriteDoesNotName(t *testing.T) {
	b := enginetest.New(t)
	check := func(want map[string]any) {
		t.Helper()
		got := b.Data("config")
		if hosts := got["allowed_hosts"].([]string); len(hosts) == 0 {
			got["allowed_hosts"] = []string(nil)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("config is %v, want %v", got, want)
		}
	}
	check(defaultConfig)
	ca := string(clienttest.CAPEM())
	b.Write("config", enginetest.Fields{"request_timeout": "5s", "ca_certificate": ca})
	b.Write("config", enginetest.Fields{"allowed_hosts": "*.example.com", "allow_insecure_endpoints": true})
	b.Write("config", enginetest.Fields{})
	check(map[string]any{
		"request_timeout": int64(5), "ca_certificate": ca, "allowed_hosts": []string{"*.example.com"}, "allow_insecure_endpoints": true,
	})
	b.Write("config", enginetest.Fields{"request_timeout": "", "ca_certificate": "", "allowed_hosts": "", "allow_insecure_endpoints": ""})
	check(defaultConfig)
	b.Write("config", enginetest.Fields{"request_timeout": 60, "ca_certificate": ca})
	b.Delete("config")
	check(defaultConfig)
	if stored := b.Storage.Contents(t); len(stored) != 0 {
		t.Errorf("a delete leaves %v", stored)
	}
	b.Delete("config") // again: nothing to complain about
}

func TestBadConfigIsRefused(t *testing.T) {
	for name, existing := range map[string]bool{"new": false, "existing": true} {
		b := enginetest.New(t)
		if existing {
			b.Write("config", enginetest.Fields{"request_timeout": 7, "allowed_hosts": "a.example"})
		}
		for _, c := range []struct {
			f    enginetest.Fields
			want string
		}{
			{enginetest.Fields{"request_timeout": 0}, "request_timeout must lie between 1s and 1m"},
			{enginetest.Fields{"request_timeout": "61s"}, "request_timeout must lie between 1s and 1m"},
			{enginetest.Fields{"ca_certificate": "garbage"}, "ca_certificate holds no certificate"},
			{enginetest.Fields{"ca_certificate": "-----BEGIN CERTIFICATE-----\nZ2FyYmFnZQ==\n-----END CERTIFICATE-----\n"}, "ca_certificate holds no certificate"},
			{enginetest.Fields{"allowed_hosts": "https://a.example"}, "without scheme, port or path"},
			{enginetest.Fields{"allowed_hosts": "a.example:443"}, "without scheme, port or path"},
			{enginetest.Fields{"allowed_hosts": "a.example/x"}, "without scheme, port or path"},
			{enginetest.Fields{"allowed_hosts": []string{"b.example", ""}}, "without scheme, port or path"},
			{enginetest.Fields{"allowed_hosts": "[zzz"}, "without scheme, port or path"},
			// What is right beside what is wrong is not stored either.
			{enginetest.Fields{"request_timeout": 9, "ca_certificate": "garbage"}, "ca_certificate"},
		} {
			b.Rejects(enginetest.WriteOp, "config", c.f, c.want)
		}
		if t.Failed() {
			t.Fatalf("with %s configuration", name)
		}
	}
}

// The bounds hold at every exchange, so that they stop what was written before them.
func TestConfigHoldsFromTheNextExchangeOn(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	enginetest.NewGrant(server)
	b.WriteRole("r")
	b.Read("creds/r")

	b.Write("config", enginetest.Fields{"allowed_hosts": "*.example.com"})
	b.Rejects(enginetest.WriteOp, "refresh/r", nil, "not among allowed_hosts")
	b.Rejects(enginetest.WriteOp, "revoke/r", nil, "not among allowed_hosts")
	b.Rejects(enginetest.WriteOp, "roles/r", enginetest.Fields{"scope": "zzz"}, "not among allowed_hosts")
	b.Rejects(enginetest.WriteOp, "providers/test", enginetest.Fields{"docs": "zzz"}, "not among allowed_hosts")
	b.Rejects(enginetest.WriteOp, "providers/new", enginetest.Fields{"token_endpoint": "https://zzz.example/"}, "token_endpoint: the endpoint's host is not among")
	b.Rejects(enginetest.WriteOp, "providers/new", enginetest.Fields{"token_endpoint": "https://a.example.com/", "revocation_endpoint": "https://zzz.example/"},
		"revocation_endpoint: the endpoint's host is not among")
	b.Write("config", enginetest.Fields{"allowed_hosts": "127.0.0.*"})
	b.Write("refresh/r", nil)

	b.Write("config", enginetest.Fields{"ca_certificate": ""})
	if _, err := b.Try(t.Context(), enginetest.WriteOp, "refresh/r", nil); err == nil {
		t.Error("a server of an authority that is no longer trusted is spoken to")
	}
	if n := len(server.Requests()); n != 2 {
		t.Errorf("%d requests arrived", n)
	}
}

func TestInsecureEndpointsNeedTheConfig(t *testing.T) {
	b := enginetest.New(t)
	server := clienttest.New(t, clienttest.Options{Plain: true})
	enginetest.NewGrant(server)
	plain := enginetest.Fields{"token_endpoint": server.URL() + "/token"}
	b.Rejects(enginetest.WriteOp, "providers/test", plain, "token_endpoint must start with https://")
	b.Rejects(enginetest.WriteOp, "providers/test", enginetest.Fields{"token_endpoint": "https://a.example/", "revocation_endpoint": "http://a.example/"},
		"revocation_endpoint must start with https://")
	b.Write("config", enginetest.Fields{"allow_insecure_endpoints": true})
	b.Write("providers/test", plain)
	b.WriteRole("r")
	b.Read("creds/r")

	b.Write("config", enginetest.Fields{"allow_insecure_endpoints": false})
	b.Rejects(enginetest.WriteOp, "refresh/r", nil, "must start with https://")
	b.Rejects(enginetest.WriteOp, "roles/r", enginetest.Fields{"scope": "zzz"}, "must start with https://")
	if n := len(server.Requests()); n != 1 {
		t.Errorf("%d requests arrived", n)
	}
}

func TestDamagedEntriesAreNotQuoted(t *testing.T) {
	for _, key := range []string{"config", "role/r", "provider/test", "token/r"} {
		b := enginetest.NewMount(t)
		entry := &logical.StorageEntry{Key: key, Value: []byte(`{"` + enginetest.Canary + `": "` + enginetest.Canary)}
		if err := b.Grants.Over(b.Storage).Put(t.Context(), entry); err != nil {
			t.Fatal(err)
		}
		_, err := b.Try(t.Context(), enginetest.WriteOp, "refresh/r", nil)
		if err == nil || !strings.Contains(err.Error(), key) || strings.Contains(err.Error(), enginetest.Canary) {
			t.Errorf("%s: %v", key, err)
		}
	}
}
