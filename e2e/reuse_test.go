package e2e

import (
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// The engine against an OAuth server library that detects reuse: however many readers there are, and however
// the refreshes come about, no spent refresh token is ever presented. When somebody else replays one, the
// engine says so and stops; a new refresh token heals.
func TestReuseDetection(t *testing.T) {
	t.Parallel()
	server := startOAuthServer(t, time.Hour) // nothing falls due by itself
	l := newLab(t)
	sh := peter(l, server)
	first := sh.read("oauth/creds/peter")
	first.want(t, map[string]string{"scope": "offline documents"})
	if !server.live(first.token()) {
		t.Fatal("the library does not accept the access token")
	}
	herd(t, l, server)
	if got := server.tally(); got.Replays != 0 {
		t.Fatalf("the library has seen %+v", got)
	}
	spent := stolen(t, l)
	sh.run("vault write -force oauth/refresh/peter")
	log := l.v.follow(t)
	replayed(t, l.shell, server, spent)
	log.await("a grant is dead: ")
	for _, fact := range []string{"event=oauthrefresh/grant-died", "role=peter", "provider=library", "state=dead", "reason=refused", "code=invalid_grant"} {
		log.await(" " + fact) // Vault puts them in an order of its own
	}

	sh.with("GRANT=" + server.grant()).run(`vault write oauth/roles/peter refresh_token="$GRANT"`)
	healed := sh.read("oauth/creds/peter")
	log.await(" event=oauthrefresh/grant-revived")
	if strings.Contains(log.read(), "an event was not sent") {
		t.Errorf("Vault does not take the plugin's events:\n%s", log.read())
	}
	if !server.live(healed.token()) {
		t.Error("a new refresh token does not heal the role")
	}
	sh.run("vault write -force oauth/revoke/peter")
	if server.live(healed.token()) {
		t.Error("revoke leaves the access token alive")
	}
}

// The same library, with readers at work while one token after the other expires.
func TestACrowdOfReadersReplaysNothing(t *testing.T) {
	t.Parallel()
	const lifetime = 10 * time.Second
	l, server := newLab(t), startOAuthServer(t, lifetime)
	peter(l, server).read("oauth/creds/peter").wantLease(t, 2*time.Second, lifetime)
	crowd(t, l, server, lifetime, amount(t, "CROWD_LIFETIMES", 3, 2))
	if got := server.tally(); got.Replays != 0 {
		t.Fatalf("the library has seen %+v", got)
	}
}

// peter writes a role with a grant at the library, whose tokens end with a refresh.
func peter(l *lab, server *oauthServer) shell {
	l.t.Helper()
	sh := l.with("URL="+server.URL, "AUTHORITY="+server.authority(), "ID="+oauthClient,
		"SECRET="+oauthSecret, "GRANT="+server.grant())
	sh.run(`vault write oauth/providers/library token_endpoint="$URL/token" revocation_endpoint="$URL/revoke"
		token_endpoint_auth_method=client_secret_basic refresh_token_rotation=always refresh_invalidates_access_token=true`)
	sh.run(`vault write oauth/roles/peter provider=library client_id="$ID" client_secret="$SECRET"
		refresh_token="$GRANT" ca_certificate=@"$AUTHORITY"`)
	return sh
}

// herd is many readers whose token was refused, all asking for another one than that: one refresh.
func herd(t *testing.T, l *lab, server *oauthServer) {
	before := server.tally()
	generation := l.read("oauth/creds/peter").get("generation")
	each(t, 40, func(int) error {
		_, err := l.v.client().Logical().Write("oauth/refresh/peter", map[string]any{"if_generation": generation})
		return err
	})
	if n := server.tally().Refreshes - before.Refreshes; n != 1 {
		t.Errorf("%d refreshes for a herd that wanted one", n)
	}
	old, _ := strconv.Atoi(generation)
	l.read("oauth/creds/peter").want(t, map[string]string{"generation": strconv.Itoa(old + 1)})
}

// crowd reads from many goroutines while tokens expire.
func crowd(t *testing.T, l *lab, server *oauthServer, lifetime time.Duration, lifetimes int) {
	period := time.Duration(lifetimes) * lifetime
	before, end := server.tally(), time.Now().Add(period)
	var reads atomic.Int64
	each(t, 40, func(int) error {
		client := l.v.client()
		for time.Now().Before(end) {
			if _, err := client.Logical().Read("oauth/creds/peter"); err != nil {
				return err
			}
			reads.Add(1)
			time.Sleep(50 * time.Millisecond)
		}
		return nil
	})
	refreshes := server.tally().Refreshes - before.Refreshes
	t.Logf("%d reads, %d refreshes in %s", reads.Load(), refreshes, period)
	if refreshes < lifetimes-1 || refreshes > 3*lifetimes-1 {
		t.Errorf("%d refreshes in %d lifetimes", refreshes, lifetimes)
	}
}

// stolen takes the current refresh token out of storage, as somebody with a copy of a snapshot could.
func stolen(t *testing.T, l *lab) string {
	t.Helper()
	for key, text := range openStore(t, l.v, "oauth").entries("token/") {
		if strings.Contains(key, "peter") {
			var entry any
			decode(t, text, &entry)
			if token := member(entry, "refresh_token"); token != "" {
				return token
			}
		}
	}
	t.Fatal("no refresh token in storage")
	return ""
}

// member finds the first string member of that name at any depth.
func member(value any, name string) string {
	object, _ := value.(map[string]any)
	if text, ok := object[name].(string); ok {
		return text
	}
	for _, inner := range object {
		if text := member(inner, name); text != "" {
			return text
		}
	}
	return ""
}

// replayed presents the spent token from outside of Vault, which ends the grant.
func replayed(t *testing.T, sh shell, server *oauthServer, spent string) {
	out := server.post(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {spent}})
	if out["error"] != "invalid_grant" || server.tally().Replays != 1 {
		t.Fatalf("the library took a replay: %v, %+v", out["error"], server.tally())
	}
	text := sh.refused(400, "vault write -force oauth/refresh/peter")
	if !strings.Contains(text, "refresh_token") {
		t.Errorf("the refusal does not say what to do: %s", text)
	}
	status := sh.read("oauth/status/peter")
	status.want(t, map[string]string{"reauthorization_required": "true"})
	before := server.tally().Requests
	sh.refused(400, "vault write -force oauth/refresh/peter")
	if n := server.tally().Requests - before; n != 0 {
		t.Errorf("%d more requests for a grant that is gone", n)
	}
}
