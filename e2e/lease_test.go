package e2e

import (
	"fmt"
	"testing"
	"time"
)

// withoutLease reads a role of so many readers that two storage writes a read would hurt.
func withoutLease(t *testing.T, l *lab) {
	sh := l.forTest(t).with("GRANT=" + l.sandbox.grant("pingone"))
	sh.run("vault write oauth/roles/crowd lease=false " + pingoneRole + ` client_id="$PINGONE_CLIENT_ID"
		client_secret="$PINGONE_CLIENT_SECRET" refresh_token="$GRANT"`)
	got := sh.read("oauth/creds/crowd")
	if got.LeaseID != "" || got.LeaseDuration != 0 {
		t.Errorf("lease_id=%q lease_duration=%d, want no lease", got.LeaseID, got.LeaseDuration)
	}
	l.sandbox.wantLive("pingone", got.token())
	// What Vault Agent and the Secrets Operator understand: seconds as numbers, a time in RFC 3339.
	ttl, isNumber := got.Data["ttl"].(float64)
	if !isNumber || ttl < 1800 || ttl > 3570 {
		t.Errorf("ttl=%v, want seconds until a reader should return", got.Data["ttl"])
	}
	if period, isNumber := got.Data["rotation_period"].(float64); !isNumber || period < ttl {
		t.Errorf("rotation_period=%v, want seconds, not fewer than ttl", got.Data["rotation_period"])
	}
	rotated, err := time.Parse(time.RFC3339Nano, got.get("last_vault_rotation"))
	if err != nil || time.Since(rotated) > time.Minute || time.Since(rotated) < 0 {
		t.Errorf("last_vault_rotation=%q, want the moment of the refresh", got.get("last_vault_rotation"))
	}
}

// minTTL asks for a token that outlives the reader's own interval, with GET and with PUT.
func minTTL(t *testing.T, l *lab) {
	grant := l.sandbox.grant("pingone")
	sh := l.forTest(t).with("GRANT=" + grant)
	l.sandbox.controlGrant("pingone", grant, map[string]any{"expires_in": 60})
	sh.run("vault write oauth/roles/brief " + pingoneRole + ` client_id="$PINGONE_CLIENT_ID"
		client_secret="$PINGONE_CLIENT_SECRET" refresh_token="$GRANT"`)
	for _, verb := range []func(string) secret{sh.read, sh.write} {
		before := verb("oauth/creds/brief")
		if again := verb("oauth/creds/brief min_ttl=25"); again.token() != before.token() {
			t.Error("a token that lives long enough was refreshed")
		}
		const most = 54 // nine tenths of its life: no role of a minute's tokens gives more
		for left := before; left.LeaseDuration >= most; {
			if left = verb("oauth/creds/brief"); left.token() != before.token() {
				t.Fatal("a token in its first half was refreshed")
			}
		}
		after := verb(fmt.Sprintf("oauth/creds/brief min_ttl=%d", most))
		if after.token() == before.token() {
			t.Error("min_ttl beyond what is left brings the old token")
		}
		l.sandbox.wantLive("pingone", after.token())
	}
}

// revocation ends leases with the role gone and the provider down: the token is others' too, so ending a
// lease asks nobody for anything.
func revocation(t *testing.T, l *lab) {
	sh := l.forTest(t)
	before := l.sandbox.stats("salesforce").Requests
	one, other := sh.read("oauth/creds/crm"), sh.read("oauth/creds/crm")
	sh.run("vault lease revoke -sync " + one.LeaseID)
	sh.refused(400, "vault write sys/leases/lookup lease_id="+one.LeaseID)
	if again := sh.read("oauth/creds/crm"); again.token() != other.token() {
		t.Error("revoking one reader's lease took the token from another")
	}
	if n := l.sandbox.stats("salesforce").Requests - before; n != 0 {
		t.Errorf("revoking a lease sent %d requests to the provider", n)
	}
	l.sandbox.wantLive("salesforce", other.token())

	sh.run("vault delete oauth/roles/crm")
	l.sandbox.stop()
	sh.run("vault lease revoke -sync " + other.LeaseID)
	sh.run("vault lease revoke -sync -prefix oauth/creds/hosting")
	sh.run("vault lease revoke -sync -prefix oauth/")
	if irrevocable := sh.read("sys/leases/count type=irrevocable"); irrevocable.get("lease_count") != "0" {
		t.Errorf("%s irrevocable leases", irrevocable.get("lease_count"))
	}
	// A warm token is served while the provider is away, and its lease is there when the mount goes.
	sh.read("oauth/creds/identity").wantLease(t, 30*time.Minute, time.Hour)
}
