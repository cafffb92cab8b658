package chaos

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// The plugin is killed while each of its grants is at one point of a refresh, all points at once and
// every variant at each. A new process on the same storage then has to come by live tokens.
func TestKilled(t *testing.T) {
	l := newLane(t, rand.New(rand.NewPCG(*seed, 0)), int(points))
	results := newTally()
	for range *rounds {
		l.crash(results)
	}
	for _, g := range l.grants {
		l.reader(g, false, 0)(context.Background())
	}
	t.Logf("\n%s", results)
}

// crash is one kill and what comes of it.
func (l *lane) crash(results *tally) {
	readers := l.trapAll()
	time.Sleep(l.within(20 * time.Millisecond))
	if err := l.process.kill(); err != nil {
		l.t.Fatal(err)
	}
	before := map[*grant]evidence{}
	traps := map[*grant]*trap{}
	for _, g := range l.grants {
		traps[g] = g.armed()
		g.arm(nil)
		traps[g].open(true)
	}
	readers.Wait()
	l.start()
	for _, g := range l.grants {
		before[g] = l.inspect(g)
	}
	l.initialize()
	var judges sync.WaitGroup
	for _, g := range l.grants {
		judges.Go(func() { results.add(g.variant, traps[g].point, l.judge(g, before[g])) })
	}
	judges.Wait()
	for _, g := range l.grants {
		if g.current().Reused() {
			l.reauthorize(g)
		}
	}
}

// trapAll starts readers for every grant and waits until each grant's refresh has come to its point.
func (l *lane) trapAll() *sync.WaitGroup {
	readers := new(sync.WaitGroup)
	var order []int
	for i, g := range l.grants {
		if i%int(points) == 0 {
			order = l.random.Perm(int(points))
		}
		p := point(order[i%int(points)])
		g.arm(newTrap(p))
		for range 1 + l.random.IntN(5) {
			// Only a read looks into storage once more before it answers.
			forced := p != readerWaits && l.random.IntN(2) == 0
			read := l.reader(g, forced, l.within(20*time.Millisecond))
			readers.Go(func() {
				if _, err := read(context.Background()); err == nil && p < stateStored {
					l.t.Errorf("%s: a reader has an answer before its refresh was stored", g.role)
				}
			})
		}
	}
	limit := time.After(patience)
	for _, g := range l.grants {
		select {
		case <-g.armed().fired:
		case <-limit:
			l.t.Fatalf("%s has not come to the point %q", g.role, g.armed().point)
		}
	}
	return readers
}

// reader is somebody who wants a new token: a forced refresh, or a read when the token at hand is
// too old for it.
func (l *lane) reader(g *grant, forced bool, delay time.Duration) func(context.Context) (*logical.Response, error) {
	p := l.process
	return func(ctx context.Context) (*logical.Response, error) {
		time.Sleep(delay)
		if forced {
			return p.request(ctx, logical.UpdateOperation, "refresh/"+g.role, nil)
		}
		time.Sleep(time.Until(g.due()))
		return p.request(ctx, logical.ReadOperation, "creds/"+g.role, fields{"min_ttl": minTTL})
	}
}

func (l *lane) within(most time.Duration) time.Duration {
	return time.Duration(l.random.Int64N(int64(most)))
}

// evidence is what is known of a grant after the kill, before the next process has done anything.
type evidence struct {
	stored  bool // a refresh token that the provider accepts is in storage
	replays clienttest.Replays
	state   string
}

func (l *lane) inspect(g *grant) evidence {
	stored, err := l.storage.holds(g.role, g.current().Valid())
	if err != nil {
		l.t.Fatal(err)
	}
	return evidence{stored, g.current().Replays(), l.status(g)["state"].(string)}
}

// verdict is what became of a grant.
type verdict struct {
	lost    bool
	replays clienttest.Replays // the spent tokens that were presented
	before  string             // the state in status before the next try
	after   string
	advice  string // next_step in status, "" for none
}

func (l *lane) judge(g *grant, before evidence) verdict {
	token, err := l.readUntil(g)
	status := l.status(g)
	now := g.current().Replays()
	v := verdict{
		lost:    !g.current().Live(token),
		replays: clienttest.Replays{Allowed: now.Allowed - before.replays.Allowed, Refused: now.Refused - before.replays.Refused},
		before:  before.state, after: status["state"].(string),
	}
	v.advice, _ = status["next_step"].(string)
	if v.lost != (err != nil) {
		l.t.Errorf("%s: lost %t, yet reading says %v", g.role, v.lost, err)
	}
	if inevitable := !g.variant.forgives && !before.stored; v.lost != inevitable {
		l.t.Errorf("%s: lost %t; the refresh token was stored: %t", g.role, v.lost, before.stored)
	}
	return v
}

// readUntil reads until there is a token, or a refusal, which trying again would not change.
func (l *lane) readUntil(g *grant) (accessToken string, err error) {
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		resp, err := l.process.request(context.Background(), logical.ReadOperation, "creds/"+g.role, fields{"min_ttl": minTTL})
		if err == nil {
			return resp.Data["access_token"].(string), nil
		}
		if resp.IsError() || time.Now().After(deadline) {
			return "", err
		}
	}
}
