package grant

import (
	"context"
	"errors"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
)

// What a read does, by what is left of a token that lives for an hour and whose window is a third of that.
func TestWhatAReadDecides(t *testing.T) {
	now := time.Date(2027, 3, 1, 8, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		none        bool
		left        time.Duration
		ahead       bool // it was got by a clock that was ahead
		dead        bool
		invalidates bool
		want        Demand
		would       string
		wait        time.Duration
	}{
		"a good token is served":                              {left: 40 * time.Minute, would: wouldServe},
		"there is none":                                       {none: true, would: wouldRefresh},
		"it has ended":                                        {left: -time.Minute, would: wouldRefresh},
		"its window is open":                                  {left: 19 * time.Minute, would: wouldRefresh},
		"nobody knows when it ends":                           {left: 40 * time.Minute, ahead: true, would: wouldRefresh},
		"the next refresh can't succeed":                      {left: 40 * time.Minute, dead: true, would: wouldWarn},
		"a dead grant whose window is open":                   {left: 19 * time.Minute, dead: true, would: wouldRefresh},
		"more is asked for than is left":                      {left: 30 * time.Minute, want: Demand{MinTTL: 45 * time.Minute}, would: wouldRefresh},
		"no token would do":                                   {left: 30 * time.Minute, want: Demand{MinTTL: 55 * time.Minute}, would: wouldFail},
		"more is asked for than others may lose":              {left: 50 * time.Minute, invalidates: true, want: Demand{MinTTL: 35 * time.Minute}, would: wouldFail},
		"the promise to others is nearly over":                {left: 20*time.Minute + 3*time.Second, invalidates: true, would: wouldWait, wait: 3 * time.Second},
		"the promise is over":                                 {left: 20 * time.Minute, invalidates: true, would: wouldRefresh},
		"each lease has its own":                              {left: 50 * time.Minute, want: Demand{perLease: true}, would: wouldRefresh},
		"somebody asks by force":                              {left: 50 * time.Minute, want: Demand{Force: true, Replace: 7}, would: wouldRefresh},
		"somebody asks by force for what was refreshed since": {left: 50 * time.Minute, want: Demand{Force: true, Replace: 6}, would: wouldServe},
		"or even then":                                        {left: 50 * time.Minute, want: Demand{Force: true, Replace: 6, Always: true}, would: wouldRefresh},
	} {
		t.Run(name, func(t *testing.T) {
			st := &State{Record: Record{Generation: 7, ObtainedAt: now.Add(c.left - time.Hour), ExpiresAt: now.Add(c.left)}}
			if c.ahead {
				st.ObtainedAt, st.ExpiresAt = now.Add(time.Hour), now.Add(2*time.Hour)
			}
			if !c.none {
				st.AccessToken = client.NewSecret("canary-access")
			}
			d := Terms{Invalidates: c.invalidates}.decide(st, c.dead, c.want, now)
			if d.would != c.would || d.wait != c.wait || (d.refusal != nil) != (c.would == wouldFail) {
				t.Errorf("%+v, want %s after %s", d, c.would, c.wait)
			}
		})
	}
}

// Why a reader waits no longer: only one that is well served without the refresh is served from what is at hand.
func TestWhyAWaitEnds(t *testing.T) {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	for name, c := range map[string]struct {
		caller, patience context.Context
		err              error
		want             endOfWait
	}{
		"with a token":                             {context.Background(), context.Background(), nil, answered},
		"with a refusal":                           {context.Background(), context.Background(), errors.New("refused"), answered},
		"with a refusal, at the last moment":       {context.Background(), over, errors.New("refused"), answered},
		"with a token, at the last moment":         {context.Background(), over, nil, answered},
		"the role is busy, and there is time left": {context.Background(), context.Background(), ErrBusy, answered},
		"the refresh takes too long":               {context.Background(), over, ErrBusy, outlasted},
		"the caller has hung up":                   {over, over, ErrBusy, callerLeft},
	} {
		if got := whyEnded(c.caller, c.patience, c.err); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
