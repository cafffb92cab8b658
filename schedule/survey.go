package schedule

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

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

// next returns the providers of the next survey; nil when none is wanted any more, and whoever asks is to end.
func (s *surveys) next() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted := s.wanted
	s.wanted, s.running = nil, wanted != nil
	return wanted
}

// Survey has the roles of a provider looked at, whose definition has changed, or those of all.
func (sc *Schedule) Survey(s logical.Storage, provider string) {
	if sc.surveys.want(provider) {
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
	const pause, batch = 10 * time.Millisecond, 10 // a thousand roles a second
	if wanted[AnyProvider] {
		sc.surveyInflight(s)
	}
	names, err := mount.List(s, role.Prefix)
	for err != nil {
		sc.grants.Logger().Warn("the roles could not be listed for background work; trying again", "error", err)
		if !sc.grants.Work.Wait(tendDelay) || sc.grants.Work.Ending() {
			return
		}
		names, err = mount.List(s, role.Prefix)
	}
	for i, name := range names {
		if i%batch == 0 && !sc.grants.Work.Wait(pause) || sc.grants.Work.Ending() {
			return
		}
		sc.visit(s, grant.Key(name), wanted)
	}
}

// visit looks at a grant, and puts it where it belongs in the queue if it is of one of the providers. It returns what
// it has found, nil for nothing.
func (sc *Schedule) visit(s logical.Storage, key grant.Key, wanted map[string]bool) *grant.Grant {
	g, err := sc.lookAt(s, key, wanted)
	if err != nil && !errors.Is(err, role.ErrNoRole) {
		sc.Queue.Set(key, clock.Now().Add(tendDelay))
	}
	return g
}

// lookAt takes no longer than storage may, and a panic ends it with an error.
func (sc *Schedule) lookAt(s logical.Storage, key grant.Key, wanted map[string]bool) (g *grant.Grant, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), mount.StorageTimeout)
	defer cancel()
	defer mount.Contain(sc.grants.Logger(), &err)
	g, err = sc.grants.Look(ctx, s, key)
	if err == nil && (wanted[AnyProvider] || wanted[g.Role.Provider]) {
		sc.replan(g)
	}
	return g, err
}

// surveyInflight looks at the roles that are noted, and then tidies the notes up.
func (sc *Schedule) surveyInflight(s logical.Storage) {
	ctx, cancel := context.WithTimeout(context.Background(), mount.StorageTimeout)
	defer cancel()
	names, err := s.List(ctx, grant.InflightPrefix)
	if err != nil {
		return // the survey of all roles finds these exchanges too
	}
	var settled []grant.Key // or gone
	for _, name := range names {
		if sc.grants.Work.Ending() {
			return
		}
		if g := sc.visit(s, grant.Key(name), map[string]bool{AnyProvider: true}); g == nil || g.State.Intent == nil {
			settled = append(settled, grant.Key(name))
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
