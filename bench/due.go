package main

import (
	"fmt"
	"time"
)

// dueRoles is how many refreshes are due at once, and abreast how many the engine makes at a time at one provider.
const dueRoles, abreast = 10_000, 64

// due compares how fast the engine makes refreshes that are all due at once, over TLS, with rotation and raft, with a plugin
// that makes nothing but the writes and the requests of them, as many at a time.
func due(t *table) error {
	var own, parts, ratios []float64
	for range min(*rounds, 3) {
		err := withVault("raft", func(v *vault) error {
			rate, base, err := v.due()
			own, parts, ratios = append(own, rate), append(parts, base), append(ratios, rate/base)
			return err
		})
		if err != nil {
			return err
		}
	}
	t.add(fmt.Sprintf("refreshes, %d due at once (raft, TLS, rotation)", dueRoles), fmt.Sprintf("%.0f/s", median(own)),
		fmt.Sprintf("two writes and a resumed handshake: %.0f/s", median(parts)), fmt.Sprintf("%.2f", median(ratios)), "≥ 0.8")
	return nil
}

// due measures the engine's rate between two halves of the other's. Each role's provider has asked it to come back at one
// and the same second, as a server does that is down for maintenance.
func (v *vault) due() (own, parts float64, err error) {
	const enough = 150 * time.Second // to write all roles, and to have each put off
	p := startProvider(true, 0)
	defer p.Close()
	if err := v.define("bench", p); err != nil {
		return 0, 0, err
	}
	if _, err := v.Logical().Write("oauth/providers/bench", map[string]any{"refresh_token_idle_ttl": "1h"}); err != nil {
		return 0, 0, err
	}
	back := time.Now().Add(enough)
	p.away.Store(back.Unix())
	if err := v.grant("due", dueRoles, "bench", true, map[string]any{"keepalive_period": "10s"}); err != nil {
		return 0, 0, err
	}
	if _, err := v.exchanges(p, abreast); err != nil { // for sessions to resume
		return 0, 0, err
	}
	for p.putOff.Load() < dueRoles {
		if time.Now().After(back) {
			return 0, 0, fmt.Errorf("%d of %d roles were put off in time", p.putOff.Load(), dueRoles)
		}
		time.Sleep(time.Second)
	}
	first, err := v.exchanges(p, dueRoles/2)
	if err != nil {
		return 0, 0, err
	}
	time.Sleep(time.Until(back))
	for p.granted.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	began := time.Now()
	for p.granted.Load() < dueRoles {
		time.Sleep(time.Millisecond)
	}
	took := time.Since(began)
	second, err := v.exchanges(p, dueRoles/2)
	return dueRoles / took.Seconds(), dueRoles / (first + second).Seconds(), err
}

// exchanges has the baseline make so many, and returns how long it takes.
func (v *vault) exchanges(p *provider, n int) (time.Duration, error) {
	began := time.Now()
	for done := 0; done < n; done += 1000 { // a request may not take for ever
		_, err := v.Logical().Write("base/exchanges", map[string]any{
			"url": p.URL + "/token", "authority": p.authority(), "abreast": abreast, "count": min(1000, n-done),
		})
		if err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}
