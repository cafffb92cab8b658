package main

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// slows is how many providers answer late, and how late.
const (
	slows = 40
	late  = 3 * time.Second
)

// slow reads a warm role while refreshes at slow providers are under way, and without.
func slow(t *table) error {
	fast, lazy := startProvider(false, 0), startProvider(false, late)
	defer fast.Close()
	defer lazy.Close()
	return withVault("inmem", func(v *vault) error {
		if err := v.define("fast", fast); err != nil {
			return err
		}
		if err := v.grant("warm", 1, "fast", false, map[string]any{"lease": false}); err != nil {
			return err
		}
		for i := range slows {
			if err := v.define(fmt.Sprint("lazy", i), lazy); err != nil {
				return err
			}
			if err := v.grant(fmt.Sprintf("late%d-", i), *rounds, fmt.Sprint("lazy", i), true, nil); err != nil {
				return err
			}
		}
		return v.slow(t, lazy)
	})
}

func (v *vault) slow(t *table, lazy *provider) error {
	alone, among := fixed("warm reads", 8, "oauth/creds/warm0"), fixed("warm reads", 8, "oauth/creds/warm0")
	if err := v.interleave(1, *turn, alone); err != nil {
		return err
	}
	for round := range *rounds {
		if err := v.measure(alone, *turn); err != nil {
			return err
		}
		var wg sync.WaitGroup
		failures := make(chan error, slows)
		for i := range slows {
			wg.Go(func() { failures <- v.get(&http.Client{}, fmt.Sprintf("oauth/creds/late%d-%d", i, round)) })
		}
		for want := int64(slows * (round + 1)); lazy.requests.Load() < want; {
			time.Sleep(time.Millisecond)
		}
		if err := v.measure(among, min(*turn, late/2)); err != nil {
			return err
		}
		wg.Wait()
		for range slows {
			if err := <-failures; err != nil {
				return err
			}
		}
	}
	a, b := quantile(alone.waits, 0.99), quantile(among.waits, 0.99)
	t.add(fmt.Sprintf("warm reads, p99, while %d providers take %s (inmem)", slows, late), millis(b),
		"without them: "+millis(a), millis(b-a)+" more", "≤ 50 ms more")
	return nil
}
