package oauthrefresh_test

import (
	"testing"

	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// What is asked for has changed, by the role or by its provider: the token of before is none of this role's, and
// where something else has changed it is served on.
func TestWhatIsAskedForHasChanged(t *testing.T) {
	for name, c := range map[string]struct {
		path string
		f    enginetest.Fields
		due  bool
	}{
		"role's parameters":     {"roles/r", enginetest.Fields{"token_params": enginetest.Fields{"audience": "b"}}, true},
		"role's headers":        {"roles/r", enginetest.Fields{"token_headers": enginetest.Fields{"X-Tenant": "b"}}, true},
		"role's scope":          {"roles/r", enginetest.Fields{"scope": "b"}, true},
		"role's lease":          {"roles/r", enginetest.Fields{"ttl": "10m"}, false},
		"role's secret":         {"roles/r", enginetest.Fields{"client_secret": enginetest.Canary + "other"}, false},
		"provider's parameters": {"providers/test", enginetest.Fields{"token_params": enginetest.Fields{"audience": "b"}}, true},
		"provider's headers":    {"providers/test", enginetest.Fields{"token_headers": enginetest.Fields{"X-Tenant": "b"}}, true},
		"provider's send_scope": {"providers/test", enginetest.Fields{"send_scope": false}, true},
		"provider's path":       {"providers/test", nil, true}, // filled in below
		"provider's grace":      {"providers/test", enginetest.Fields{"reuse_grace": "10s"}, false},
		"provider's page":       {"providers/test", enginetest.Fields{"docs": "https://docs.example.com"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			b, server := enginetest.NewWarm(t)
			if name == "provider's path" {
				c.f = enginetest.Fields{"token_endpoint": server.URL() + "/tenant-b/token"}
			}
			b.Write(c.path, c.f)
			b.Read("creds/r")
			if n := len(server.Requests()); (n == 2) != c.due {
				t.Errorf("%d requests", n)
			}
		})
	}
}
