package oauthrefresh

import (
	"testing"
)

// What is asked for has changed, by the role or by its provider: the token of before is none of this role's, and
// where something else has changed it is served on.
func TestWhatIsAskedForHasChanged(t *testing.T) {
	for name, c := range map[string]struct {
		path string
		f    fields
		due  bool
	}{
		"role's parameters":     {"roles/r", fields{"token_params": fields{"audience": "b"}}, true},
		"role's headers":        {"roles/r", fields{"token_headers": fields{"X-Tenant": "b"}}, true},
		"role's scope":          {"roles/r", fields{"scope": "b"}, true},
		"role's lease":          {"roles/r", fields{"ttl": "10m"}, false},
		"role's secret":         {"roles/r", fields{"client_secret": canary + "other"}, false},
		"provider's parameters": {"providers/test", fields{"token_params": fields{"audience": "b"}}, true},
		"provider's headers":    {"providers/test", fields{"token_headers": fields{"X-Tenant": "b"}}, true},
		"provider's send_scope": {"providers/test", fields{"send_scope": false}, true},
		"provider's path":       {"providers/test", nil, true}, // filled in below
		"provider's grace":      {"providers/test", fields{"reuse_grace": "10s"}, false},
		"provider's page":       {"providers/test", fields{"docs": "https://docs.example.com"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			b, server := newWarm(t)
			if name == "provider's path" {
				c.f = fields{"token_endpoint": server.URL() + "/tenant-b/token"}
			}
			b.write(c.path, c.f)
			b.read("creds/r")
			if n := len(server.Requests()); (n == 2) != c.due {
				t.Errorf("%d requests", n)
			}
		})
	}
}
