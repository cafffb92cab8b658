package e2e

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// A mount of a thousand roles is a small process, and a warm read asks the provider nothing.
func TestFootprint(t *testing.T) {
	t.Parallel()
	const roles, limitKiB = 1000, 60 << 10
	l := newLab(t)
	l.run(`vault write oauth/providers/generic token_endpoint="$GENERIC_TOKEN_ENDPOINT"
		token_endpoint_auth_method=client_secret_basic`)
	each(t, roles, func(i int) error {
		_, err := l.v.client().Logical().Write(fmt.Sprintf("oauth/roles/role-%04d", i), map[string]any{
			"provider": "generic", "grant_type": "client_credentials",
			"client_id": l.sandbox.env["GENERIC_CLIENT_ID"], "client_secret": l.sandbox.env["GENERIC_CLIENT_SECRET"],
		})
		return err
	})
	read := func(i int) error {
		_, err := l.v.client().Logical().Read(fmt.Sprintf("oauth/creds/role-%04d", i))
		return err
	}
	each(t, roles, read)
	if n := l.sandbox.stats("generic").Successes; n != roles {
		t.Errorf("%d tokens issued for %d roles", n, roles)
	}
	each(t, roles, read)
	if n := l.sandbox.stats("generic").Requests; n != roles {
		t.Errorf("%d requests to the provider after a warm read of every role, want %d", n, roles)
	}
	if n := len(strings.Split(l.run("vault list oauth/roles"), "\n")) - 2; n != roles {
		t.Errorf("%d roles are listed", n)
	}
	rss := residentKiB(t, l.pluginPID())
	t.Logf("%d roles: %.1f MiB resident", roles, float64(rss)/1024)
	if rss >= limitKiB {
		t.Errorf("%d KiB resident with %d roles, want less than %d", rss, roles, limitKiB)
	}
}

// each calls f for 0 to n-1 from a handful of goroutines.
func each(t *testing.T, n int, f func(int) error) {
	t.Helper()
	todo := make(chan int)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range todo {
				if err := f(i); err != nil {
					t.Errorf("%d: %v", i, err)
				}
			}
		})
	}
	for i := range n {
		todo <- i
	}
	close(todo)
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// residentKiB is the peak resident set size of a process.
func residentKiB(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.Atoi(strings.Fields(value)[0])
			if err != nil {
				t.Fatal(err)
			}
			return kib
		}
	}
	t.Fatal("no VmHWM")
	return 0
}
