package chaos

import (
	"strings"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// evidence is what is known of a grant after a kill, before the next process has done anything.
type evidence struct {
	point   point
	replays clienttest.Replays // before the kill
	stored  bool               // a refresh token that the provider accepts is in storage
	state   string             // in status
}

func (l *lane) inspect(g *grant) *evidence {
	return &evidence{point: g.armed().point, stored: l.storage.holds(g.key(), g.current().Valid()...), state: l.state(g)}
}

func (l *lane) state(g *grant) string {
	state, _ := l.status(g)["state"].(string)
	return state
}

// verdict is what became of a grant.
type verdict struct {
	lost    bool
	replays clienttest.Replays // the spent tokens that were presented
	before  string             // the state in status before the next try
	after   string             // and after it
	advice  string             // next_step in status, "" for none
}

// judge has a grant read, and compares what comes of it with what must hold.
func (l *lane) judge(g *grant, before *evidence) verdict {
	token, err := l.process.get(g)
	status, now := l.status(g), g.current().Replays()
	v := verdict{
		lost: !g.current().Live(token), before: before.state,
		replays: clienttest.Replays{Allowed: now.Allowed - before.replays.Allowed, Refused: now.Refused - before.replays.Refused},
	}
	v.after, _ = status["state"].(string)
	v.advice, _ = status["next_step"].(string)
	v.advice = g.anonymous(v.advice)
	complain := func(format string, args ...any) {
		l.t.Errorf("%s, killed %s, from %+v to %+v: "+format, append([]any{g.key(), before.point, *before, v}, args...)...)
	}
	if v.lost != (err != nil) {
		complain("a read says %v", err)
	}
	// With the only valid refresh token out of storage and memory, nobody can go on. Else everybody must.
	if inevitable := !g.variant.forgives() && !before.stored; v.lost != inevitable {
		complain("lost %t, inevitably %t", v.lost, inevitable)
	}
	// After an exchange of unknown outcome there is one more try, which shows what became of the grant;
	// and another one when the plugin was killed in the midst of that.
	tries := 0
	if v.lost {
		tries = 1
	}
	if v.lost && before.point == again {
		tries = 2
	}
	if v.replays.Refused > tries {
		complain("more spent tokens were presented than allowed")
	}
	// What became of a request that was processed after the next one had succeeded, nobody here can know.
	if words := "the answer to an earlier refresh was lost"; before.point != processedLast && v.lost != strings.Contains(v.advice, words) {
		complain("the advice does not fit")
	}
	if v.lost != strings.Contains(v.advice, "authorize again") {
		complain("the advice does not help")
	}
	if status["reauthorization_required"] != v.lost || !v.lost && (v.after != "ok" || status["outcome_unknown"] != false) {
		complain("the status does not fit: %v", status)
	}
	return v
}
