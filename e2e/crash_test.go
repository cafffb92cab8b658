package e2e

import (
	"slices"
	"syscall"
	"testing"
	"time"
)

// The plugin is killed between two requests: what it had stored is all it needs.
func TestKilledBetweenRequests(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.run("vault write oauth/roles/hosting " + keliwebRole)
	l.run("vault write -force oauth/refresh/hosting")
	before := l.read("oauth/creds/hosting")
	l.kill()
	l.awaitPlugin()
	l.read("oauth/creds/hosting").want(t, map[string]string{
		"access_token": before.token(), "generation": before.get("generation"),
	})
	l.run("vault write -force oauth/refresh/hosting")
	l.sandbox.wantLive("keliweb", l.read("oauth/creds/hosting").token())
	if got := l.sandbox.stats("keliweb"); got.Successes != 2 || got.Replays != 0 {
		t.Errorf("the provider saw %+v, want two refreshes and no replay", got)
	}
}

const keliwebRole = `provider=keliweb client_id="$KELIWEB_CLIENT_ID" client_secret="$KELIWEB_CLIENT_SECRET"
	refresh_token="$KELIWEB_REFRESH_TOKEN"`

// The plugin is killed while it waits for an answer that never comes: the provider had not processed the
// request, so the one more try that the intent allows succeeds.
func TestKilledDuringExchange(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.run("vault write oauth/roles/hosting " + keliwebRole)
	l.sandbox.control("keliweb", map[string]any{"hang": 1})
	l.killDuring("keliweb", "vault read oauth/creds/hosting")

	got := l.read("oauth/creds/hosting")
	l.sandbox.wantLive("keliweb", got.token())
	got.want(t, map[string]string{"generation": "1"})
	if seen := l.sandbox.stats("keliweb"); seen.Successes != 1 || seen.Replays != 0 {
		t.Errorf("the provider saw %+v, want one success and no replay", seen)
	}
}

// The plugin is killed after the provider has rotated the token and before the answer: with an idempotency
// key the same request is sent again and the stored answer comes back.
func TestKilledBeforeAnswerWithIdempotencyKey(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.run("vault write oauth/roles/isabel " + systems[0].role)
	l.sandbox.control("isabel-connect", map[string]any{"hold": 1})
	l.killDuring("isabel-connect", "vault read oauth/creds/isabel")

	l.sandbox.wantLive("isabel-connect", l.read("oauth/creds/isabel").token())
	if seen := l.sandbox.stats("isabel-connect"); seen.Resends != 1 || seen.Replays != 0 || seen.Generation != 1 {
		t.Errorf("the provider saw %+v, want the one answer given twice", seen)
	}
}

// The same at a provider that offers no way back: one more try is all there is. Its refusal ends the grant,
// and the status says that an answer was lost.
func TestKilledBeforeAnswer(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.run("vault write oauth/roles/hosting " + keliwebRole)
	l.sandbox.control("keliweb", map[string]any{"hold": 1})
	l.killDuring("keliweb", "vault read oauth/creds/hosting")

	text := l.refused(400, "vault read oauth/creds/hosting")
	status := l.read("oauth/status/hosting")
	if status.get("reauthorization_required") != "true" {
		t.Errorf("the status does not ask for a new authorization; the read said %q", text)
	}
	before := l.sandbox.stats("keliweb").Requests
	if before != 2 {
		t.Errorf("%d requests, want the lost one and one more try", before)
	}
	l.refused(400, "vault read oauth/creds/hosting")
	if n := l.sandbox.stats("keliweb").Requests - before; n != 0 {
		t.Errorf("%d more requests with a refresh token that was refused", n)
	}
	l.with("GRANT=" + l.sandbox.grant("keliweb")).run(`vault write oauth/roles/hosting refresh_token="$GRANT"`)
	l.sandbox.wantLive("keliweb", l.read("oauth/creds/hosting").token())
}

// kill ends the plugin process the hard way and waits until it is gone.
func (l *lab) kill() {
	l.t.Helper()
	pid := l.pluginPID()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		l.t.Fatal(err)
	}
	for slices.Contains(pluginPIDs(0), pid) {
		time.Sleep(10 * time.Millisecond)
	}
}

// killDuring kills the plugin once the provider has received what the command makes it send.
func (l *lab) killDuring(provider, line string) {
	l.t.Helper()
	before, done := l.sandbox.last(), make(chan struct{})
	go func() {
		defer close(done)
		_, _, _ = l.try(line) // whatever it answers: its plugin died under it
	}()
	l.sandbox.await("what is to be interrupted", before, func(r request) bool { return r.Provider == provider })
	l.kill()
	<-done
	l.awaitPlugin()
}

// awaitPlugin waits until Vault has another process for the mount: it may send a request or two to the one that is gone
// before it notices.
func (l *lab) awaitPlugin() {
	l.t.Helper()
	err := l.v.await("another plugin process", 20*time.Second, func() error {
		_, _, err := l.try("vault read oauth/config")
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
}
