package e2e

import (
	"net/http"
	"slices"
	"testing"
)

// A consent outlives leaders. It is begun at one node, the browser comes back through a standby, the leader is killed
// before confirm, and the third node confirms. And a leader that is killed while somebody agrees at the provider
// has taken nothing along: the browser comes back to one that lives. The role keeps the grant that it has until then.
func TestConsentOutlivesLeaders(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	l := newLabOn(t, c.active(nil))
	l.run("vault write oauth/roles/portal " + consentRole)

	// killed between callback and confirm
	leader := c.active(nil)
	standby, third := c.others(leader)
	link := l.begunAt(third, standby)
	page := arrival{address: l.comesBackTo(alice, link, standby)}.arrives(t)
	if page.code() == "" {
		t.Fatalf("%d %s", page.status, page.text())
	}
	c.kill(leader)
	l.v = c.active(leader)
	l.v.caller(t, l.v.token).readRefused("oauth/creds/portal", "authorize")
	if got := third.caller(t, third.token).confirms("portal", page.code()); got["account"] != alice {
		t.Errorf("confirm says %v", got)
	}
	l.wantGrant(l.shell, "portal", "pingone")
	c.restart(leader)

	// killed between begin and callback, of a role that has a grant
	leader = c.active(nil)
	standby, third = c.others(leader)
	link = l.begunAt(standby, third)
	back := l.comesBackTo(bob, link, third)
	c.kill(leader)
	l.v = c.active(leader)
	l.run("vault write -force oauth/refresh/portal")
	l.sandbox.wantLive("pingone", l.read("oauth/creds/portal").token()) // of the grant before
	page = arrival{address: back}.arrives(t)
	if page.code() == "" {
		t.Fatalf("%d %s", page.status, page.text())
	}
	if got := standby.caller(t, standby.token).confirms("portal", page.code()); got["account"] != bob || got["previous_account"] != alice {
		t.Errorf("confirm says %v", got)
	}
	l.wantGrant(l.shell, "portal", "pingone")
	if got := l.sandbox.stats("pingone"); got.Replays != 0 || got.Refusals != 0 || l.sandbox.exchanges("pingone") != 2 {
		t.Errorf("the provider saw %+v and %d codes", got, l.sandbox.exchanges("pingone"))
	}
	wantUnknown(t, visit(t, http.MethodGet, back, nil))
	c.restart(leader)
}

// others are the nodes that do not lead.
func (c *cluster) others(leader *vault) (one, two *vault) {
	rest := slices.DeleteFunc(slices.Clone(c.nodes), func(v *vault) bool { return v == leader })
	return rest[0], rest[1]
}

// begunAt begins a consent at a node, whose browser will come back to another one.
func (l *lab) begunAt(at, door *vault) (link string) {
	l.t.Helper()
	return l.begunBy(at.token, "portal", at, door)
}

// begunBy is begunAt for somebody with another token, or for an owner whom the path names.
func (l *lab) begunBy(token, path string, at, door *vault) (link string) {
	l.t.Helper()
	at.caller(l.t, at.token).write("oauth/config", map[string]any{"external_url": door.addr + "/v1/oauth"})
	l.registerRedirect("pingone", door.addr+"/v1/oauth/callback/pingone")
	return at.caller(l.t, token).begins(path, nil)
}

// comesBackTo is comesBack for a node.
func (l *lab) comesBackTo(who, link string, door *vault) string {
	l.t.Helper()
	at := *l
	at.v = door
	return at.comesBack(who, link, "pingone")
}
