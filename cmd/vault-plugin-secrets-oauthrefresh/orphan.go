package main

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	oauthrefresh "vault-plugin-secrets-oauthrefresh"
)

// A Vault that is killed does not end its plugins, and nothing tells them: go-plugin goes on listening for
// a client that never comes back. So the process asks, twice to be sure.
const (
	lookInterval = 5 * time.Second
	looks        = 2
)

// endWithVault ends the process once the Vault that started it, as the parent given, has gone. What it holds
// can't be stored by anybody: what is in flight may end first, and nothing is waited for after that.
func (m *mounts) endWithVault(logger hclog.Logger, parent int, interval time.Duration) {
	m.awaitVaultsEnd(parent, interval)
	lost := m.abandon()
	logger.Error("Vault has gone without ending its plugin: the plugin ends by itself, with what it could not store", "refreshes_lost", lost)
	os.Exit(1)
}

func (m *mounts) awaitVaultsEnd(parent int, interval time.Duration) {
	for missed := 0; missed < looks; {
		time.Sleep(interval)
		if m.vaultGone(parent) {
			missed++
		} else {
			missed = 0
		}
	}
}

// vaultGone tells whether no mount reaches its Vault. The connection is the evidence, and not the parent's
// process id: in a container there is no parent, and a supervisor may come between.
func (m *mounts) vaultGone(parent int) bool {
	m.mu.Lock()
	served := m.served
	m.mu.Unlock()
	for _, b := range served {
		if b.reachesVault() {
			return false
		}
	}
	// Before Vault has set up a mount there is no connection to ask over, and nothing to lose.
	return len(served) > 0 || os.Getppid() != parent
}

// reachesVault asks Vault over the connection on which storage lies. Whatever it answers, it is there, and a
// Vault that is slow or stopped is there too: only nobody's listening any longer counts, or that Vault has
// ended the mount and closed the connection.
func (b mount) reachesVault() bool {
	ctx, cancel := context.WithTimeout(context.Background(), lookInterval)
	defer cancel()
	_, err := b.vault.PluginEnv(ctx)
	code := status.Code(err)
	return code != codes.Unavailable && code != codes.Canceled
}

// abandon ends the mounts and returns how many refreshes are lost with them.
func (m *mounts) abandon() int {
	var lost atomic.Int64
	var wg sync.WaitGroup
	for _, b := range m.last() {
		wg.Go(func() { lost.Add(int64(oauthrefresh.Abandon(b.Backend))) })
	}
	wg.Wait()
	return int(lost.Load())
}
