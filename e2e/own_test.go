package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
)

// own is what tests have taken for themselves, so that no two of them, nor two runs at once, get in each other's way.
var own struct {
	mu    sync.Mutex
	names map[string]int
	hosts []net.Listener // open until the run ends
}

// ownName is a name for a log, a directory or a server that nobody else in this run has: with -count a test runs
// more than once.
func ownName(name string) string {
	own.mu.Lock()
	defer own.mu.Unlock()
	if own.names == nil {
		own.names = map[string]int{}
	}
	if own.names[name]++; own.names[name] > 1 {
		return fmt.Sprintf("%s-%d", name, own.names[name])
	}
	return name
}

// ownDir is a directory for a test's own files.
func ownDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(workdir, "lab-")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// The ports of every Vault, and one that claims its address.
const apiPort, clusterPort, claimPort = 8200, 8201, 8202

// ownHost is a loopback address on which nobody but one Vault of this run listens. A free port of 127.0.0.1 would be
// no promise: until Vault listens on it, and while it is killed and starts again, any connection that anybody opens
// may get the same.
func ownHost() (string, error) {
	own.mu.Lock()
	defer own.mu.Unlock()
	var err error
	for range 100 {
		host := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
		var claim net.Listener
		if claim, err = (&net.ListenConfig{}).Listen(context.Background(), "tcp", fmt.Sprintf("%s:%d", host, claimPort)); err == nil {
			own.hosts = append(own.hosts, claim)
			return host, nil
		}
	}
	return "", fmt.Errorf("no loopback address to be had: %w", err)
}
