package oauthrefresh

import (
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// Exchanges resume TLS sessions, also another role's, but only within the same trust: a session takes the place
// of the check of the server's certificate.
func TestSessionsStayWithinTheirTrust(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	server.Handle(func(*clienttest.Request) clienttest.Answer { return tokenAnswer("a", "") })
	b.writeRole("first")
	b.read("creds/first")
	b.writeRole("second")
	b.read("creds/second")
	all := server.Requests()
	if all[0].Resumed || !all[1].Resumed {
		t.Errorf("resumed: %t, then %t", all[0].Resumed, all[1].Resumed)
	}

	b.write("config", fields{"ca_certificate": ""})
	b.writeRole("stranger")
	if text := b.noCreds("stranger", 503); !strings.Contains(text, "certificate") {
		t.Errorf("a role that does not trust the server hears %q", text)
	}
	if n := len(server.Requests()); n != 2 {
		t.Errorf("%d requests", n)
	}
}
