package main

import (
	"fmt"
	"math/rand/v2"
)

// crowd is how many roles are read at random.
const crowd = 10_000

// warm compares reads that need no refresh with plugins that do nothing but answer.
func warm(t *table) error {
	p := startProvider(false, 0)
	defer p.Close()
	for _, storage := range []string{"inmem", "raft"} {
		err := withVault(storage, func(v *vault) error { return v.warm(t, storage, p) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (v *vault) warm(t *table, storage string, p *provider) error {
	unleased := map[string]any{"lease": false}
	if err := v.define("bench", p); err != nil {
		return err
	}
	if _, err := v.Logical().Write("kv/x", map[string]any{"access_token": "constant-0123456789abcdef0123456789abcdef"}); err != nil {
		return err
	}
	if err := v.grant("leased", 1, "bench", false, nil); err != nil {
		return err
	}
	if err := v.grant("bare", 1, "bench", false, unleased); err != nil {
		return err
	}
	kv := fixed("kv", 16, "kv/x")
	constant, leased := fixed("constant", 16, "base/constant/x"), fixed("leased", 16, "base/leased/x")
	ownBare, ownLeased := fixed("creds, lease=false", 16, "oauth/creds/bare0"), fixed("creds", 16, "oauth/creds/leased0")
	if err := v.interleave(*rounds, *turn, kv, constant, leased, ownBare, ownLeased); err != nil {
		return err
	}
	compare(t, storage, ownLeased, leased, "≥ 0.95")
	compare(t, storage, ownBare, constant, "≥ 0.95")
	compare(t, storage, leased, constant, "what a lease costs")
	compare(t, storage, constant, kv, "what a plugin costs")
	if storage == "raft" {
		return nil // the rest is the same there
	}

	constant64, leased64 := fixed("constant, 64 readers", 64, "base/constant/x"), fixed("leased, 64 readers", 64, "base/leased/x")
	bare64, own64 := fixed("lease=false, 64 readers", 64, "oauth/creds/bare0"), fixed("creds, 64 readers", 64, "oauth/creds/leased0")
	if err := v.interleave(*rounds, *turn, constant64, leased64, bare64, own64); err != nil {
		return err
	}
	compare(t, storage, own64, leased64, "≥ 0.9")
	compare(t, storage, bare64, constant64, "≥ 0.9")

	if err := v.grant("crowd", crowd, "bench", false, unleased); err != nil {
		return err
	}
	// Warm is what has been read since it was refreshed.
	if err := each(crowd, func(i int) error { _, err := v.Logical().Read(fmt.Sprint("oauth/creds/crowd", i)); return err }); err != nil {
		return err
	}
	random := &contender{name: fmt.Sprintf("lease=false, %d roles at random", crowd), readers: 16,
		path: func(int) string { return fmt.Sprint("oauth/creds/crowd", rand.IntN(crowd)) }}
	if err := v.interleave(*rounds, *turn, constant, random); err != nil {
		return err
	}
	compare(t, storage, random, constant, "≥ 0.9")
	return nil
}

func fixed(name string, readers int, path string) *contender {
	return &contender{name: name, readers: readers, path: func(int) string { return path }}
}

func compare(t *table, storage string, c, to *contender, target string) {
	t.add(fmt.Sprintf("%s (%s)", c.name, storage), fmt.Sprintf("%.0f/s", median(c.rates)),
		fmt.Sprintf("%s: %.0f/s", to.name, median(to.rates)), fmt.Sprintf("%.2f", c.ratio(to)), target)
}
