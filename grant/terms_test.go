package grant_test

import (
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

// plainTerms are those of a role and a provider that say nothing of their own.
var plainTerms = grant.Terms{Settings: "the-settings"}

// aged is a token under those terms that lives for lifetime in all and was got age ago.
func aged(lifetime, age time.Duration, now time.Time) *grant.State {
	return &grant.State{AccessToken: client.NewSecret("the-access-token"), Record: grant.Record{
		Generation: 1, Settings: plainTerms.Settings, ObtainedAt: now.Add(-age), ExpiresAt: now.Add(lifetime - age),
	}}
}

func TestRefreshWindow(t *testing.T) {
	for _, c := range []struct {
		configured, lifetime, want time.Duration
	}{
		{0, time.Hour, 20 * time.Minute}, // a third
		{0, 3 * time.Minute, time.Minute},
		{0, 150 * time.Second, time.Minute}, // the floor: a third would be 50s
		{0, 2 * time.Minute, time.Minute},
		{0, time.Minute, 30 * time.Second}, // half, below the floor
		{0, 10 * time.Second, 5 * time.Second},
		{0, 365 * 24 * time.Hour, 365 * 24 * time.Hour / 3},
		{5 * time.Minute, time.Hour, 5 * time.Minute},
		{time.Second, time.Hour, time.Second}, // an operator may go below the floor
		{time.Hour, time.Hour, 30 * time.Minute},
		{10 * time.Minute, time.Minute, 30 * time.Second},
	} {
		if got := (grant.Terms{Window: c.configured}).WindowOf(c.lifetime); got != c.want {
			t.Errorf("configured %s, lifetime %s: window %s, want %s", c.configured, c.lifetime, got, c.want)
		}
	}
}

func TestRefreshWindowIsTheRolesThenTheProviders(t *testing.T) {
	p := &client.Provider{RefreshWindow: client.Duration(2 * time.Minute), RefreshInvalidatesAccessToken: true}
	ofRole := &role.Role{Settings: role.Settings{RefreshWindow: time.Minute}}
	for _, c := range []struct {
		role        *role.Role
		provider    *client.Provider
		window      time.Duration
		invalidates bool
	}{
		{ofRole, p, time.Minute, true},
		{new(role.Role), p, 2 * time.Minute, true},
		{ofRole, nil, time.Minute, false}, // the provider has been deleted; the token lives on
		{new(role.Role), nil, 0, false},
	} {
		got := grant.NewTerms(c.role, c.provider)
		if got.Window != c.window || got.Invalidates != c.invalidates {
			t.Errorf("got window %s, invalidates %t; want %s, %t", got.Window, got.Invalidates, c.window, c.invalidates)
		}
	}
}

func TestMargin(t *testing.T) {
	for lifetime, want := range map[time.Duration]time.Duration{
		10 * time.Second: 500 * time.Millisecond,
		5 * time.Minute:  15 * time.Second,
		10 * time.Minute: 30 * time.Second,
		time.Hour:        30 * time.Second,
	} {
		if got := grant.Margin(lifetime); got != want {
			t.Errorf("lifetime %s: margin %s, want %s", lifetime, got, want)
		}
	}
}

func TestUsable(t *testing.T) {
	now := time.Now()
	otherSettings := aged(time.Hour, 0, now)
	otherSettings.Settings = "those-before-an-edit"
	for name, c := range map[string]struct {
		tok  *grant.State
		want time.Duration
	}{
		"fresh":             {aged(time.Hour, 0, now), time.Hour - 30*time.Second},
		"in its last half":  {aged(time.Hour, 50*time.Minute, now), 10*time.Minute - 30*time.Second},
		"in its margin":     {aged(time.Hour, time.Hour-20*time.Second, now), 0},
		"over":              {aged(time.Hour, 2*time.Hour, now), 0},
		"never got":         {new(grant.State), 0},
		"of other settings": {otherSettings, 0},
	} {
		if got := plainTerms.Usable(c.tok, now); got != c.want {
			t.Errorf("%s: usable for %s, want %s", name, got, c.want)
		}
	}
}

// Where a refresh kills the token that others hold, what they were promised ends before the window
// opens; a read in the moment before waits for it.
func TestPromiseEndsBeforeARefreshThatInvalidates(t *testing.T) {
	now := time.Now()
	invalidating := plainTerms
	invalidating.Invalidates = true
	for name, c := range map[string]struct {
		lifetime, age, promised, gap time.Duration
	}{
		"fresh":                      {time.Hour, 0, 40 * time.Minute, 0},
		"a while before the window":  {time.Hour, 30 * time.Minute, 10 * time.Minute, 0},
		"just before the window":     {time.Hour, 40*time.Minute - 2*time.Second, 2 * time.Second, 2 * time.Second},
		"too short a life to divide": {12 * time.Second, 0, 11400 * time.Millisecond, 0},
	} {
		tok := aged(c.lifetime, c.age, now)
		if promised, gap := invalidating.Promised(tok, now), invalidating.Wait(tok, now); promised != c.promised || gap != c.gap {
			t.Errorf("%s: promised %s, gap %s; want %s, %s", name, promised, gap, c.promised, c.gap)
		}
		if gap := plainTerms.Wait(tok, now); gap != 0 {
			t.Errorf("%s: a reader waits %s although a refresh harms nobody", name, gap)
		}
	}
}

func TestDue(t *testing.T) {
	now := time.Now()
	invalidating := plainTerms
	invalidating.Invalidates = true
	for name, c := range map[string]struct {
		terms  grant.Terms
		age    time.Duration // of a token of an hour
		demand grant.Demand
		due    bool
		refuse string
	}{
		"fresh":                         {plainTerms, 0, grant.Demand{}, false, ""},
		"before the window":             {plainTerms, 40*time.Minute - time.Second, grant.Demand{}, false, ""},
		"in the window":                 {plainTerms, 40 * time.Minute, grant.Demand{}, true, ""},
		"over":                          {plainTerms, 2 * time.Hour, grant.Demand{}, true, ""},
		"min_ttl that is there":         {plainTerms, 20 * time.Minute, grant.Demand{MinTTL: 39 * time.Minute}, false, ""},
		"min_ttl that is not there":     {plainTerms, 20 * time.Minute, grant.Demand{MinTTL: 40 * time.Minute}, true, ""},
		"the longest min_ttl":           {plainTerms, 20 * time.Minute, grant.Demand{MinTTL: 54 * time.Minute}, true, ""},
		"min_ttl beyond any token":      {plainTerms, 20 * time.Minute, grant.Demand{MinTTL: 55 * time.Minute}, false, "ask for at most 54m"},
		"min_ttl that others pay for":   {invalidating, 20 * time.Minute, grant.Demand{MinTTL: 30 * time.Minute}, false, "not refreshed early"},
		"min_ttl beyond any promise":    {invalidating, 0, grant.Demand{MinTTL: 41 * time.Minute}, false, "ask for at most 40m"},
		"min_ttl, due anyway":           {invalidating, 40 * time.Minute, grant.Demand{MinTTL: 30 * time.Minute}, true, ""},
		"forced":                        {invalidating, 0, grant.Demand{Force: true, Replace: 1}, true, ""},
		"forced, but already replaced":  {plainTerms, 50 * time.Minute, grant.Demand{Force: true}, false, ""},
		"forced, of a generation to be": {plainTerms, 0, grant.Demand{Force: true, Replace: 2}, false, ""},
	} {
		due, err := c.terms.Due(aged(time.Hour, c.age, now), c.demand, now)
		text, refused := mount.AsRefusal(err)
		if due != c.due || (err != nil) != refused || (c.refuse == "") != (text == "") || !strings.Contains(text, c.refuse) {
			t.Errorf("%s: due %t, %v; want %t and a refusal with %q", name, due, err, c.due, c.refuse)
		}
	}
}
