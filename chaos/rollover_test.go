package chaos

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// rolloverPoints are the moments of a refresh that begins with a client secret which the provider knows no
// longer, and ends with another one in its place.
func rolloverPoints() []point {
	all := []point{beforePromotion, promoted}
	for p := range points {
		all = append(all, p)
	}
	return all
}

// The plugin is killed while the provider knows only the next client secret, wherever it is between the first
// refusal and the write that makes that secret the role's. No grant is lost that would not be lost otherwise, and
// the next process goes on with the secret that works, whichever entry says so.
func TestKilledDuringRollover(t *testing.T) {
	t.Parallel()
	began, results := time.Now(), new(tally)
	all := rolloverPoints()
	l := newLane(t, 40, len(all), 10)
	for n := range *rounds {
		replays := map[*grant]clienttest.Replays{}
		deal := l.random.Perm(len(all))
		for i, g := range l.grants {
			l.replaceSecret(g, n)
			replays[g] = g.current().Replays()
			g.arm(newTrap(all[deal[i%len(all)]], l.random), nil)
		}
		l.killTrapped()
		before := map[*grant]*evidence{}
		for _, g := range l.grants {
			before[g] = l.inspect(g)
			before[g].replays = replays[g]
			g.arm(nil, nil)
		}
		l.judgeAll(results, before)
		l.each(func(g *grant) { l.replaced(g, before[g].point) })
	}
	report(t, "rollover", results.lost(), began)
}

// replaceSecret writes the next secret to the role; the provider knows only that from now on.
func (l *lane) replaceSecret(g *grant, round int) {
	l.t.Helper()
	next := fmt.Sprintf("%snext-%d", canary, round)
	l.write(logical.UpdateOperation, "roles/"+g.role, fields{"next_client_secret": next})
	g.mu.Lock()
	defer g.mu.Unlock()
	g.secret = next
}

// lost is one table of the grants lost, by provider.
func (t *tally) lost() string {
	var b strings.Builder
	b.WriteString("| killed | rounds of each provider |")
	for _, v := range variants {
		fmt.Fprintf(&b, " lost: %s |", strings.ToLower(v.title))
	}
	b.WriteString("\n|---|--:|" + strings.Repeat("--:|", len(variants)) + "\n")
	for p := range rows {
		if t.cells[cell{variants[0], p}] == nil {
			continue
		}
		fmt.Fprintf(&b, "| %s | %d |", p, t.cells[cell{variants[0], p}].rounds)
		for _, v := range variants {
			fmt.Fprintf(&b, " %d |", t.cells[cell{v, p}].lost)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// knows tells whether a client secret is the right one.
func (g *grant) knows(secret string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.secret == "" || g.secret == secret
}

// replaced complains unless the role has come by a token, its next secret in use and no other kept.
func (l *lane) replaced(g *grant, p point) {
	if _, err := l.process.get(g); err != nil {
		l.t.Errorf("%s, killed %s, after all: %v", g.key(), p, err)
	}
	role, err := l.process.request(context.Background(), logical.ReadOperation, "roles/"+g.role, nil)
	if err != nil || role.Data["next_client_secret_set"] == true {
		l.t.Errorf("%s, killed %s: the next secret is still to come: %v", g.key(), p, err)
	}
	if inUse := l.status(g)["client_secret_in_use"]; inUse != "client_secret" {
		l.t.Errorf("%s, killed %s: in use is %v", g.key(), p, inUse)
	}
}
