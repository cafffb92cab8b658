package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// manyRoles is a large mount.
const manyRoles = 100_000

// many starts the plugin over a large mount, and reads all of it.
func many(t *table) error {
	p := startProvider(false, 0)
	defer p.Close()
	s := new(countedStorage)
	if err := seed(s, p); err != nil {
		return err
	}
	empty, err := weigh(new(countedStorage), 0)
	if err != nil {
		return err
	}
	if err := multiply(s, manyRoles); err != nil {
		return err
	}
	h, err := start(s)
	if err != nil {
		return err
	}
	defer h.stop()
	began := time.Now()
	if err := h.initialize(); err != nil {
		return err
	}
	initialized := time.Since(began)
	if err := h.request(logical.ReadOperation, "creds/many0", nil); err != nil {
		return err
	}
	first := time.Since(began)
	t.add(fmt.Sprintf("start with %d roles: first read answered", manyRoles), millis(first), "unseal waits "+millis(initialized), "", "at once")
	if err := t.surveyed(h, began); err != nil {
		return err
	}
	full, err := h.readAll(manyRoles)
	if err != nil {
		return err
	}
	t.add(fmt.Sprintf("memory with %d roles, all in use", manyRoles), fmt.Sprintf("%.0f MiB", float64(full)/(1<<20)),
		fmt.Sprintf("with none: %.0f MiB", float64(empty)/(1<<20)), fmt.Sprintf("%.2f KiB a role", float64(full-empty)/manyRoles/(1<<10)), "≤ 2 KiB a role")
	return t.standing(h)
}

// surveyed waits until the plugin has looked at every role, and reads meanwhile.
func (t *table) surveyed(h *host, began time.Time) error {
	var waits []time.Duration
	for h.storage.roles.Load() < manyRoles {
		asked := time.Now()
		if err := h.request(logical.ReadOperation, fmt.Sprint("creds/many", rand.IntN(100)), nil); err != nil {
			return err
		}
		waits = append(waits, time.Since(asked))
		time.Sleep(20 * time.Millisecond)
	}
	t.add("reads while the index is filled, p99 (plugin alone)", millis(quantile(waits, 0.99)),
		"filled in "+time.Since(began).Round(time.Second).String(), fmt.Sprintf("%.0f roles/s", manyRoles/time.Since(began).Seconds()), "bounded rate")
	return nil
}

// seed leaves in storage what one role with a token is.
func seed(s *countedStorage, p *provider) error {
	h, err := start(s)
	if err != nil {
		return err
	}
	defer h.stop()
	for _, write := range []struct {
		path string
		data map[string]any
	}{
		{"config", map[string]any{"allow_insecure_endpoints": true}},
		{"providers/bench", map[string]any{"token_endpoint": p.URL + "/token", "token_endpoint_auth_method": "client_secret_basic"}},
		{"roles/many", map[string]any{"provider": "bench", "client_id": "bench", "client_secret": "secret of bench", "refresh_token": "refresh"}},
	} {
		if err := h.request(logical.UpdateOperation, write.path, write.data); err != nil {
			return err
		}
	}
	return h.request(logical.ReadOperation, "creds/many", nil)
}

// multiply puts copies in the seed's place.
func multiply(s *countedStorage, n int) error {
	ctx := context.Background()
	for _, kind := range []string{"role/many", "token/many"} {
		entry, err := s.Get(ctx, kind)
		if err != nil {
			return err
		}
		for i := range n {
			if err := s.Put(ctx, &logical.StorageEntry{Key: fmt.Sprint(kind, i), Value: entry.Value}); err != nil {
				return err
			}
		}
		if err := s.Delete(ctx, kind); err != nil {
			return err
		}
	}
	return nil
}

// weigh is what the plugin takes over a storage.
func weigh(s *countedStorage, roles int) (int64, error) {
	h, err := start(s)
	if err != nil {
		return 0, err
	}
	defer h.stop()
	if err := h.initialize(); err != nil {
		return 0, err
	}
	return h.readAll(roles)
}

// readAll reads every role twice, and returns what the plugin takes then.
func (h *host) readAll(roles int) (int64, error) {
	for range 2 {
		err := each(roles, func(i int) error { return h.request(logical.ReadOperation, fmt.Sprint("creds/many", i), nil) })
		if err != nil {
			return 0, err
		}
	}
	return h.resident()
}
