package mount_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/mount"
)

func TestDrainWaitsForWhatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		work := mount.NewTasks()
		var ended atomic.Int32
		for _, d := range []time.Duration{time.Second, 3 * time.Second} {
			if !work.Begin(func() { time.Sleep(d); ended.Add(1) }) {
				t.Fatal("no task may begin")
			}
		}
		start := time.Now()
		if left := work.Drain(time.Minute); left != 0 || ended.Load() != 2 || time.Since(start) != 3*time.Second {
			t.Errorf("%d left, %d ended after %v", left, ended.Load(), time.Since(start))
		}
		if work.Begin(func() { t.Error("a task runs after the end") }) {
			t.Error("a task begins after the end")
		}
		synctest.Wait()
		if left := work.Drain(time.Minute); left != 0 {
			t.Errorf("a second drain finds %d", left)
		}
	})
}

// Clean has no deadline of its own, and blocks a step-down.
func TestDrainIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		work := mount.NewTasks()
		gate := make(chan struct{})
		work.Begin(func() { <-gate })
		work.Begin(func() { <-gate })
		start := time.Now()
		if left := work.Drain(time.Minute); left != 2 || time.Since(start) != time.Minute {
			t.Errorf("%d left after %v", left, time.Since(start))
		}
		close(gate)
		synctest.Wait()
		if left := work.Drain(time.Minute); left != 0 {
			t.Errorf("%d left", left)
		}
	})
}

func TestDrainOfNothingReturnsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		work := mount.NewTasks()
		start := time.Now()
		if left := work.Drain(time.Minute); left != 0 || time.Since(start) != 0 {
			t.Errorf("%d left after %v", left, time.Since(start))
		}
	})
}

// What a task leaves to be done is waited for like itself, even when the mount ends meanwhile: it may
// be an answer that is not stored yet.
func TestDrainWaitsForForks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		work := mount.NewTasks()
		stored := false
		gate := make(chan struct{})
		work.Begin(func() {
			<-gate
			work.Fork(func() { time.Sleep(5 * time.Second); stored = true })
		})
		time.AfterFunc(time.Second, func() { close(gate) })
		if left := work.Drain(time.Minute); left != 0 || !stored {
			t.Errorf("%d left, stored %v", left, stored)
		}
	})
}

// A pause between two tries ends early when the mount does, and tells when nobody waits any longer.
func TestTasksWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		work := mount.NewTasks()
		tries, pauses := 0, []time.Duration(nil)
		work.Begin(func() {
			for tries < 100 {
				start := time.Now()
				more := work.Wait(time.Hour)
				tries, pauses = tries+1, append(pauses, time.Since(start))
				if !more {
					return
				}
			}
		})
		time.Sleep(90 * time.Minute) // one whole pause, and half of the next
		synctest.Wait()
		if tries != 1 || pauses[0] != time.Hour {
			t.Errorf("%d tries, pauses %v", tries, pauses)
		}
		work.Drain(10 * grant.FirstHoldDelay)
		synctest.Wait()
		if pauses[1] != 30*time.Minute || pauses[2] != grant.FirstHoldDelay || tries < 10 || tries > 13 {
			t.Errorf("%d tries, pauses %v", tries, pauses)
		}
	})
}
