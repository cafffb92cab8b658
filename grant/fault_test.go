package grant_test

import (
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/provider"
	"vault-plugin-secrets-oauthrefresh/role"
)

// The exact delay is drawn by lot, within a fifth of the one that is meant.
func TestBackoff(t *testing.T) {
	for _, c := range []struct {
		class    client.Class
		failures int
		want     time.Duration
	}{
		{client.NotProcessed, 1, 5 * time.Second},
		{client.NotProcessed, 2, 10 * time.Second},
		{client.OutcomeUnknown, 4, 40 * time.Second},
		{client.NotProcessed, 7, 5 * time.Minute},
		{client.NotProcessed, 1 << 30, 5 * time.Minute}, // a shift by that much would be 0
		{client.ClientRefused, 1, 30 * time.Second},
		{client.ClientRefused, 3, 2 * time.Minute},
		{client.ClientRefused, 100, 15 * time.Minute},
	} {
		least, most := c.want, time.Duration(0)
		for range 500 {
			got := grant.Backoff(c.class, c.failures)
			if got < c.want*4/5 || got >= c.want*6/5 {
				t.Fatalf("%s, failure %d: %s, want %s give or take a fifth", c.class, c.failures, got, c.want)
			}
			least, most = min(least, got), max(most, got)
		}
		if most-least < c.want/5 {
			t.Errorf("%s, failure %d: all delays lie within %s: roles of one provider come back in step", c.class, c.failures, most-least)
		}
	}
}

func TestFailuresCountWithinOneVersion(t *testing.T) {
	now := time.Now()
	e := &client.Error{Class: client.NotProcessed, Reason: "a reason", Code: "slow_down", Status: 429, RequestID: "id-1"}
	first := grant.NewFault(e, nil, "v1", now)
	second := grant.NewFault(e, first, "v1", now)
	edited := grant.NewFault(e, second, "v2", now)
	if first.Failures != 1 || second.Failures != 2 || edited.Failures != 1 {
		t.Errorf("failures %d, %d, and with other settings %d; want 1, 2, 1", first.Failures, second.Failures, edited.Failures)
	}
	if first.Reason != e.Reason || first.Code != e.Code || first.Status != e.Status || first.RequestID != e.RequestID || !first.At.Equal(now) {
		t.Errorf("the fault forgets what failed: %+v", first)
	}
}

// A server's explicit word wins over our floor, and over a back-off that has grown.
func TestRetryAfterReplacesTheBackoff(t *testing.T) {
	now := time.Now()
	for _, class := range []client.Class{client.NotProcessed, client.ClientRefused, client.OutcomeUnknown} {
		for _, failures := range []int{0, 8} {
			before := &grant.Fault{Version: "v", Failures: failures}
			for _, want := range []time.Duration{time.Second, 2 * time.Second, 10 * time.Minute, time.Hour} {
				f := grant.NewFault(&client.Error{Class: class, RetryAfter: want}, before, "v", now)
				if wait := f.Until.Sub(now); wait != want || !f.Asked {
					t.Errorf("%s after %d failures, Retry-After %s: the next attempt waits %s", class, failures, want, wait)
				}
			}
		}
	}
}

func TestWhatAFaultForbids(t *testing.T) {
	now := time.Now()
	of := func(revision string) *role.Target {
		return &role.Target{
			Role:     &role.Role{Settings: role.Settings{Revision: revision, GrantType: client.GrantRefreshToken}},
			Provider: new(client.Provider), Config: new(provider.Config),
		}
	}
	transient := &grant.Fault{Version: of("v1").VersionID(), At: now, Until: now.Add(time.Minute)}
	for name, c := range map[string]struct {
		fault    *grant.Fault
		revision string
		at       time.Time
		want     bool
	}{
		"no fault":              {nil, "v1", now, false},
		"in its interval":       {transient, "v1", now, true},
		"at the interval's end": {transient, "v1", transient.Until, false},
		"after an edit":         {transient, "v2", now, false},
		"of the future":         {transient, "v1", now.Add(-time.Hour), false},
	} {
		if got := c.fault.Forbids(of(c.revision), &grant.State{Record: grant.Record{Fault: c.fault}}, c.at); got != c.want {
			t.Errorf("%s: forbids an exchange: %t, want %t", name, got, c.want)
		}
	}
}

// What a caller hears: the sentence says what became of the grant and what to do, the status whose
// turn it is. An Agent repeats a 5xx and gives up a 400; a 403 would make it log in again.
func TestFaultsAsErrors(t *testing.T) {
	now := time.Now()
	until := now.Add(90 * time.Second)
	for name, c := range map[string]struct {
		fault  *grant.Fault
		status int // 0 is a refusal, so a 400
		texts  []string
	}{
		"dead":                  {&grant.Fault{Class: client.GrantRefused, Reauthorize: true}, 0, []string{"roles/the-role", "refresh_token", "authorize again", "no request is made"}},
		"dead, an answer lost":  {&grant.Fault{Class: client.GrantRefused, Reauthorize: true, AnswerLost: true}, 0, []string{"roles/the-role", "answer to an earlier refresh was lost"}},
		"revoked here":          {&grant.Fault{Class: client.GrantRefused, Reauthorize: true, Revoked: true}, 0, []string{"roles/the-role", "revoke/the-role"}},
		"the client is refused": {&grant.Fault{Class: client.ClientRefused, Until: until}, 0, []string{"roles/the-role", "unspent", "as it is, the next attempt is due in 1m30s"}},
		"not processed":         {&grant.Fault{Class: client.NotProcessed, Until: until}, 503, []string{"unspent", "in 1m30s"}},
		"not processed, after an answer was lost":  {&grant.Fault{Class: client.NotProcessed, Until: until, Unsettled: true}, 503, []string{"whether the provider has spent"}},
		"client refused, after an answer was lost": {&grant.Fault{Class: client.ClientRefused, Until: until, Unsettled: true}, 0, []string{"whether the provider has spent"}},
		"client_credentials":                       {&grant.Fault{Class: client.OutcomeUnknown, Until: until}, 502, []string{"id-1; the next attempt"}},
		"its interval is over":                     {&grant.Fault{Class: client.NotProcessed, Until: now}, 503, []string{"with the next read"}},
		"outcome unknown":                          {&grant.Fault{Class: client.OutcomeUnknown, Until: until}, 502, []string{"whether the provider has spent the refresh token is unknown", "1m30s"}},
	} {
		c.fault.Presented = !strings.HasPrefix(name, "client_credentials")
		c.fault.Reason, c.fault.Code, c.fault.RequestID = "the reason", "the_code", "id-1"
		err := c.fault.Error(now, "the-role")
		if _, refused := mount.AsRefusal(err); enginetest.ErrStatus(err) != c.status || refused != (c.status == 0) {
			t.Errorf("%s: status %d, refusal %t; want %d", name, enginetest.ErrStatus(err), refused, c.status)
		}
		if !c.fault.Revoked {
			c.texts = append(c.texts, "the reason (the_code), the provider's request id is id-1")
		}
		for _, text := range c.texts {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %q does not say %q", name, err, text)
			}
		}
	}
}
