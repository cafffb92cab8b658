package e2e

import (
	"os"
	"strings"
	"testing"
)

// A Vault Agent is an entity of its own, however many people use its machine: its template has the grant that was brought
// for this entity, by whoever could log in as it, and nobody else's.
func TestAnAgentReadsItsOwn(t *testing.T) {
	t.Parallel()
	l, people := forPeople(t, "alice")
	l.brings(people["alice"].token, "portal", alice)
	machine := l.approle("people")
	agents := l.comesAs("agent", "auth/approle/login", map[string]any{"role_id": machine.id, "secret_id": machine.secret})
	agents.readRefused("oauth/creds/portal", "authorize it with")
	l.brings(agents.token, "portal", bob)

	a := startAgentBy(t, l, `method "approle" { config = { role_id_file_path = "DIR/role_id", secret_id_file_path = "DIR/secret_id", remove_secret_id_file_after_reading = false } }`,
		map[string]string{"role_id": machine.id, "secret_id": machine.secret}, "portal")
	rendered := func() string {
		text, err := os.ReadFile(a.rendered("portal"))
		l.must(err)
		return strings.TrimSpace(string(text))
	}
	again := l.comesAs("agent", "auth/approle/login", map[string]any{"role_id": machine.id, "secret_id": machine.secret})
	own, others := l.as(again.token).read("oauth/creds/portal").token(), l.as(people["alice"].token).read("oauth/creds/portal").token()
	if got := rendered(); again.entity != agents.entity || got != own || got == others {
		t.Errorf("the Agent has rendered alice's: %t, its own: %t", got == others, got == own)
	}
	l.sandbox.wantLive("pingone", rendered())
	l.read("oauth/status/portal/"+agents.entity).want(t, map[string]string{"account": bob, "state": "ok"})
}
