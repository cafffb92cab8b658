package mount

import (
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// SystemView asks Vault at most once a second for what it answers every request with the same. Each
// question is a call to another process, and costs as much as the rest of a read together.
//
// A second of old news is harmless. Replication state and kind of mount don't change while a process
// lives: Vault ends the mounts of a node, and starts them anew, whenever its part changes; and before a
// reader's refresh they are asked for anew all the same. The longest lease is enforced by Vault itself; here it
// only spares the reader a warning.
type SystemView struct {
	logical.SystemView                                // Vault's
	Replication        Fresh[consts.ReplicationState] // of ReplicationState
	Longest            Fresh[time.Duration]           // of MaxLeaseTTL
	local              Fresh[bool]
	Taint              Fresh[bool] // of Tainted
}

// Writes tells whether a node writes the mount's storage. The state is unknown when Vault does not
// answer, as for a plugin process that has outlived it.
func Writes(v logical.SystemView) bool {
	state := v.ReplicationState()
	if state == consts.ReplicationUnknown || state.HasState(consts.ReplicationDRSecondary|consts.ReplicationPerformanceStandby) {
		return false
	}
	return !state.HasState(consts.ReplicationPerformanceSecondary) || v.LocalMount()
}

// ReplicationState implements logical.SystemView.
func (v *SystemView) ReplicationState() consts.ReplicationState {
	return v.Replication.get(v.SystemView.ReplicationState)
}

// LocalMount implements logical.SystemView.
func (v *SystemView) LocalMount() bool { return v.local.get(v.SystemView.LocalMount) }

// MaxLeaseTTL implements logical.SystemView.
func (v *SystemView) MaxLeaseTTL() time.Duration { return v.Longest.get(v.SystemView.MaxLeaseTTL) }

// Tainted implements logical.SystemView.
func (v *SystemView) Tainted() bool { return v.Taint.get(v.SystemView.Tainted) }

// freshFor is how long an answer counts.
const freshFor = time.Second

// Fresh is an answer that is asked for again when it is old. The zero value is ready.
type Fresh[T any] struct{ last atomic.Pointer[dated[T]] }

type dated[T any] struct {
	value T
	at    time.Time
}

func (f *Fresh[T]) get(ask func() T) T {
	if last := f.last.Load(); last != nil {
		if age := clock.Since(last.at); age >= 0 && age < freshFor { // one of the future is of a clock that was put back
			return last.value
		}
	}
	at := clock.Now() // before the question: an answer may be as old as that
	value := ask()
	f.last.Store(&dated[T]{value, at})
	return value
}
