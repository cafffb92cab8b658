package grant_test

import (
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// Exchanges resume TLS sessions, also another role's, but only within the same trust: a session takes the place
// of the check of the server's certificate.
func TestSessionsStayWithinTheirTrust(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	server.Handle(func(*clienttest.Request) clienttest.Answer { return enginetest.TokenAnswer("a", "") })
	b.WriteRole("first")
	b.Read("creds/first")
	b.WriteRole("second")
	b.Read("creds/second")
	all := server.Requests()
	if all[0].Resumed || !all[1].Resumed {
		t.Errorf("resumed: %t, then %t", all[0].Resumed, all[1].Resumed)
	}

	b.Write("config", enginetest.Fields{"ca_certificate": ""})
	b.WriteRole("stranger")
	if text := b.NoCreds("stranger", 503); !strings.Contains(text, "certificate") {
		t.Errorf("a role that does not trust the server hears %q", text)
	}
	if n := len(server.Requests()); n != 2 {
		t.Errorf("%d requests", n)
	}
}
