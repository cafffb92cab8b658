package main

import (
	"fmt"
	"sync"

	"github.com/hashicorp/vault/api"
)

func (v *vault) mount(path, plugin string) error {
	return v.Sys().Mount(path, &api.MountInput{Type: plugin})
}

// define writes a provider and what the engine needs to speak to it.
func (v *vault) define(name string, p *provider) error {
	config := map[string]any{"allow_insecure_endpoints": true}
	if p.TLS != nil {
		config["ca_certificate"] = p.authority()
	}
	if _, err := v.Logical().Write("oauth/config", config); err != nil {
		return err
	}
	_, err := v.Logical().Write("oauth/providers/"+name, map[string]any{
		"token_endpoint": p.URL + "/token", "authorization_endpoint": p.URL + "/authorize",
		"token_endpoint_auth_method": "client_secret_basic", "refresh_token_rotation": "always",
	})
	return err
}

// grant writes n roles and, unless they are to stay cold, gets each its first token.
func (v *vault) grant(prefix string, n int, provider string, cold bool, more map[string]any) error {
	return each(n, func(i int) error {
		fields := map[string]any{
			"provider": provider, "client_id": "bench", "client_secret": "secret of bench", "refresh_token": fmt.Sprintf("refresh-%s%d", prefix, i),
		}
		for field, value := range more {
			fields[field] = value
		}
		name := fmt.Sprint(prefix, i)
		_, err := v.Logical().Write("oauth/roles/"+name, fields)
		if err == nil && !cold {
			_, err = v.Logical().Read("oauth/creds/" + name)
		}
		return err
	})
}

// each calls f for 0 to n-1, sixteen at a time, and returns an error if there was one.
func each(n int, f func(int) error) error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failure error
	next := 0
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1, next <= n && failure == nil
	}
	for range 16 {
		wg.Go(func() {
			for {
				i, ok := take()
				if !ok {
					return
				}
				if err := f(i); err != nil {
					mu.Lock()
					failure = err
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return failure
}
