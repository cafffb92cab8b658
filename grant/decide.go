package grant

import (
	"fmt"
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/role"
)

// The things that a read does.
const (
	wouldServe   = "serve the token at hand"
	wouldWarn    = "serve the token at hand, with a warning"
	wouldRefresh = "refresh"
	wouldWait    = "wait, then refresh"
	wouldFail    = "fail"
)

// decision is what is done for a reader: Serve acts on it, and Explain prints it.
type decision struct {
	would   string        // one of the words above
	refusal error         // why it fails
	wait    time.Duration // how long it waits: what is left of the promise that other readers were given
}

// decide goes by the state of a grant, which may be dead, and by nothing else. Whether a refresh that is due can be made
// is another question: see Keeper.ready.
func (t Terms) decide(st *State, dead bool, want Demand, now time.Time) decision {
	due, err := t.Due(st, want, now)
	gap := t.Wait(st, now)
	switch {
	case err != nil:
		return decision{would: wouldFail, refusal: err}
	case due:
		return decision{would: wouldRefresh}
	case gap > 0:
		return decision{would: wouldWait, wait: gap}
	case dead:
		return decision{would: wouldWarn}
	}
	return decision{would: wouldServe}
}

// why is the reason for a decision.
func (t Terms) why(d decision, g *Grant, want Demand, now time.Time) string {
	switch d.would {
	case wouldFail:
		return d.refusal.Error()
	case wouldWait:
		return fmt.Sprintf("what is left of the token, %s, is promised to readers, and with this provider a refresh would end it", rounded(d.wait))
	case wouldWarn:
		return g.State.Fault.sentence(now, g.Key)
	case wouldServe:
		return t.whyGood(g.State, now)
	}
	return t.whyDue(g.State, want, now)
}

func (t Terms) whyGood(st *State, now time.Time) string {
	return fmt.Sprintf("it is good for another %s; a refresh is due when less than %s of its life is left, at %s",
		rounded(t.promised(st, now)), rounded(t.WindowOf(st.Lifetime())), st.ExpiresAt.Add(-t.WindowOf(st.Lifetime())).UTC().Format(time.RFC3339))
}

func (t Terms) whyDue(st *State, d Demand, now time.Time) string {
	switch {
	case d.perLease:
		return "each lease of this role has a token of its own"
	case !st.AccessToken.IsSet():
		return "there is no token yet"
	case !t.isOf(st):
		return "the token at hand was got with other settings of the role or its provider (endpoint, client, scope, parameters, headers, subject)"
	case FromFuture(st.ObtainedAt, now):
		return "the token at hand was got when this host's clock was ahead of what it is now, so that nobody knows when it ends"
	case t.usable(st, now) < role.MinLease:
		return "the token at hand has ended, or is about to"
	case st.ExpiresAt.Sub(now) <= t.WindowOf(st.Lifetime()):
		return fmt.Sprintf("less than %s of the token's life is left", rounded(t.WindowOf(st.Lifetime())))
	}
	return "the token at hand is good for less than min_ttl"
}

func rounded(d time.Duration) client.Duration { return client.Duration(d.Truncate(time.Second)) }
