package e2e

import (
	"slices"
	"testing"
	"time"
)

// Vault is killed with kill -9 and its plugin lives on as an orphan, with refreshes that fall due: one ahead of
// readers, one to keep an idle grant alive. It can no longer store an answer, so it asks no provider, neither
// alone nor next to the plugin of the Vault that comes after; and it does not stay.
func TestOrphanMakesNoProviderCall(t *testing.T) {
	t.Parallel()
	l := newLabOn(t, newRaft(t, "orphan"))
	l.sandbox.control("pingone", map[string]any{"expires_in": 14}) // refreshed ahead in the last quarter, by 12.25 s
	l.sandbox.control("keliweb", map[string]any{"expires_in": 12})
	l.run("vault write oauth/roles/identity " + systemNamed("identity").role)
	l.run("vault write oauth/roles/hosting keepalive_period=10s " + keliwebRole) // due once its token has ended
	first := time.Now()
	for _, role := range []string{"hosting", "identity"} {
		if _, err := l.v.client().Logical().Read("oauth/creds/" + role); err != nil {
			t.Fatal(err)
		}
	}
	bothDue := time.Now().Add(12250 * time.Millisecond)
	time.Sleep(time.Until(first.Add(9 * time.Second))) // an orphan lives 5 seconds at least: both fall due in them
	seen := l.sandbox.last()
	orphan := l.killVault()
	if seen := l.sandbox.next(seen, time.Until(bothDue)); len(seen) != 0 {
		t.Fatalf("%d requests, and no Vault runs that could store an answer", len(seen))
	}
	if !slices.Contains(pluginPIDs(0), orphan) {
		t.Fatal("there was no orphan to watch: it has ended without looking for its Vault twice")
	}

	l.revive()
	l.wantKept("pingone", "identity")
	l.wantKept("keliweb", "hosting")
	awaitEnd(t, orphan)
	if seen := l.sandbox.stats("keliweb"); seen.Replays != 0 {
		t.Errorf("the provider saw %+v", seen)
	}
}

// Vault is killed with an exchange in flight. The orphan waits for its end, not longer: it holds an answer then that
// nobody can store.
func TestOrphanEndsWithItsExchange(t *testing.T) {
	t.Parallel()
	l := newLabOn(t, newRaft(t, "inflight"))
	l.run("vault write oauth/config request_timeout=30s")
	l.run("vault write oauth/roles/isabel " + systems[0].role)
	l.sandbox.control("isabel-connect", map[string]any{"hold": 1})
	l.hangUpDuring("isabel-connect", "oauth/creds/isabel")
	orphan := l.killVault()
	time.Sleep(12 * time.Second) // it knows after 10 that Vault has gone
	if !slices.Contains(pluginPIDs(0), orphan) {
		t.Error("the orphan has ended with an exchange in flight")
	}
	l.sandbox.control("isabel-connect", map[string]any{"release": true})
	began := time.Now()
	awaitEnd(t, orphan)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the orphan took %s to end once there was nothing to wait for", took)
	}
	l.revive()
	l.sandbox.wantLive("isabel-connect", l.read("oauth/creds/isabel").token())
	l.wantKept("isabel-connect", "isabel")
}

// Vault is killed during an exchange that brings no answer. With an idempotency key the plugin would repeat it at
// once, but first it has to store that it does: the orphan does not repeat it, the next Vault does.
func TestOrphanDoesNotRepeat(t *testing.T) {
	t.Parallel()
	l := newLabOn(t, newRaft(t, "repeat"))
	l.run("vault write oauth/config request_timeout=4s")
	l.run("vault write oauth/roles/isabel " + systems[0].role)
	l.sandbox.control("isabel-connect", map[string]any{"hang": 1})
	l.hangUpDuring("isabel-connect", "oauth/creds/isabel")
	orphan := l.killVault()
	seen := l.sandbox.last()
	awaitEnd(t, orphan)
	if len(l.sandbox.next(seen, 0)) != 0 {
		t.Fatal("the orphan has repeated the exchange")
	}

	l.revive()
	l.read("oauth/creds/isabel").want(t, map[string]string{"generation": "1"})
	l.wantKept("isabel-connect", "isabel")
}

// Vault is killed while a provider's answer is still to come, which then reaches the orphan: nobody can store it.
// The next Vault finds the intent and sends the same request again, under the same idempotency key, and the
// provider answers what it had answered. At a provider that has neither such a key nor a grace this sequence
// loses the grant, whatever a client does; so this is Isabel Connect.
func TestVaultKilledBeforeAnswer(t *testing.T) {
	t.Parallel()
	l := newLabOn(t, newRaft(t, "killed"))
	l.run("vault write oauth/roles/isabel " + systems[0].role)
	l.sandbox.control("isabel-connect", map[string]any{"hold": 1})
	l.hangUpDuring("isabel-connect", "oauth/creds/isabel")
	orphan := l.killVault()
	l.sandbox.control("isabel-connect", map[string]any{"release": true})
	awaitEnd(t, orphan) // with the answer, which its log, a broken pipe, hears of first

	l.revive()
	l.sandbox.wantLive("isabel-connect", l.read("oauth/creds/isabel").token())
	if got := l.sandbox.stats("isabel-connect"); got.Resends != 1 || got.Generation != 1 {
		t.Errorf("the provider saw %+v, want the one answer given twice", got)
	}
	l.wantKept("isabel-connect", "isabel")
}

// newRaft is a Vault of this test's own, with storage that outlives its process.
func newRaft(t *testing.T, name string) *vault {
	t.Helper()
	v, err := startRaft(name)
	if err != nil {
		t.Fatal("Vault on raft: ", err)
	}
	t.Cleanup(func() { v.stop() })
	return v
}

// killVault ends Vault the hard way and returns the plugin process that it leaves behind.
func (l *lab) killVault() (orphan int) {
	l.t.Helper()
	orphan = l.pluginPID()
	if err := l.v.cmd.Process.Kill(); err != nil {
		l.t.Fatal(err)
	}
	<-l.v.done
	return orphan
}

// revive starts Vault on what the killed one had stored.
func (l *lab) revive() {
	l.t.Helper()
	if err := l.v.boot(); err != nil {
		l.t.Fatal(err)
	}
	if err := l.v.unseal(); err != nil {
		l.t.Fatal(err)
	}
}

// systemNamed finds a way to write a role by the role's name.
func systemNamed(name string) system {
	return systems[slices.IndexFunc(systems, func(s system) bool { return s.name == name })]
}
