package grant_test

import (
	"fmt"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/role"
)

// Every lifetime from too short to use to a year, odd ones among them.
var lifetimes = []time.Duration{
	5 * time.Second, 6 * time.Second, 7 * time.Second, 10 * time.Second, 11 * time.Second, 20 * time.Second, 30 * time.Second,
	59 * time.Second, time.Minute, 61 * time.Second, 2 * time.Minute, 121 * time.Second, 3 * time.Minute, 5 * time.Minute,
	601 * time.Second, 1799 * time.Second, time.Hour, 24 * time.Hour, 30 * 24 * time.Hour, 365 * 24 * time.Hour,
}

// reader is somebody who comes back at a fraction of each lease, as Vault Agent (0.85 to 0.95) and
// the Secrets Operator (0.67 to 0.77) do. Time is the reader's own: nothing here sleeps.
type reader struct {
	grants   *grant.Keeper
	terms    grant.Terms
	lifetime time.Duration
	fraction float64
}

// follow reads from a token of the given age until a refresh is due, and returns what goes wrong:
// a lease that is too short or outlives its token, a token that ends unrefreshed, or no end of
// leases.
func (r *reader) follow(age time.Duration) error {
	now := time.Now()
	tok := aged(r.lifetime, age, now)
	for range 100 {
		due, err := r.terms.Due(tok, grant.Demand{}, now)
		if err != nil {
			return fmt.Errorf("a read without min_ttl is refused: %w", err)
		}
		left := tok.ExpiresAt.Sub(now)
		if !due {
			if gap := r.terms.Wait(tok, now); gap > 0 {
				now, due = now.Add(gap), true
				if again, _ := r.terms.Due(tok, grant.Demand{}, now); !again {
					return fmt.Errorf("with %s left a reader waits %s, and then no refresh is due", left, gap)
				}
			}
		}
		if due {
			if left <= 0 && age < r.lifetime {
				return fmt.Errorf("the reader came back %s after the token's end", -left)
			}
			return nil
		}
		ttl, err := r.lease(tok, now)
		if err != nil {
			return fmt.Errorf("with %s left no refresh is due and there is no lease: %w", left, err)
		}
		if ttl >= left {
			return fmt.Errorf("with %s left the lease is %s", left, ttl)
		}
		now = now.Add(time.Duration(float64(ttl) * r.fraction))
	}
	return fmt.Errorf("a hundred leases and no refresh")
}

func (r *reader) lease(tok *grant.State, now time.Time) (time.Duration, error) {
	out, err := r.grants.HandOut(r.terms, tok, now)
	if err != nil {
		return 0, err
	}
	ttl := out.TTL
	if ttl < role.MinLease || ttl%time.Second != 0 {
		return 0, fmt.Errorf("a lease of %s", ttl)
	}
	if r.terms.Longest > 0 && ttl > r.terms.Longest {
		return 0, fmt.Errorf("a lease of %s, longer than the role's ttl %s", ttl, r.terms.Longest)
	}
	return ttl, nil
}

func TestEveryLeaseLeadsToARefresh(t *testing.T) {
	b := enginetest.New(t)
	b.View.MaxLeaseTTLVal = 0
	for _, lifetime := range lifetimes {
		for _, window := range []time.Duration{0, time.Second, 45 * time.Second, 10 * time.Minute} {
			for _, invalidates := range []bool{false, true} {
				for _, fraction := range []float64{0.67, 0.77, 0.85, 0.90, 0.95} {
					r := &reader{grants: b.Grants, lifetime: lifetime, fraction: fraction}
					r.terms = grant.Terms{Settings: plainTerms.Settings, Window: window, Invalidates: invalidates, Lease: true}
					for step := range 50 {
						age := lifetime * time.Duration(step) / 50
						if err := r.follow(age); err != nil {
							t.Errorf("lifetime %s, window %s, invalidates %t, back at %v, read at %s: %v",
								lifetime, window, invalidates, fraction, age, err)
						}
					}
				}
			}
		}
	}
}

// The default window is a third so that an Agent's first return finds it open: one read and one
// refresh for each token, not a series of shorter and shorter leases.
func TestAnAgentComesBackOncePerToken(t *testing.T) {
	for _, lifetime := range lifetimes[1:] { // of the first there is no lease
		now := time.Now()
		tok := aged(lifetime, 0, now)
		for _, fraction := range []float64{0.85, 0.95} {
			back := now.Add(time.Duration(float64(plainTerms.Promised(tok, now)) * fraction))
			if due, err := plainTerms.Due(tok, grant.Demand{}, back); err != nil || !due {
				t.Errorf("lifetime %s: an Agent that comes back at %v of its first lease finds no refresh due (%v)", lifetime, fraction, err)
			}
		}
	}
}
