package grant_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/mount"
)

func TestAWarmReadAsksVaultNothing(t *testing.T) {
	b, server := enginetest.NewWarm(t)
	asked := 0
	b.Backend.System().(*mount.SystemView).SystemView = countingSystem{b.View, &asked}
	b.Read("creds/r") // asks what may be a second old
	asked = 0
	for _, f := range []enginetest.Fields{nil, {"min_ttl": "1m"}} {
		if n := b.Gets(func() { b.Do(logical.ReadOperation, "creds/r", f) }); n != 0 || asked > 3 {
			t.Errorf("%v: %d reads of storage, %d other questions", f, n, asked)
		}
	}
	if n := len(server.Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
	if m, ok := b.Grants.Memory.Recall("r"); !ok || m.State.RefreshToken.IsSet() {
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
		write func(b *enginetest.Mount)
		want  func(resp *logical.Response) bool
	}{
		"a refresh": {func(b *enginetest.Mount) { b.Write("refresh/r", nil) },
			func(resp *logical.Response) bool { return resp.Data["generation"] == int64(2) }},
		"the role": {func(b *enginetest.Mount) { b.Write("roles/r", enginetest.Fields{"ttl": "1m"}) },
			func(resp *logical.Response) bool { return resp.Secret.TTL == time.Minute }},
		"the role, patched": {func(b *enginetest.Mount) { b.Patch("roles/r", enginetest.Fields{"lease": false}) },
			func(resp *logical.Response) bool { return resp.Secret == nil }},
		"the provider": {func(b *enginetest.Mount) {
			b.Write("providers/test", enginetest.Fields{"refresh_window": "59m59s", "refresh_invalidates_access_token": true})
		},
			func(resp *logical.Response) bool { return resp.Secret.TTL < 31*time.Minute }},
		"a longest lease": {func(b *enginetest.Mount) {
			b.View.MaxLeaseTTLVal = 10 * time.Second
			b.Backend.System().(*mount.SystemView).Longest = mount.Fresh[time.Duration]{} // a second later
		}, func(resp *logical.Response) bool { return resp.Secret.TTL == 10*time.Second }},
	} {
		t.Run(what, func(t *testing.T) {
			b, _ := enginetest.NewWarm(t)
			c.write(b)
			for range 2 {
				if resp := b.Read("creds/r"); !c.want(resp) {
					t.Errorf("%v, lease %+v", resp.Data, resp.Secret)
				}
			}
		})
	}
	b, _ := enginetest.NewWarm(t)
	b.Delete("roles/r")
	b.Rejects(enginetest.ReadOp, "creds/r", nil, "no role of this name")
	b, _ = enginetest.NewWarm(t)
	b.Write("revoke/r", nil)
	b.NoCreds("r", 400)
}

// A write whose outcome is unknown is forgotten too: the storage decides.
func TestMemoryForgetsWhatMayBeWritten(t *testing.T) {
	b, _ := enginetest.NewWarm(t)
	b.Storage.AfterPut(func(string) error { return enginetest.ErrDisk })
	_, _ = b.Try(t.Context(), enginetest.WriteOp, "roles/r", enginetest.Fields{"ttl": "1m"})
	b.Storage.AfterPut(nil)
	if got := b.Read("creds/r").Secret.TTL; got != time.Minute {
		t.Errorf("a lease of %s", got)
	}
}

// A reader that has looked before a write and answers after it must not have its look remembered.
func TestMemoryOfALookThatAWriteOvertakes(t *testing.T) {
	b, _ := enginetest.NewWarm(t)
	b.Write("roles/r", enginetest.Fields{"ttl": "2m"}) // forgotten
	b.Grants.Forget("provider/test")                   // so that it is read
	looking, goOn := make(chan struct{}), make(chan struct{})
	var once atomic.Bool
	b.Storage.OnGet(func(key string) error {
		if key == "provider/test" && once.CompareAndSwap(false, true) { // it has read the role
			close(looking)
			<-goOn
		}
		return nil
	})
	reader := b.StartRead(t.Context(), "r")
	<-looking
	b.Write("roles/r", enginetest.Fields{"ttl": "1m"})
	close(goOn)
	enginetest.Await(t, reader)
	if got := b.Read("creds/r").Secret.TTL; got != time.Minute {
		t.Errorf("the next reader has a lease of %s: what was written is not seen", got)
	}
}

// Nor one that has looked while a write was under way.
func TestMemoryOfALookDuringAWrite(t *testing.T) {
	b, _ := enginetest.NewWarm(t)
	b.Write("roles/r", enginetest.Fields{"ttl": "2m"}) // forgotten
	b.Storage.OnPut(func(string) error { b.Read("creds/r"); return nil })
	b.Write("roles/r", enginetest.Fields{"ttl": "1m"})
	b.Storage.OnPut(nil)
	if got := b.Read("creds/r").Secret.TTL; got != time.Minute {
		t.Errorf("the next reader has a lease of %s: what was written is not seen", got)
	}
}

// Where others may write the storage nothing is remembered, neither of now nor of before: on a node that only
// reads, or that has lost its Vault.
func TestNothingIsRememberedWhereOthersWrite(t *testing.T) {
	for _, state := range []consts.ReplicationState{consts.ReplicationDRSecondary, consts.ReplicationUnknown} {
		b, _ := enginetest.NewWarm(t)
		become := func(s consts.ReplicationState) {
			b.View.ReplicationStateVal = s
			b.Backend.System().(*mount.SystemView).Replication = mount.Fresh[consts.ReplicationState]{} // a second later
		}
		writer := b.View.ReplicationStateVal
		become(state)
		other := enginetest.NewOn(t, b.Storage)
		for generation := int64(2); generation < 5; generation++ {
			other.Write("refresh/r", nil)
			if got := b.Data("creds/r")["generation"]; got != generation {
				t.Errorf("state %d: generation %v is served after another node's refresh %d", state, got, generation)
			}
		}
		other.Write("refresh/r", nil)
		become(writer)
		if got := b.Data("creds/r")["generation"]; got != int64(5) {
			t.Errorf("state %d: generation %v is remembered from a time in which others wrote", state, got)
		}
	}
}

// Vault says what others have written, where it is not clear who writes.
func TestInvalidationIsHeard(t *testing.T) {
	b, _ := enginetest.NewWarm(t)
	other := enginetest.NewOn(t, b.Storage)
	other.Write("refresh/r", nil)
	b.InvalidateKey(context.Background(), "token/r")
	if got := b.Data("creds/r")["generation"]; got != int64(2) {
		t.Errorf("generation %v", got)
	}
}

// What is held because storage refuses it is newer than anything remembered.
func TestWhatIsHeldGoesBeforeMemory(t *testing.T) {
	b, _ := enginetest.NewWarm(t)
	newer := b.Stored("r")
	newer.Generation++
	b.Grants.Held.Put("r", newer)
	if got := b.Data("creds/r")["generation"]; got != int64(2) {
		t.Errorf("generation %v", got)
	}
	b.Grants.Held.Drop("r")
	if got := b.Data("creds/r")["generation"]; got != int64(1) {
		t.Errorf("generation %v is remembered, which was never stored", got)
	}
}

// Readers overlap all the time where there are many: what the first has seen is remembered, although the
// second has begun since.
func TestReadersDontUndoEachOthersLooks(t *testing.T) {
	b := enginetest.New(t)
	enginetest.NewGrant(enginetest.NewEndpoint(t, b))
	b.WriteRole("r")
	b.Read("creds/r")
	b.Write("roles/r", enginetest.Fields{"ttl": "1m"})
	b.Grants.Forget("provider/test") // so that it is read
	began, gates := make(chan struct{}), []chan struct{}{make(chan struct{}), make(chan struct{})}
	var n atomic.Int64
	b.Storage.OnGet(func(key string) error {
		if at := n.Load(); key == "provider/test" && int(at) < len(gates) {
			n.Add(1)
			began <- struct{}{}
			<-gates[at]
		}
		return nil
	})
	first := b.StartRead(t.Context(), "r")
	enginetest.Await(t, began)
	second := b.StartRead(t.Context(), "r")
	enginetest.Await(t, began)
	close(gates[0])
	enginetest.Await(t, first)
	if _, ok := b.Grants.Memory.Recall("r"); !ok {
		t.Error("the first reader's look is not remembered")
	}
	close(gates[1])
	enginetest.Await(t, second)
	b.Grants.Memory.Mu.Lock()
	defer b.Grants.Memory.Mu.Unlock()
	if len(b.Grants.Memory.Looks) != 0 {
		t.Errorf("%d looks are left open", len(b.Grants.Memory.Looks))
	}
}
