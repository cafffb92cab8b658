package chaos

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// batch is how many grants of a row meet their trouble at once: so many that hang don't get into each other's way.
const batch = 25

// inBatches makes rounds of all grants of a batch at once, one batch after the other.
func inBatches(t *testing.T, rounds int, round func(t *testing.T, number uint64, n int)) {
	for done := 0; done < rounds; done += batch {
		t.Run("batch", func(t *testing.T) { round(t, uint64(done), min(batch, rounds-done)) })
	}
}

// trouble is a provider in trouble: a row of a table.
type trouble struct {
	name    string
	variant variant
	script  func() script // for each grant
}

func troubles() []trouble {
	short, keys := variant{grace: 10 * time.Second}, variant{header: "Idempotency-Key"}
	long := variant{grace: 30 * time.Second} // the third try has a twelfth of it, which on a busy machine is little
	signed := keys
	signed.method = "client_secret_jwt"
	return []trouble{
		{"10 s of grace: holds an answer back for 15 s", short, func() script { return inTurn(holds(15 * time.Second)) }},
		{"30 s of grace: holds two answers back", long, func() script { return inTurn(holds(35*time.Second), holds(35*time.Second)) }},
		{"10 s of grace: rotates, and answers 500 with `Retry-After: 120`", short, func() script { return inTurn(fails(retryLater(500))) }},
		{"10 s of grace: loses an answer, then 429 with `Retry-After: 120`", short, func() script { return inTurn(loses, refuses(retryLater(429))) }},
		{"10 s of grace: two 503, then loses two answers", short, func() script {
			down := refuses(clienttest.JSON(503, `{"error":"temporarily_unavailable"}`))
			return inTurn(down, down, loses, loses)
		}},
		{"a key: loses the request, and refuses its key from then on", keys, func() script { return keepsKey(keys.header) }},
		{"a key: loses an answer, and compares bodies", keys, func() script { return compares(keys.header, inTurn(loses)) }},
		{"a key: loses an answer, and compares bodies that are signed", signed, func() script { return compares(keys.header, inTurn(loses)) }},
	}
}

// A provider is in trouble, in ways that a plugin gets out of: there is a time, or a name, in which a lost answer
// can be had, and whatever the provider says of waiting, or has said before, it has to be had then.
func TestTrouble(t *testing.T) {
	t.Parallel()
	began, sums := time.Now(), newSums("the provider", troubles())
	inBatches(t, *rounds, func(t *testing.T, number uint64, n int) {
		l := newLaneOf(t, 5000+number, kindsOf(troubles()), n, 3600, &binary)
		l.scripted(troubles())
		l.each(func(g *grant) { sums.add(l, g, l.endures(g)) })
	})
	report(t, "trouble", sums.String(), began)
}

// elsewhere are answers in which the tokens are not where they are looked for.
func elsewhere() []trouble {
	return []trouble{
		{"wraps its answers", variant{}, func() script { return wraps }},
		{"sends gzip without its header", variant{}, func() script { return inTurn(packs) }},
	}
}

// The refresh token is in an answer, elsewhere than it is looked for, and the plugin is killed right after that. It
// is stored by then, and the grant goes on, once an operator has said where it is.
func TestAnswersElsewhere(t *testing.T) {
	t.Parallel()
	began, sums := time.Now(), newSums("the provider, and then the plugin is killed", elsewhere())
	inBatches(t, *rounds, func(t *testing.T, number uint64, n int) {
		l := newLaneOf(t, 6000+number, kindsOf(elsewhere()), n, 3600, &binary)
		l.scripted(elsewhere())
		l.each(func(g *grant) {
			_, _ = l.process.ask(context.Background(), logical.ReadOperation, "creds", g, nil)
		})
		if err := l.process.signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		l.settle()
		l.start()
		l.initialize()
		l.write(logical.UpdateOperation, "providers/case0", with(l.kinds[0].definition(l.server.URL()), fields{
			"access_token_pointer": "/data/access_token", "refresh_token_pointer": "/data/refresh_token", "expires_in_pointer": "/data/expires_in",
		}))
		for _, g := range l.grants { // an access_token_pointer that has moved counts for a role once that is written again
			l.write(logical.UpdateOperation, "roles/"+g.role, fields{"ttl": "30m"})
		}
		l.each(func(g *grant) { sums.add(l, g, l.endures(g)) })
	})
	report(t, "elsewhere", sums.String(), began)
}

func with(f, others fields) fields {
	for name, value := range others {
		f[name] = value
	}
	return f
}

// kindsOf is a variant for each trouble.
func kindsOf(all []trouble) (kinds []*variant) {
	for i, c := range all {
		v := c.variant
		v.name = fmt.Sprintf("case%d", i)
		kinds = append(kinds, &v)
	}
	return kinds
}

// scripted gives each grant its trouble.
func (l *lane) scripted(all []trouble) {
	for _, g := range l.grants {
		for i, c := range all {
			if g.variant == l.kinds[i] {
				g.script = c.script()
			}
		}
	}
}

// endures reads, as somebody does who needs a token, until there is one that works.
func (l *lane) endures(g *grant) (ok bool) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		resp, err := l.process.ask(context.Background(), logical.ReadOperation, "creds", g, nil)
		if err == nil {
			token, _ := resp.Data["access_token"].(string)
			return g.current().Live(token) && l.storage.holds(g.key(), g.current().Valid()...)
		}
		if l.status(g)["reauthorization_required"] == true {
			return false
		}
	}
	return false
}

// sums are a table of grants that nothing may be lost of.
type sums struct {
	title string
	names []string

	mu   sync.Mutex
	rows map[string]*sum // by variant
}

type sum struct{ rounds, lost, allowed, refused, beyond int }

func newSums(title string, all []trouble) *sums {
	s := &sums{title: title, rows: map[string]*sum{}}
	for _, c := range all {
		s.names = append(s.names, c.name)
	}
	return s
}

// add counts what became of a grant.
func (s *sums) add(l *lane, g *grant, ok bool) {
	replays, row := g.current().Replays(), s.row(g.variant.name)
	s.mu.Lock()
	defer s.mu.Unlock()
	row.rounds++
	row.allowed += replays.Allowed
	row.refused += replays.Refused
	if !ok {
		row.lost++
	}
	if !ok || replays.Refused > 0 {
		var n int
		_, _ = fmt.Sscanf(g.variant.name, "case%d", &n)
		l.t.Errorf("%s, %s: alive %t, spent tokens presented: %+v, status %v", s.names[n], g.key(), ok, replays, l.status(g))
	}
}

func (s *sums) row(name string) *sum {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rows[name] == nil {
		s.rows[name] = new(sum)
	}
	return s.rows[name]
}

func (s *sums) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | rounds | grants lost | spent tokens presented: allowed | not allowed |\n|---|--:|--:|--:|--:|\n", s.title)
	for i, name := range s.names {
		c := s.row(fmt.Sprintf("case%d", i))
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d |\n", name, c.rounds, c.lost, c.allowed, c.refused)
	}
	return b.String()
}
