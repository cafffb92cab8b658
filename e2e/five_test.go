package e2e

import (
	"strings"
	"testing"
)

// Any of five very different token endpoints, and one that only the operator knows: from role write to a
// leased access token that the provider accepts.
func TestFiveSystems(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.run(`vault write oauth/providers/generic token_endpoint="$GENERIC_TOKEN_ENDPOINT"
		revocation_endpoint="$GENERIC_REVOCATION_ENDPOINT" token_endpoint_auth_method=client_secret_basic`)
	for _, s := range systems {
		t.Run(s.name, func(t *testing.T) { s.scenario(t, l) })
	}
	t.Run("lease=false", func(t *testing.T) { withoutLease(t, l) })
	t.Run("min_ttl", func(t *testing.T) { minTTL(t, l) })
	t.Run("revocation needs nothing", func(t *testing.T) { revocation(t, l) })
}

func (s system) scenario(t *testing.T, l *lab) {
	sh := l.forTest(t)
	if strings.Contains(s.role, "$GRANT") {
		grant := l.sandbox.grant(s.ledger)
		if s.control != nil {
			l.sandbox.controlGrant(s.ledger, grant, s.control)
		}
		sh = sh.with("GRANT=" + grant)
	}
	sh.run("vault write oauth/roles/" + s.name + " " + s.role)
	before := l.sandbox.stats(s.ledger).Requests

	first := sh.read("oauth/creds/" + s.name)
	first.wantLease(t, s.min, s.max)
	first.wantExpiry(t)
	first.wantFields(t, append(s.fields, "access_token", "token_type", "generation", "token_id")...)
	l.sandbox.wantLive(s.ledger, first.token())

	second := sh.read("oauth/creds/" + s.name)
	second.want(t, map[string]string{
		"access_token": first.token(), "token_id": first.get("token_id"), "generation": first.get("generation"),
	})
	if second.LeaseID == first.LeaseID {
		t.Error("two reads share a lease")
	}
	if got := l.sandbox.stats(s.ledger).Requests - before; got != 1 {
		t.Errorf("%d requests to the provider for two reads, want 1", got)
	}
	for _, field := range append(s.fields, "access_token") {
		if got := sh.run("vault read -field=" + field + " oauth/creds/" + s.name); got != first.get(field) {
			t.Errorf("-field=%s prints something else than -format=json", field)
		}
	}
	if text := sh.refused(400, "vault lease renew "+first.LeaseID); !strings.Contains(text, "not renewable") {
		t.Errorf("renewing says %q", text)
	}
	s.refreshes(t, l, sh, first)
}

// refreshes spends the refresh token twice more: what the provider rotated must have been kept.
func (s system) refreshes(t *testing.T, l *lab, sh shell, first secret) {
	last := first
	for range 2 {
		sh.run("vault write -force oauth/refresh/" + s.name)
		next := sh.read("oauth/creds/" + s.name)
		if next.token() == last.token() || next.get("generation") == last.get("generation") {
			t.Fatal("a forced refresh brings the same token")
		}
		l.sandbox.wantLive(s.ledger, next.token())
		last = next
	}
	if n := l.sandbox.stats(s.ledger).Replays; n != 0 {
		t.Errorf("%d refresh tokens were replayed", n)
	}
}

// forTest is the lab's shell, failing the subtest that uses it.
func (l *lab) forTest(t *testing.T) shell {
	sh := l.shell
	sh.t = t
	l.sandbox.t = t
	return sh
}
