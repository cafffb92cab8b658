package schedule_test

import (
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/role"
)

// What background work is next for a role, by what is stored and whether the token is in use.
func TestPlan(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	type state struct {
		role     role.Role
		provider client.Provider
		token    grant.State
		read     bool
	}
	hour := func(s *state) {
		s.token.AccessToken = client.NewSecret("a")
		s.token.Generation, s.token.ObtainedAt, s.token.ExpiresAt = 3, now, now.Add(time.Hour)
	}
	unknown := func(s *state) { s.token.Intent = &grant.Intent{At: now.Add(-time.Minute), IdempotencyKey: "k"} }
	for name, c := range map[string]struct {
		make     []func(*state)
		from, to time.Duration // the time of the plan, after now; 0, 0 for none
		force    bool
	}{
		"a token that nobody reads": {make: []func(*state){hour}},
		"a token in use": {make: []func(*state){hour, func(s *state) { s.read = true }},
			from: 45 * time.Minute, to: 52*time.Minute + 30*time.Second},
		"a token in use, small window": {make: []func(*state){hour, func(s *state) { s.read, s.role.RefreshWindow = true, time.Minute }},
			from: 59 * time.Minute, to: 60 * time.Minute},
		"in use, but a refresh would kill it": {make: []func(*state){hour, func(s *state) { s.read, s.provider.RefreshInvalidatesAccessToken = true, true }}},
		"idle, the provider's tokens age": {make: []func(*state){hour, func(s *state) { s.provider.RefreshTokenIdleTTL = client.Duration(10 * enginetest.Day) }},
			from: 108 * time.Hour, to: 5 * enginetest.Day, force: true},
		"idle, the role says how often": {make: []func(*state){hour, func(s *state) { s.role.KeepalivePeriod = 2 * enginetest.Day }},
			from: 43 * time.Hour, to: 2 * enginetest.Day, force: true},
		"idle, the refresh token has an end": {make: []func(*state){hour, func(s *state) { s.token.RefreshTokenExpiresAt = now.Add(4 * enginetest.Day) }},
			from: 43 * time.Hour, to: 2 * enginetest.Day, force: true},
		"never refreshed, ages since it was written": {make: []func(*state){func(s *state) { s.role.GrantedAt, s.role.KeepalivePeriod = now.Add(-enginetest.Day), 2*enginetest.Day }},
			from: 19 * time.Hour, to: enginetest.Day, force: true},
		"kept alive only after its token ended": {make: []func(*state){hour, func(s *state) {
			s.provider.RefreshInvalidatesAccessToken, s.role.KeepalivePeriod = true, 40*time.Minute
		}}, from: time.Hour, to: time.Hour, force: true},
		"outcome unknown, idempotency header": {make: []func(*state){hour, unknown, func(s *state) { s.provider.IdempotencyHeader = "X-Key" }}, force: true, to: 1},
		"outcome unknown, within the grace":   {make: []func(*state){hour, unknown, func(s *state) { s.provider.ReuseGrace = client.Duration(time.Hour) }}, force: true, to: 1},
		"outcome unknown, grace is over": {make: []func(*state){hour, unknown, func(s *state) { s.provider.ReuseGrace = client.Duration(time.Second) }},
			from: time.Hour, to: time.Hour, force: true},
		"outcome unknown, nothing helps": {make: []func(*state){hour, unknown}, from: time.Hour, to: time.Hour, force: true},
		"outcome unknown, the key was refused": {make: []func(*state){hour, unknown, func(s *state) {
			s.provider.IdempotencyHeader, s.token.Intent.IdempotencyKey = "X-Key", ""
		}}, from: time.Hour, to: time.Hour, force: true},
		"outcome unknown, and the refresh token ends before the token at hand": {make: []func(*state){hour, unknown, func(s *state) {
			s.token.ExpiresAt, s.provider.RefreshTokenIdleTTL = now.Add(30*enginetest.Day), client.Duration(10*enginetest.Day)
		}}, from: 9 * enginetest.Day, to: 9 * enginetest.Day, force: true},
		"dead": {make: []func(*state){hour, unknown, func(s *state) { s.read, s.token.Fault = true, &grant.Fault{Reauthorize: true} }}},
		"failing, in use": {make: []func(*state){hour, func(s *state) {
			s.read, s.token.Fault = true, &grant.Fault{At: now, Asked: true, Until: now.Add(55 * time.Minute)}
		}},
			from: 55 * time.Minute, to: 55 * time.Minute},
		"client credentials have no grant to keep": {make: []func(*state){hour, func(s *state) {
			s.role.GrantType, s.role.KeepalivePeriod = client.GrantClientCredentials, time.Hour
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			b := enginetest.New(t)
			s := &state{role: role.Role{Settings: role.Settings{GrantType: client.GrantRefreshToken}}}
			for _, set := range c.make {
				set(s)
			}
			s.token.Settings = s.role.SettingsID()
			if i := s.token.Intent; i != nil {
				i.Exchange = role.Describe(&s.role, &s.provider).ExchangeID()
			}
			if s.read {
				b.Grants.Reads.Store(grant.Key("r"), s.token.Generation)
			}
			got := b.Schedule.Plan(&grant.Grant{Key: "r", Role: &s.role, Provider: &s.provider, State: &s.token}, now)
			if c.to == 0 {
				if !got.At.IsZero() {
					t.Fatalf("planned in %s, want never", got.At.Sub(now))
				}
				return
			}
			if in := got.At.Sub(now); in < c.from || in > c.to || got.Demand.Force != c.force {
				t.Errorf("planned in %s (force=%v), want between %s and %s (force=%v)", in, got.Demand.Force, c.from, c.to, c.force)
			}
		})
	}
}
