package schedule

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

// ownersOf follows the name of a role in what is wanted of a survey: the grants of its owners, which no provider's name
// can be taken for.
const ownersOf = "/"

// AnyProvider stands for the roles of all providers in a survey.
const AnyProvider = ""

// surveys are the looks at many roles that are asked for. One is made at a time: what is asked for meanwhile,
// however often, is one more. The zero value is ready.
type surveys struct {
	mu      sync.Mutex
	running bool
	wanted  map[string]bool // the providers whose roles are to be looked at
}

// want asks for a survey. It tells whether nobody makes one: then the caller must.
func (s *surveys) want(provider string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wanted == nil {
		s.wanted = map[string]bool{}
	}
	s.wanted[provider] = true
	begin := !s.running
	s.running = true
	return begin
}

// active tells whether one is made.
func (s *surveys) active() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running
}

// next returns the providers of the next survey; nil when none is wanted any more, and whoever asks is to end.
func (s *surveys) next() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted := s.wanted
	s.wanted, s.running = nil, wanted != nil
	return wanted
}

// Survey has the roles of a provider looked at, whose definition has changed, or those of all.
func (sc *Schedule) Survey(s logical.Storage, provider string) { sc.want(s, provider) }

// want has a provider's roles looked at, or the owners' grants of a role.
func (sc *Schedule) want(s logical.Storage, what string) {
	if sc.surveys.want(what) {
		sc.grants.Begin(func() { // a mount that ends plans nothing any more
			for wanted := sc.surveys.next(); wanted != nil; wanted = sc.surveys.next() {
				sc.grants.Contained(func() { sc.survey(s, wanted) })
			}
		})
	}
}

// survey finds what is to be done for the roles there are: exchanges whose outcome is unknown, which
// must be repeated while the provider's grace lasts, and grants to keep alive. It reads at a bounded
// rate, so that a mount with very many roles does not slow Vault's start; roles of which it is known that
// they may have such an exchange come first.
func (sc *Schedule) survey(s logical.Storage, wanted map[string]bool) {
	if wanted[AnyProvider] {
		sc.surveyInflight(s)
	}
	for what := range wanted {
		if name, ok := strings.CutSuffix(what, ownersOf); ok {
			delete(wanted, what)
			of := &round{sc: sc, s: s, wanted: map[string]bool{AnyProvider: true}}
			of.owners(name)
		}
	}
	if len(wanted) == 0 {
		return
	}
	r := &round{sc: sc, s: s, wanted: wanted}
	names, err := mount.List(s, role.Prefix)
	for err != nil {
		sc.grants.Logger().Warn("the roles could not be listed for background work; trying again", "error", err)
		if !sc.grants.Work.Wait(tendDelay) || sc.grants.Work.Ending() {
			return
		}
		names, err = mount.List(s, role.Prefix)
	}
	sc.Index.Listed(len(names))
	all := wanted[AnyProvider]
	for _, name := range names {
		if !r.visit(grant.Key(name)) {
			return
		}
		_, known := sc.Index.Get(grant.Key(name))
		all = all && known
	}
	if all && !r.missed { // else who asks next completes it
		sc.Index.Filled()
	}
}

// round is one survey under way.
type round struct {
	sc     *Schedule
	s      logical.Storage
	wanted map[string]bool
	looks  int
	missed bool // owners that could not be listed
}

// visit looks at a grant, at the rate that is allowed, and at those of the owners of a role that has such. It returns
// false when the mount ends.
func (r *round) visit(key grant.Key) bool {
	const pause, batch = 10 * time.Millisecond, 10 // a thousand a second
	if r.looks%batch == 0 && !r.sc.grants.Work.Wait(pause) || r.sc.grants.Work.Ending() {
		return false
	}
	r.looks++
	g := r.sc.visit(r.s, key, r.wanted)
	if g == nil || !g.Role.PerOwner() || key.Owner() != "" || !r.wanted[AnyProvider] && !r.wanted[g.Role.Provider] {
		return true
	}
	return r.owners(key.Role())
}

// owners visits the grants of a role's owners.
func (r *round) owners(name string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), mount.StorageTimeout)
	owners, err := grant.Owners(ctx, r.s, name)
	cancel()
	if err != nil {
		r.missed = true
		r.sc.Index.Set(grant.Key(name), clock.Now().Add(tendDelay)) // to be listed again
	}
	for _, owner := range owners {
		if !r.visit(grant.KeyOf(name, owner)) {
			return false
		}
	}
	return true
}

// visit looks at a grant, and puts it where it belongs in the queue if it is of one of the providers. It returns what
// it has found, nil for nothing.
func (sc *Schedule) visit(s logical.Storage, key grant.Key, wanted map[string]bool) *grant.Grant {
	g, err := sc.lookAt(s, key, wanted)
	if err != nil && !errors.Is(err, role.ErrNoRole) {
		sc.Index.Set(key, clock.Now().Add(tendDelay))
		sc.Index.DoubtOf(key)
	}
	return g
}

// lookAt takes no longer than storage may, and a panic ends it with an error.
func (sc *Schedule) lookAt(s logical.Storage, key grant.Key, wanted map[string]bool) (g *grant.Grant, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), mount.StorageTimeout)
	defer cancel()
	defer mount.Contain(sc.grants.Logger(), &err)
	g, err = sc.look(ctx, s, key)
	if err == nil && (wanted[AnyProvider] || wanted[g.Role.Provider]) {
		sc.replan(g)
	}
	return g, err
}

// surveyInflight looks at the roles that are noted, and then tidies the notes up.
func (sc *Schedule) surveyInflight(s logical.Storage) {
	ctx, cancel := context.WithTimeout(context.Background(), mount.StorageTimeout)
	defer cancel()
	keys, err := grant.Inflight(ctx, s)
	if err != nil {
		return // the survey of all roles finds these exchanges too
	}
	var settled []grant.Key // or gone
	for _, key := range keys {
		if sc.grants.Work.Ending() {
			return
		}
		if g := sc.visit(s, key, map[string]bool{AnyProvider: true}); g == nil || g.State.Intent == nil {
			settled = append(settled, key)
		}
	}
	if len(settled) == 0 || !sc.grants.MayTend() {
		return
	}
	sc.grants.Begin(func() {
		for _, key := range settled {
			sc.grants.SettleInflight(s, key)
		}
	})
}
