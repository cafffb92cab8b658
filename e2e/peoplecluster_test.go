package e2e

import (
	"strings"
	"testing"
)

// A person begins at one node and comes back through a standby, the leader is killed, and they confirm at the third: the
// grant is theirs at every node then. What another person, and an owner whom a broker names, had before is theirs still,
// without a request to the provider, and goes on from there.
func TestPeoplesGrantsOutliveALeader(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	l := newLabOn(t, c.active(nil))
	l.run("vault write oauth/roles/portal " + peoplesRole)
	people := l.letsIn("alice", "bob")
	leader := c.active(nil)
	standby, third := c.others(leader)

	kept := map[string]string{}
	for _, owner := range []struct{ token, path, account string }{{people["bob"].token, "portal", bob}, {l.v.token, "portal/carol", alice}} {
		page := arrival{address: l.comesBackTo(owner.account, l.begunBy(owner.token, owner.path, third, standby), standby)}.arrives(t)
		third.caller(t, owner.token).confirms(owner.path, page.code())
		kept[owner.path] = leader.caller(t, owner.token).read("oauth/creds/" + owner.path)["access_token"].(string)
		if got := standby.caller(t, owner.token).read("oauth/creds/" + owner.path)["access_token"]; got != kept[owner.path] {
			t.Errorf("%s: a standby answers with another token than the leader", owner.path)
		}
	}
	for _, at := range c.nodes { // a standby hands a scrape on to the node that counts
		if _, _, text := at.scrape(t, l.v.token); !strings.Contains(text, "\noauthrefresh_leases_total 4\n") || !strings.Contains(text, "\noauthrefresh_survey_roles 1\n") {
			t.Errorf("%s answers a scrape with\n%s", at.name, text)
		}
	}
	page := arrival{address: l.comesBackTo(alice, l.begunBy(people["alice"].token, "portal", third, standby), standby)}.arrives(t)
	if page.code() == "" {
		t.Fatalf("%d %s", page.status, page.text())
	}
	c.kill(leader)
	l.v = c.active(leader)
	asked := l.sandbox.stats("pingone").Requests
	alices, bobs := people["alice"], people["bob"]
	third.caller(t, alices.token).readRefused("oauth/creds/portal", "authorize it with")
	third.caller(t, bobs.token).refused("oauth/confirm/portal", map[string]any{"confirmation_code": page.code()}, nothingBegun)
	if got := third.caller(t, alices.token).confirms("portal", page.code()); got["account"] != alice {
		t.Errorf("confirm says %v", got)
	}
	for _, at := range []*vault{standby, third} {
		own := at.caller(t, alices.token).read("oauth/creds/portal")["access_token"].(string)
		l.sandbox.wantLive("pingone", own)
		if own == kept["portal"] || own == kept["portal/carol"] {
			t.Error("alice is served another's token")
		}
		if got := at.caller(t, bobs.token).read("oauth/creds/portal")["access_token"]; got != kept["portal"] {
			t.Error("bob is served another token than before")
		}
		if got := at.caller(t, at.token).read("oauth/creds/portal/carol")["access_token"]; got != kept["portal/carol"] {
			t.Error("carol's is another token than before")
		}
	}
	if n := l.sandbox.stats("pingone").Requests - asked; n != 0 {
		t.Errorf("%d requests to the provider, want none: all is stored", n)
	}
	for _, path := range []string{"portal/" + alices.entity, "portal/" + bobs.entity, "portal/carol"} {
		l.run("vault write -force oauth/refresh/" + path)
		l.read("oauth/status/"+path).want(t, map[string]string{"state": "ok", "generation": "2"})
	}
	if got := l.sandbox.stats("pingone"); got.Replays != 0 || got.Refusals != 0 || l.sandbox.exchanges("pingone") != 3 {
		t.Errorf("the provider saw %+v and %d codes", got, l.sandbox.exchanges("pingone"))
	}
	c.restart(leader)
}
