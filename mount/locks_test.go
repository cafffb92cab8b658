package mount_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/mount"
)

func TestKeylockAdmitsOnePerName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var k mount.Locks
		inside, most, passed := 0, 0, 0
		unlock := enginetest.MustLock(t, &k, "a")
		for range 20 {
			go func() {
				defer enginetest.MustLock(t, &k, "a")()
				inside++ // without a lock of its own, for the race detector
				most = max(most, inside)
				inside--
				passed++
			}()
		}
		synctest.Wait()
		if passed != 0 || !k.Busy("a") {
			t.Errorf("%d passed a lock that is held", passed)
		}
		unlock()
		synctest.Wait()
		if passed != 20 || most != 1 {
			t.Errorf("%d passed, up to %d at once", passed, most)
		}
	})
}

// A role whose provider is slow must not hold up another one.
func TestKeylockKeepsNamesApart(t *testing.T) {
	var k mount.Locks
	unlock := enginetest.MustLock(t, &k, "a")
	for _, name := range []string{"", "A", "b", "a/", "aa"} {
		if k.Busy(name) {
			t.Errorf("%q is busy", name)
		}
		enginetest.MustLock(t, &k, name)() // would wait for ever
	}
	unlock()
}

// Who gives up neither keeps the lock nor stands in the way of the others.
func TestKeylockWaitersGiveUpWithTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var k mount.Locks
		unlock := enginetest.MustLock(t, &k, "a")
		ctx, cancel := context.WithCancel(t.Context())
		var given error
		passed := false
		go func() { _, given = k.Lock(ctx, "a") }()
		go func() { defer enginetest.MustLock(t, &k, "a")(); passed = true }()
		synctest.Wait()
		cancel()
		synctest.Wait()
		if !errors.Is(given, context.Canceled) || passed {
			t.Errorf("who gave up got %v; passed %v", given, passed)
		}
		unlock()
		synctest.Wait()
		if !passed {
			t.Error("the lock is lost with who gave up")
		}
	})
}

// Names cost nothing while nobody uses them: a mount may have seen any number of them.
func TestKeylockForgetsIdleNames(t *testing.T) {
	var k mount.Locks
	unlock := enginetest.MustLock(t, &k, "a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := k.Lock(ctx, "a"); err == nil {
		t.Fatal("a held lock is given twice")
	}
	if !k.Busy("a") {
		t.Error("who gave up takes the holder's lock along")
	}
	unlock()
	if k.Busy("a") || len(k.Locks) != 0 {
		t.Errorf("%d locks are left", len(k.Locks))
	}
}
