package chaos

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// moment is where a grant's first refresh falls.
type moment int

const (
	beforeTheStep moment = iota
	duringTheStep
	whileWrong
	duringTheRightStep
	momentsOfTheClock
)

func (m moment) String() string {
	return [...]string{
		"got before it is set", "asked for before and got after it is set", "got while it is wrong", "asked for while it is wrong and got after",
	}[m]
}

// The plugin's clock is set a day forward or back and put right again, before, during and after refreshes, and at
// last the plugin is killed while it is wrong. No grant is lost of that, no spent token is presented, and no lease
// ends later than its token.
func TestClock(t *testing.T) {
	t.Parallel()
	began := time.Now()
	var b strings.Builder
	b.WriteString("| the clock is a day | the token is | rounds | grants lost | spent tokens presented | leases beyond their token |\n|---|---|--:|--:|--:|--:|\n")
	results := map[string]map[moment]*sum{}
	var mu sync.Mutex
	t.Run("days", func(t *testing.T) {
		for i, step := range []string{"24h", "-24h"} {
			results[step] = map[moment]*sum{}
			for m := range momentsOfTheClock {
				results[step][m] = new(sum)
			}
			t.Run(step, func(t *testing.T) {
				t.Parallel()
				inBatches(t, turns(), func(t *testing.T, number uint64, n int) {
					newTimekeeper(t, 7000+2*number+uint64(i), n).play(step, func(m moment, s sum) {
						mu.Lock()
						defer mu.Unlock()
						c := results[step][m]
						c.rounds, c.lost, c.refused, c.beyond = c.rounds+1, c.lost+s.lost, c.refused+s.refused, c.beyond+s.beyond
					})
				})
			})
		}
	})
	for _, step := range []string{"24h", "-24h"} {
		for m := range momentsOfTheClock {
			c := results[step][m]
			fmt.Fprintf(&b, "| %s | %s | %d | %d | %d | %d |\n", map[string]string{"24h": "ahead", "-24h": "behind"}[step], m, c.rounds, c.lost, c.refused, c.beyond)
		}
	}
	report(t, "clock", b.String(), began)
}

// timekeeper is a mount whose plugin has a clock that can be set.
type timekeeper struct {
	*lane
	file string
	born sync.Map // access token → when it was issued
	bad  sync.Map // *grant → a lease beyond its token
}

// clockLifetime is that of the access tokens, in seconds: long enough for a lease.
const clockLifetime = 12

func newTimekeeper(t *testing.T, number uint64, each int) *timekeeper {
	k := &timekeeper{file: filepath.Join(t.TempDir(), "step")}
	k.set("0s", t)
	k.lane = newLaneOf(t, number, variants, each*int(momentsOfTheClock), clockLifetime, &clockwork, "OAUTHREFRESH_CLOCK_STEP="+k.file)
	return k
}

// set sets the clock. The file is replaced, so that nobody reads half of it.
func (k *timekeeper) set(step string, t *testing.T) {
	t.Helper()
	if err := os.WriteFile(k.file+".new", []byte(step), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(k.file+".new", k.file); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond) // the plugin looks more often
}

// of are the grants of a moment.
func (k *timekeeper) of(m moment) (grants []*grant) {
	for i, g := range k.grants {
		if moment(i%int(momentsOfTheClock)) == m {
			grants = append(grants, g)
		}
	}
	return grants
}

// read has all the grants read at once.
func (k *timekeeper) read(grants []*grant) {
	var all sync.WaitGroup
	for _, g := range grants {
		all.Go(func() { k.lease(g) })
	}
	all.Wait()
}

// lease reads a token, and looks when its lease ends.
func (k *timekeeper) lease(g *grant) (ok bool) {
	resp, err := k.process.ask(context.Background(), logical.ReadOperation, "creds", g, nil)
	if err != nil {
		return false
	}
	token, _ := resp.Data["access_token"].(string)
	born, ok := k.born.Load(token)
	if !ok {
		return false
	}
	end := born.(time.Time).Add(clockLifetime * time.Second)
	if beyond := time.Now().Add(resp.Secret.TTL).Sub(end); beyond > time.Second {
		if _, known := k.bad.Swap(g, beyond); !known {
			k.t.Errorf("%s: the lease of %s outlives its token by %s", g.key(), resp.Secret.TTL, beyond)
		}
	}
	return true
}

// held has the grants read, with the answers held back at the provider until f is done.
func (k *timekeeper) held(grants []*grant, f func()) {
	gate, arrived := make(chan struct{}), make(chan struct{}, len(grants))
	for _, g := range grants {
		var once sync.Once
		g.script = func(g *grant, r *clienttest.Request) clienttest.Answer {
			answer := k.issue(g, r)
			once.Do(func() {
				answer.Gate = gate
				arrived <- struct{}{}
			})
			return answer
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		k.read(grants)
	}()
	for range grants {
		select {
		case <-arrived:
		case <-time.After(patience):
			k.t.Error("a request does not come")
		}
	}
	f()
	close(gate)
	<-done
}

// issue answers, and notes when.
func (k *timekeeper) issue(g *grant, r *clienttest.Request) clienttest.Answer {
	now, answer := time.Now(), g.process(r)
	if answer.Status == 200 {
		k.born.LoadOrStore(strings.Split(answer.Body, `"`)[3], now)
	}
	return answer
}

// play is one round for each of the grants.
func (k *timekeeper) play(step string, count func(moment, sum)) {
	for _, g := range k.grants {
		g.script = k.issue
	}
	k.read(k.of(beforeTheStep))
	k.held(k.of(duringTheStep), func() { k.set(step, k.t) })
	k.read(k.of(whileWrong))
	k.read(k.of(beforeTheStep))
	k.held(k.of(duringTheRightStep), func() { k.set("0s", k.t) })
	k.read(k.grants)
	time.Sleep(clockLifetime * time.Second)
	k.read(k.grants)
	k.set(step, k.t)
	k.read(k.grants)
	if err := k.process.signal(syscall.SIGKILL); err != nil {
		k.t.Fatal(err)
	}
	k.settle()
	k.set("0s", k.t)
	k.start()
	k.initialize()
	for m := range momentsOfTheClock {
		for _, g := range k.of(m) {
			count(m, k.verdict(g, m))
		}
	}
}

// verdict is what has become of a grant in the end.
func (k *timekeeper) verdict(g *grant, m moment) (s sum) {
	alive := false
	for deadline := time.Now().Add(10 * time.Second); !alive && time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		alive = k.lease(g)
	}
	if replays := g.current().Replays(); replays != (clienttest.Replays{}) {
		s.refused = 1
	}
	if !alive || g.current().Reused() {
		s.lost = 1
	}
	if _, bad := k.bad.Load(g); bad {
		s.beyond = 1
	}
	if s.lost+s.refused > 0 {
		k.t.Errorf("%s, whose token is %s: alive %t, spent tokens presented: %+v, status %v", g.key(), m, alive, g.current().Replays(), k.status(g))
	}
	return s
}
