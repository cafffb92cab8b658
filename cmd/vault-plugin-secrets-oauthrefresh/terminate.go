package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/hashicorp/vault/sdk/logical"

	oauthrefresh "vault-plugin-secrets-oauthrefresh"
)

// mount is a backend and the Vault that it answers to.
type mount struct {
	logical.Backend
	vault logical.SystemView
}

// mounts are what this process serves.
type mounts struct {
	mu     sync.Mutex
	ending bool
	served []mount
}

var errEnding = errors.New("the plugin's process is ending: try again")

// factory is the engine's, and remembers what it has built.
func (m *mounts) factory(ctx context.Context, conf *logical.BackendConfig) (logical.Backend, error) {
	b, err := oauthrefresh.Factory(ctx, conf)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ending {
		return nil, errEnding // nobody would wait for its refreshes
	}
	m.served = append(m.served, mount{b, conf.System})
	return b, nil
}

// heedSignals takes every signal that can be taken (docs/signals.md). What Vault goes on after, its plugin
// goes on after: a SIGHUP is how operators make Vault reopen its audit log, and `pkill -HUP vault` finds the
// plugin too, whose name begins like Vault's. Only who says that the process is to end ends it, and not
// before what is in flight is stored.
func (m *mounts) heedSignals() {
	endings := make(chan os.Signal, 1) // nobody looks for a second one: the end is bounded as it is
	signal.Notify(endings, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGABRT)
	// All others there are, into a channel that nobody reads. A write to a Vault that has gone is an
	// error then, and not the end (SIGPIPE).
	signal.Notify(make(chan os.Signal, 1))
	go func() {
		<-endings
		m.end()
		os.Exit(0)
	}()
}

// end ends the mounts as Vault would: each waits for what it has begun.
func (m *mounts) end() {
	var wg sync.WaitGroup
	for _, b := range m.last() {
		wg.Go(func() { b.Cleanup(context.Background()) })
	}
	wg.Wait()
}

// last returns the mounts, after which there will be no other.
func (m *mounts) last() []mount {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ending = true
	return m.served
}
