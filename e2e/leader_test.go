package e2e

import (
	"strconv"
	"testing"
)

// clusterRole is one grant of the cluster's mount.
type clusterRole struct {
	name, ledger string
	fields       string // as typed; the grant is $GRANT
	strict       bool   // the provider forgives nothing
}

const (
	isabelRole = `provider=isabel-connect client_id="$ISABEL_CLIENT_ID" client_secret="$ISABEL_CLIENT_SECRET"
		refresh_token="$GRANT" pfx=@"$ISABEL_PFX_B64" pfx_password="$ISABEL_PFX_PASSWORD"`
	graceRole = `provider=grace client_id="$GENERIC_CLIENT_ID" client_secret="$GENERIC_CLIENT_SECRET" refresh_token="$GRANT"`
)

var clusterRoles = []clusterRole{
	{name: "isabel-0", ledger: "isabel-connect", fields: isabelRole},
	{name: "isabel-1", ledger: "isabel-connect", fields: isabelRole},
	{name: "isabel-2", ledger: "isabel-connect", fields: isabelRole},
	{name: "grace-0", ledger: "generic", fields: graceRole},
	{name: "grace-1", ledger: "generic", fields: graceRole},
	{name: "hosting", ledger: "keliweb", strict: true, fields: `provider=keliweb client_id="$KELIWEB_CLIENT_ID"
		client_secret="$KELIWEB_CLIENT_SECRET" refresh_token="$GRANT"`},
	{name: "identity", ledger: "pingone", strict: true, fields: pingoneRole + ` client_id="$PINGONE_CLIENT_ID"
		client_secret="$PINGONE_CLIENT_SECRET" refresh_token="$GRANT"`},
}

// The leader of a cluster is killed with kill -9 again and again under load, each time with an exchange in flight
// that the provider has already processed. Readers may hear errors meanwhile. No grant is lost, and every token
// that was handed out is good.
//
// What is in flight when a leader dies are the refreshes of short-lived tokens at providers that forgive a lost
// answer, by an idempotency key or by a grace. At the others a kill between the provider's commit and the Put
// loses the grant whatever a client does; so theirs are refreshed by each new leader while it lives, which
// presents a spent refresh token if anything that the leader before it was told is missing.
func TestLeaderKilled(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	l := newLabOn(t, c.active(nil))
	l.writeClusterRoles()
	load := startLoad(t, c, l.sandbox, clusterRoles)
	load.awaitAll()
	n := amount(t, "LEADER_KILLS", 3, 1)
	for range n {
		leader := c.active(nil)
		l.sandbox.holdNext("isabel-connect")
		c.kill(leader)
		l.sandbox.control("isabel-connect", map[string]any{"release": true})

		l.v = c.active(leader)
		load.awaitAll()
		c.restart(leader)
		for _, role := range clusterRoles {
			if role.strict {
				l.run("vault write -force oauth/refresh/" + role.name)
			}
		}
	}
	l.handOver(c)
	load.awaitAll()
	load.end()
	t.Logf("%d leaders killed; %s", n, load)
	if got := l.sandbox.stats("isabel-connect"); got.Resends < n {
		t.Errorf("%d exchanges repeated after %d kills, each of which had one in flight", got.Resends, n)
	}
	l.wantAllKept()
}

// handOver makes the leader step down in the middle of a refresh at a provider that forgives nothing. The next
// leader, on another node, has the answer.
func (l *lab) handOver(c *cluster) {
	l.t.Helper()
	leader := c.active(nil)
	l.v = leader
	before, err := strconv.Atoi(l.read("oauth/status/hosting").get("generation"))
	c.must(err)
	l.sandbox.control("keliweb", map[string]any{"hold": 1})
	l.hangUpDuring("keliweb", "oauth/refresh/hosting")
	ended := l.begin(func(s shell) error { return s.v.client().Sys().StepDown() })
	l.sandbox.control("keliweb", map[string]any{"release": true})
	c.must(<-ended)
	l.v = c.active(leader)
	l.read("oauth/creds/hosting").want(l.t, map[string]string{"generation": strconv.Itoa(before + 1)})
}

func (l *lab) writeClusterRoles() {
	l.t.Helper()
	l.sandbox.control("isabel-connect", map[string]any{"expires_in": 12})
	// Answers come late, so that a kill finds one under way here too.
	l.sandbox.control("generic", map[string]any{"expires_in": 12, "reuse_grace": 60, "delay_ms": 500, "delay_count": 1 << 20})
	l.run(`vault write oauth/providers/grace token_endpoint="$GENERIC_TOKEN_ENDPOINT"
		token_endpoint_auth_method=client_secret_basic refresh_token_rotation=always reuse_grace=60s`)
	for _, role := range clusterRoles {
		l.with("GRANT=" + l.sandbox.grant(role.ledger)).run("vault write oauth/roles/" + role.name + " " + role.fields)
	}
}

// wantAllKept asserts that every role is well, by its own word and by its provider's.
func (l *lab) wantAllKept() {
	l.t.Helper()
	for _, role := range clusterRoles {
		l.wantKept(role.ledger, role.name)
	}
	for _, ledger := range []string{"isabel-connect", "generic", "keliweb", "pingone"} {
		l.t.Logf("%s saw %+v", ledger, l.sandbox.stats(ledger))
	}
	l.read("oauth/status").want(l.t, map[string]string{
		"ok": strconv.Itoa(len(clusterRoles)), "reauthorization_required": "[]", "outcome_unknown": "[]", "unpersisted": "[]",
	})
}
