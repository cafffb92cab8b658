// Package clock is the wall clock that everything stored, compared and waited for goes by.
//
// The time that time.Now returns carries a reading of the monotonic clock too, by which such times are
// compared. That clock stands still while a machine is suspended and knows nothing of a wall clock that is
// put right, and what is read back from storage has no such reading: two times that mean the same then
// compare in two ways. So nothing else in the product asks time.Now; a test says so.
package clock

import (
	"sync/atomic"
	"time"
)

// step is how far the clock has been put forward, in nanoseconds.
var step atomic.Int64

// Now returns the wall clock's time, without a monotonic reading.
func Now() time.Time { return time.Now().Round(0).Add(time.Duration(step.Load())) }

// Until returns how long it is until t by the wall clock, negative when t is past. It may change between
// two calls by more than the time between them.
func Until(t time.Time) time.Duration { return t.Sub(Now()) }

// Since returns how long ago t was by the wall clock, negative when t is yet to come.
func Since(t time.Time) time.Duration { return Now().Sub(t) }

// Step puts the clock forward by d, or back where d is negative, for the whole process: what an NTP server
// or a hypervisor does to a host. It is for tests.
func Step(d time.Duration) { step.Add(int64(d)) }

// passed is the time that Pass has let pass.
var passed atomic.Int64

// Pass lets time pass, by the wall clock and by stopwatches, and no timer fires of it. It is for tests whose own
// clock stands still meanwhile.
func Pass(d time.Duration) {
	Step(d)
	passed.Add(int64(d))
}

// Watch is a stopwatch. It goes by the monotonic clock, which no step of the wall clock moves: for how long
// something took within one process, while the machine was awake.
type Watch struct{ began time.Time }

// Start starts a stopwatch.
func Start() Watch { return Watch{monotonic()} }

// Elapsed returns the time since Start.
func (w Watch) Elapsed() time.Duration { return monotonic().Sub(w.began) }

func monotonic() time.Time { return time.Now().Add(time.Duration(passed.Load())) }
