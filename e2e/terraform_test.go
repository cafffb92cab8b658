package e2e

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"testing"
)

// genericEndpoint applies a vault_generic_endpoint with ignore_absent_fields, and tells whether the plan after it is
// empty: what a read answers is laid over what was written, as far as that names it, and compared as JSON.
func (l *lab) genericEndpoint(path, data string) (empty bool, err error) {
	l.t.Helper()
	var written map[string]any
	decode(l.t, data, &written)
	client := l.v.client()
	if _, err := client.Logical().Write(path, written); err != nil {
		return false, err
	}
	read, err := client.Logical().Read(path)
	if err != nil || read == nil {
		l.t.Fatal(read, err)
	}
	relevant := maps.Clone(written)
	for name, value := range read.Data {
		if _, ok := written[name]; ok {
			relevant[name] = value
		}
	}
	text, err := json.Marshal(relevant)
	if err != nil {
		l.t.Fatal(err)
	}
	var again map[string]any
	decode(l.t, string(text), &again)
	return reflect.DeepEqual(again, written), nil
}

// The forms that docs/terraform.md names for Terraform's generic endpoint plan empty after an apply, or do not, as it says.
func TestTerraformsGenericEndpoint(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.run(`vault write oauth/providers/library token_endpoint="$GENERIC_TOKEN_ENDPOINT"`)
	l.run(`vault write oauth/providers/signed token_endpoint="$GENERIC_TOKEN_ENDPOINT" token_endpoint_auth_method=private_key_jwt`)
	l.run(`vault write oauth/roles/assertion provider=signed grant_type=jwt-bearer client_id=x assertion_private_key=@"$GENERIC_KEY"`)
	role := `{"provider": "library", "client_id": "tf", "client_secret": "canary-tf-secret", "refresh_token": "canary-tf-refresh"`
	for _, c := range []struct{ path, first, member, changes, refused string }{
		{"roles/tf", role + `, "ttl": 86400}`, "", `"ttl": "24h"`, `"ttl": null`},
		{"roles/tf", role + `, "refresh_window": 300, "keepalive_period": 0}`, "", `"refresh_window": "300"`, `"refresh_window": null`},
		{"roles/tf", role + `, "refresh_window": 0, "lease": true}`, "", `"lease": "true"`, `"lease": null`},
		{"roles/tf", role + `, "next_client_secret": "canary-tf-next", "next_from": "2099-03-01T00:00:00Z"}`, "", `"next_from": "2099-03-01"`, ""},
		{"roles/tf", role + `, "token_params": {"audience": "x"}, "token_headers": {"X-Tenant": "x"}}`, `"token_params": "audience=x"`, "", `"token_params": null`},
		{"roles/assertion", `{"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}`, `"assertion_claims": {"a": "b"}`, `"grant_type": "jwt-bearer"`, ""},
		{"roles/assertion", `{"assertion_claims": {"a": "b"}}`, "", `"assertion_claims": "a=b"`, ""},
		{"roles/assertion", `{"assertion_claims": {"a": "5"}}`, "", `"assertion_claims": {"a": 5}`, ""},
		{"providers/library", `{"extra_fields": ["a", "b"], "send_scope": true, "reuse_grace": 60}`, "", `"extra_fields": "a,b"`, ""},
		{"providers/library", `{"token_params": {"a": "b"}}`, "", `"token_params": "a=b"`, ""},
		{"config", `{"allowed_hosts": ["127.0.0.1", "localhost", "*.example"], "request_timeout": 20}`, "", `"request_timeout": "20s"`, ""},
	} {
		with := func(member string) string { return strings.TrimSuffix(c.first, "}") + ", " + member + "}" }
		if empty, err := l.genericEndpoint("oauth/"+c.path, c.first); err != nil || !empty {
			t.Errorf("%s: empty %t, %v", c.first, empty, err)
		}
		if c.member != "" {
			if empty, err := l.genericEndpoint("oauth/"+c.path, with(c.member)); err != nil || !empty {
				t.Errorf("with %s: empty %t, %v", c.member, empty, err)
			}
		}
		if c.changes != "" {
			if empty, err := l.genericEndpoint("oauth/"+c.path, with(c.changes)); err != nil || empty {
				t.Errorf("with %s: empty %t, %v", c.changes, empty, err)
			}
		}
		if c.refused != "" {
			if _, err := l.genericEndpoint("oauth/"+c.path, with(c.refused)); err == nil || !strings.Contains(err.Error(), "leave it out") {
				t.Errorf("with %s: %v", c.refused, err)
			}
		}
	}
	for _, secret := range []string{"canary-tf-secret", "canary-tf-refresh", "canary-tf-next"} {
		canaries.add("a secret of Terraform's", secret)
	}
}
