package e2e

import "testing"

// A grant survives a restart: Vault stops, starts, is unsealed, and goes on with the refresh token that the
// provider gave last. The one before is never presented again.
func TestRaftRestart(t *testing.T) {
	t.Parallel()
	v, err := startRaft("raft")
	if err != nil {
		t.Fatal("Vault on raft: ", err)
	}
	t.Cleanup(func() { v.stop() })
	l := newLabOn(t, v)
	l.run("vault write oauth/roles/hosting " + `provider=keliweb client_id="$KELIWEB_CLIENT_ID"
		client_secret="$KELIWEB_CLIENT_SECRET" refresh_token="$KELIWEB_REFRESH_TOKEN"`)
	first := l.read("oauth/creds/hosting")
	l.run("vault write -force oauth/refresh/hosting")
	last := l.read("oauth/creds/hosting")
	if last.token() == first.token() {
		t.Fatal("no refresh took place")
	}

	v.stop()
	if err := v.boot(); err != nil {
		t.Fatal(err)
	}
	if err := v.unseal(); err != nil {
		t.Fatal(err)
	}

	warm := l.read("oauth/creds/hosting")
	warm.want(t, map[string]string{"access_token": last.token(), "generation": last.get("generation")})
	l.run("vault lease revoke -sync " + first.LeaseID) // of before the restart
	l.run("vault write -force oauth/refresh/hosting")
	l.sandbox.wantLive("keliweb", l.read("oauth/creds/hosting").token())
	got := l.sandbox.stats("keliweb")
	if got.Requests != 3 || got.Successes != 3 || got.Replays != 0 {
		t.Errorf("the provider saw %+v, want three refreshes and no replay", got)
	}
}
