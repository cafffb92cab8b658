package chaos

import (
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// The plugin is killed at each operation of storage of a consent, before it is applied and after: as it is begun, as the
// browser comes back and as it is confirmed, and while the provider, which has taken the code, holds its answer back;
// for roles without a grant and for those with one that lives, and the same for owners of a role that keeps a grant for
// each, who are the entity that asks or are named. All of these at once, each with a role of its own.
//
// Whoever had a grant has one that works, nobody has one that was not confirmed, or another's, no code and no spent
// refresh token is presented, and whoever repeats what broke off, or begins again, gets there.
func TestKilledDuringConsent(t *testing.T) {
	t.Parallel()
	began, results := time.Now(), newConsentTally()
	for n := range max(1, *rounds/25) {
		l := newConsentLane(t, uint64(7000+n))
		l.killAll(results)
	}
	reportOf(t, "consent", results.String(), max(1, *rounds/25), began)
	if results.missed > results.all/10 { // an operation that nobody waits for may come too late
		t.Errorf("%d of %d points have not come", results.missed, results.all)
	}
}

// newConsentLane is a mount with a person for each point, found by letting one go all the way.
func newConsentLane(t *testing.T, number uint64) *consentLane {
	t.Helper()
	l := &consentLane{lane: newLaneOf(t, number, nil, 0, 3600, &binary), people: map[string]*person{}}
	l.server.Handle(l.answer)
	l.storage.watch = l.watch
	l.write(logical.UpdateOperation, "config", fields{"external_url": externalURL})
	for of := range whoseInAll {
		l.scouts(of, false)
		l.scouts(of, true)
	}
	return l
}

// scouts lets one go all the way, and puts a person at each point of it.
func (l *consentLane) scouts(of whose, living bool) {
	l.t.Helper()
	scout := l.person("scout", living, of)
	scout.goes(nil)
	for _, step := range scout.steps {
		l.person("step", living, of).stops(step.phase, step.number, false)
		if step.writes {
			l.person("write", living, of).stops(step.phase, step.number, true)
		}
	}
	l.person("answer", living, of).stops(atProvider, 0, true)
	if len(scout.steps) < 12 || scout.presented != 1 {
		l.t.Fatalf("a consent has %d steps: %+v", len(scout.steps), scout.steps)
	}
	scout.wantWell()
}

// killAll is one round.
func (l *consentLane) killAll(results *consentTally) {
	l.t.Helper()
	var all sync.WaitGroup
	arrived := make(chan *person, len(l.people))
	waiting := 0
	for _, p := range l.people {
		if p.phase == nowhereYet {
			continue
		}
		waiting++
		all.Go(func() { p.goes(arrived) })
	}
	for limit := time.After(patience); waiting > 0; waiting-- {
		select {
		case <-arrived:
		case <-limit:
			l.t.Fatalf("%d have not come to their points", waiting)
		}
	}
	if err := l.process.signal(syscall.SIGKILL); err != nil {
		l.t.Fatal(err)
	}
	for _, p := range l.people {
		p.letGo()
	}
	all.Wait()
	l.settle()
	l.start()
	l.initialize()
	for _, p := range l.people {
		if p.phase != nowhereYet {
			all.Go(func() { p.judge(results) })
		}
	}
	all.Wait()
}

// judge is what must hold after the kill.
func (p *person) judge(results *consentTally) {
	p.stopped = false
	active := p.active()
	switch { // before anything is repeated
	case p.living && active < 0:
		p.complain("the grant that was there is lost")
	case active > p.confirmed:
		p.complain("a grant is active that nobody has confirmed")
	}
	again := p.repeats()
	if p.wantWell(); !again {
		p.goes(nil)
		p.wantWell()
	}
	results.add(p, active, again)
}

// active is the number of the grant whose tokens the role hands out, after a refresh; -1 for none.
func (p *person) active() int {
	_, refreshed := p.ask(logical.UpdateOperation, "refresh", fields{})
	resp, err := p.ask(logical.ReadOperation, "creds", nil)
	if (err != nil) != (refreshed != nil) {
		p.complain("a refresh says %v, a read %v", refreshed, err)
	}
	if err != nil {
		return -1
	}
	token, _ := resp.Data["access_token"].(string)
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, g := range p.grants {
		if g != nil && g.Live(token) {
			return i
		}
	}
	p.lane.t.Errorf("%s: a token of no grant", p)
	return -1
}

// repeats does once more what broke off, and what then follows. It returns false where that leads nowhere, and one has to begin
// again.
func (p *person) repeats() bool {
	switch p.reached {
	case confirming:
		_, err := p.ask(logical.UpdateOperation, "confirm", fields{"confirmation_code": p.code})
		if err != nil && !strings.Contains(err.Error(), "you have begun nothing") { // it was finished
			p.complain("a repeated confirm says %v", err)
		}
		return true
	case comingBack:
		if !p.comesBack() {
			return false
		}
		if err := p.confirms(); err != nil {
			p.complain("confirm says %v", err)
		}
		return true
	}
	return false
}

// wantWell asserts that the role is at its newest grant where that was confirmed, and that no code and no spent refresh
// token was ever presented.
func (p *person) wantWell() {
	p.wantOthersWell()
	active := p.active()
	p.mu.Lock()
	defer p.mu.Unlock()
	if want := p.confirmed; active != want {
		p.lane.t.Errorf("%s: grant %d is active, of %d, confirmed was %d", p, active, len(p.grants)-1, want)
	}
	if p.twice != 0 {
		p.lane.t.Errorf("%s: %d codes were presented twice", p, p.twice)
	}
	for i, g := range p.grants {
		if g != nil && g.Replays().Allowed+g.Replays().Refused != 0 {
			p.lane.t.Errorf("%s: spent refresh tokens of grant %d were presented: %+v", p, i, g.Replays())
		}
	}
}

func (p *person) complain(format string, args ...any) {
	p.lane.t.Helper()
	p.lane.t.Errorf("%s: "+format, append([]any{p}, args...)...)
}

// consentTally counts what became of those who were killed.
type consentTally struct {
	mu          sync.Mutex
	rows        map[string]*[4]int
	missed, all int // points that have not come
}

func newConsentTally() *consentTally { return &consentTally{rows: map[string]*[4]int{}} }

func (c *consentTally) add(p *person, active int, again bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	row := c.rows[p.phase.String()]
	if row == nil {
		row = new([4]int)
		c.rows[p.phase.String()] = row
	}
	if c.all++; p.missed {
		c.missed++
	}
	row[0]++
	if p.living && active < 0 {
		row[1]++
	}
	row[2] += p.twice
	if !again {
		row[3]++
	}
}

func (c *consentTally) String() string {
	var b strings.Builder
	fmt.Fprint(&b, "| killed | rounds | grants lost | codes presented twice | had to begin again |\n|---|--:|--:|--:|--:|\n")
	for _, phase := range []phase{beginning, comingBack, atProvider, confirming} {
		if row := c.rows[phase.String()]; row != nil {
			fmt.Fprintf(&b, "| %s | %d | %d | %d | %d |\n", phase, row[0], row[1], row[2], row[3])
		}
	}
	return b.String()
}
