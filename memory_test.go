package oauthrefresh

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// newWarm is a mount whose role r has a token that readers have had.
func newWarm(t *testing.T) (*testBackend, *clienttest.Server) {
	t.Helper()
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	newGrant(server)
	b.writeRole("r")
	b.read("creds/r")
	return b, server
}

// gets counts the reads of storage while f runs.
func (b *testBackend) gets(f func()) int64 {
	var n atomic.Int64
	b.storage.onGet(func(string) error { n.Add(1); return nil })
	defer b.storage.onGet(nil)
	f()
	return n.Load()
}

func TestAWarmReadAsksVaultNothing(t *testing.T) {
	b, server := newWarm(t)
	asked := 0
	b.Backend.System().(*mount.SystemView).SystemView = countingSystem{b.view, &asked}
	b.read("creds/r") // asks what may be a second old
	asked = 0
	for _, f := range []fields{nil, {"min_ttl": "1m"}} {
		if n := b.gets(func() { b.do(logical.ReadOperation, "creds/r", f) }); n != 0 || asked > 3 {
			t.Errorf("%v: %d reads of storage, %d other questions", f, n, asked)
		}
	}
	if n := len(server.Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
	if m, ok := b.grants.Memory.Recall("r"); !ok || m.State.RefreshToken.IsSet() {
		t.Error("the memory holds nothing, or a refresh token")
	}
}

// countingSystem counts what a read asks Vault.
type countingSystem struct {
	logical.SystemView
	asked *int
}

func (s countingSystem) ReplicationState() consts.ReplicationState {
	*s.asked++
	return s.SystemView.ReplicationState()
}

func (s countingSystem) MaxLeaseTTL() time.Duration {
	*s.asked++
	return s.SystemView.MaxLeaseTTL()
}

// Whatever is written is seen by the next reader.
func TestMemoryForgetsWhatIsWritten(t *testing.T) {
	for what, c := range map[string]struct {
		write func(b *testBackend)
		want  func(resp *logical.Response) bool
	}{
		"a refresh": {func(b *testBackend) { b.write("refresh/r", nil) },
			func(resp *logical.Response) bool { return resp.Data["generation"] == int64(2) }},
		"the role": {func(b *testBackend) { b.write("roles/r", fields{"ttl": "1m"}) },
			func(resp *logical.Response) bool { return resp.Secret.TTL == time.Minute }},
		"the role, patched": {func(b *testBackend) { b.patch("roles/r", fields{"lease": false}) },
			func(resp *logical.Response) bool { return resp.Secret == nil }},
		"the provider": {func(b *testBackend) {
			b.write("providers/test", fields{"refresh_window": "59m59s", "refresh_invalidates_access_token": true})
		},
			func(resp *logical.Response) bool { return resp.Secret.TTL < 31*time.Minute }},
		"a longest lease": {func(b *testBackend) {
			b.view.MaxLeaseTTLVal = 10 * time.Second
			b.Backend.System().(*mount.SystemView).Longest = mount.Fresh[time.Duration]{} // a second later
		}, func(resp *logical.Response) bool { return resp.Secret.TTL == 10*time.Second }},
	} {
		t.Run(what, func(t *testing.T) {
			b, _ := newWarm(t)
			c.write(b)
			for range 2 {
				if resp := b.read("creds/r"); !c.want(resp) {
					t.Errorf("%v, lease %+v", resp.Data, resp.Secret)
				}
			}
		})
	}
	b, _ := newWarm(t)
	b.delete("roles/r")
	b.rejects(readOp, "creds/r", nil, "no role of this name")
	b, _ = newWarm(t)
	b.write("revoke/r", nil)
	b.noCreds("r", 400)
}

// A write whose outcome is unknown is forgotten too: the storage decides.
func TestMemoryForgetsWhatMayBeWritten(t *testing.T) {
	b, _ := newWarm(t)
	b.storage.afterPut(func(string) error { return errDisk })
	_, _ = b.try(t.Context(), writeOp, "roles/r", fields{"ttl": "1m"})
	b.storage.afterPut(nil)
	if got := b.read("creds/r").Secret.TTL; got != time.Minute {
		t.Errorf("a lease of %s", got)
	}
}

// A reader that has looked before a write and answers after it must not have its look remembered.
func TestMemoryOfALookThatAWriteOvertakes(t *testing.T) {
	b, _ := newWarm(t)
	b.write("roles/r", fields{"ttl": "2m"}) // forgotten
	looking, goOn := make(chan struct{}), make(chan struct{})
	var once atomic.Bool
	b.storage.onGet(func(key string) error {
		if key == "provider/test" && once.CompareAndSwap(false, true) { // it has read the role
			close(looking)
			<-goOn
		}
		return nil
	})
	reader := b.startRead(t.Context(), "r")
	<-looking
	b.write("roles/r", fields{"ttl": "1m"})
	close(goOn)
	await(t, reader)
	if got := b.read("creds/r").Secret.TTL; got != time.Minute {
		t.Errorf("the next reader has a lease of %s: what was written is not seen", got)
	}
}

// Nor one that has looked while a write was under way.
func TestMemoryOfALookDuringAWrite(t *testing.T) {
	b, _ := newWarm(t)
	b.write("roles/r", fields{"ttl": "2m"}) // forgotten
	b.storage.onPut(func(string) error { b.read("creds/r"); return nil })
	b.write("roles/r", fields{"ttl": "1m"})
	b.storage.onPut(nil)
	if got := b.read("creds/r").Secret.TTL; got != time.Minute {
		t.Errorf("the next reader has a lease of %s: what was written is not seen", got)
	}
}

// Where others may write the storage nothing is remembered, neither of now nor of before: on a node that only
// reads, or that has lost its Vault.
func TestNothingIsRememberedWhereOthersWrite(t *testing.T) {
	for _, state := range []consts.ReplicationState{consts.ReplicationDRSecondary, consts.ReplicationUnknown} {
		b, _ := newWarm(t)
		become := func(s consts.ReplicationState) {
			b.view.ReplicationStateVal = s
			b.Backend.System().(*mount.SystemView).Replication = mount.Fresh[consts.ReplicationState]{} // a second later
		}
		writer := b.view.ReplicationStateVal
		become(state)
		other := newTestBackendOn(t, b.storage)
		for generation := int64(2); generation < 5; generation++ {
			other.write("refresh/r", nil)
			if got := b.data("creds/r")["generation"]; got != generation {
				t.Errorf("state %d: generation %v is served after another node's refresh %d", state, got, generation)
			}
		}
		other.write("refresh/r", nil)
		become(writer)
		if got := b.data("creds/r")["generation"]; got != int64(5) {
			t.Errorf("state %d: generation %v is remembered from a time in which others wrote", state, got)
		}
	}
}

// Vault says what others have written, where it is not clear who writes.
func TestInvalidationIsHeard(t *testing.T) {
	b, _ := newWarm(t)
	other := newTestBackendOn(t, b.storage)
	other.write("refresh/r", nil)
	b.InvalidateKey(context.Background(), "token/r")
	if got := b.data("creds/r")["generation"]; got != int64(2) {
		t.Errorf("generation %v", got)
	}
}

// What is held because storage refuses it is newer than anything remembered.
func TestWhatIsHeldGoesBeforeMemory(t *testing.T) {
	b, _ := newWarm(t)
	newer := b.stored("r")
	newer.Generation++
	b.grants.Held.Put("r", newer)
	if got := b.data("creds/r")["generation"]; got != int64(2) {
		t.Errorf("generation %v", got)
	}
	b.grants.Held.Drop("r")
	if got := b.data("creds/r")["generation"]; got != int64(1) {
		t.Errorf("generation %v is remembered, which was never stored", got)
	}
}

// Readers overlap all the time where there are many: what the first has seen is remembered, although the
// second has begun since.
func TestReadersDontUndoEachOthersLooks(t *testing.T) {
	b := newTestBackend(t)
	newGrant(newEndpoint(t, b))
	b.writeRole("r")
	b.read("creds/r")
	b.write("roles/r", fields{"ttl": "1m"})
	began, gates := make(chan struct{}), []chan struct{}{make(chan struct{}), make(chan struct{})}
	var n atomic.Int64
	b.storage.onGet(func(key string) error {
		if at := n.Load(); key == "provider/test" && int(at) < len(gates) {
			n.Add(1)
			began <- struct{}{}
			<-gates[at]
		}
		return nil
	})
	first := b.startRead(t.Context(), "r")
	await(t, began)
	second := b.startRead(t.Context(), "r")
	await(t, began)
	close(gates[0])
	await(t, first)
	if _, ok := b.grants.Memory.Recall("r"); !ok {
		t.Error("the first reader's look is not remembered")
	}
	close(gates[1])
	await(t, second)
	b.grants.Memory.Mu.Lock()
	defer b.grants.Memory.Mu.Unlock()
	if len(b.grants.Memory.Looks) != 0 {
		t.Errorf("%d looks are left open", len(b.grants.Memory.Looks))
	}
}
