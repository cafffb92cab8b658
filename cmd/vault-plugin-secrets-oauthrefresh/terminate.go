package main

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/hashicorp/vault/sdk/logical"

	oauthrefresh "vault-plugin-secrets-oauthrefresh"
)

// mounts are the backends that this process serves.
type mounts struct {
	mu       sync.Mutex
	backends []logical.Backend
}

// factory is the engine's, and remembers what it has built.
func (m *mounts) factory(ctx context.Context, conf *logical.BackendConfig) (logical.Backend, error) {
	b, err := oauthrefresh.Factory(ctx, conf)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.backends = append(m.backends, b)
	return b, nil
}

// endOnSIGTERM ends the process when it is told to, but not before what is in flight is stored. Vault
// itself ends its plugins over their connection; the signal comes from systemd, which sends it to every
// process of a service unless its unit says otherwise, or from an operator.
func (m *mounts) endOnSIGTERM() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	go func() {
		<-signals
		m.end()
		os.Exit(0)
	}()
}

func (m *mounts) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	var wg sync.WaitGroup
	for _, b := range m.backends {
		wg.Go(func() { b.Cleanup(context.Background()) })
	}
	wg.Wait()
}
