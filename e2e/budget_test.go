package e2e

import (
	"strings"
	"testing"
)

// A budget of three at a real Vault: forced refreshes are refused with 429 beyond it, another process of the plugin has
// not forgotten what the one before has counted, and the provider has seen exactly three requests. Readers go on.
func TestABudgetOfForcedRefreshes(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	sh := l.with("GRANT=" + l.sandbox.grant("pingone"))
	sh.run("vault write oauth/roles/bounded max_refreshes_per_day=3 " + pingoneRole + ` client_id="$PINGONE_CLIENT_ID"
		client_secret="$PINGONE_CLIENT_SECRET" refresh_token="$GRANT"`)
	sh.read("oauth/creds/bounded")
	sh.run("vault write -force oauth/refresh/bounded")
	l.kill()
	l.awaitPlugin()
	sh.run("vault write -force oauth/refresh/bounded")
	for range 2 {
		if text := sh.refused(429, "vault write -force oauth/refresh/bounded"); !strings.Contains(text, "max_refreshes_per_day of roles/bounded") {
			t.Errorf("the refusal says %q", text)
		}
		l.kill()
		l.awaitPlugin()
	}
	l.sandbox.wantLive("pingone", sh.read("oauth/creds/bounded").token())
	status := sh.read("oauth/status/bounded")
	status.want(t, map[string]string{"state": "ok", "refreshes_in_24h": "3", "max_refreshes_per_day": "3"})
	if got := l.sandbox.stats("pingone"); got.Requests != 3 || got.Successes != 3 {
		t.Errorf("the provider has seen %+v, want 3 requests", got)
	}
	sh.run("vault write oauth/roles/bounded max_refreshes_per_day=4")
	sh.run("vault write -force oauth/refresh/bounded")
	sh.refused(429, "vault write -force oauth/refresh/bounded")
}
