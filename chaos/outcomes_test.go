package chaos

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// turns is how often each variant has its turn for the rounds of a case, which here are one sum.
func turns() int { return (*rounds + len(variants) - 1) / len(variants) }

// outcomes counts what became of grants when nothing was killed: there is no excuse for losing one.
type outcomes struct {
	title string
	names []string // of the cases

	mu    sync.Mutex
	cases map[int]*outcome
}

// outcome is a sum of rounds.
type outcome struct{ rounds, lost, replays, extra int }

// add judges a grant when the trouble is over. The refresh that was troubled must be stored, and it
// must have been the only one; extra counts others.
func (o *outcomes) add(l *lane, name int, g *grant, extra int) {
	rotation, status := g.current(), l.settled(g)
	stored, replays := l.storage.holds(g.key(), rotation.Valid()...), rotation.Replays()
	now := outcome{rounds: 1, replays: replays.Allowed + replays.Refused, extra: extra}
	if !stored || status["reauthorization_required"] != false {
		now.lost = 1
	}
	if now != (outcome{rounds: 1}) || status["state"] != "ok" {
		l.t.Errorf("%s, %s: %+v, stored: %t, status %v", o.names[name], g.key(), now, stored, status)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.cases == nil {
		o.cases = map[int]*outcome{}
	}
	sum := o.cases[name]
	if sum == nil {
		sum = new(outcome)
		o.cases[name] = sum
	}
	sum.rounds += now.rounds
	sum.lost += now.lost
	sum.replays += now.replays
	sum.extra += now.extra
}

// settled is the status once no answer waits for storage any longer.
func (l *lane) settled(g *grant) map[string]any {
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		if status := l.status(g); status["unpersisted"] != true || time.Now().After(deadline) {
			return status
		}
	}
}

// token reads what token there is, and complains when it is none that works.
func (l *lane) token(g *grant) string {
	resp, err := l.process.ask(context.Background(), logical.ReadOperation, "creds", g, nil)
	if err != nil {
		l.t.Errorf("%s: no token: %v", g.key(), err)
		return ""
	}
	token, _ := resp.Data["access_token"].(string)
	if !g.current().Live(token) {
		l.t.Errorf("%s: a token that does not work", g.key())
	}
	return token
}

func (o *outcomes) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | rounds | grants lost | spent tokens presented | refreshes too many |\n|---|--:|--:|--:|--:|\n", o.title)
	for i, name := range o.names {
		if c := o.cases[i]; c != nil {
			fmt.Fprintf(&b, "| %s | %d | %d | %d | %d |\n", name, c.rounds, c.lost, c.replays, c.extra)
		}
	}
	return b.String()
}
