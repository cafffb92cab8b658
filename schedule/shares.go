package schedule

import (
	"sync"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/index"
)

const (
	// maxWorkers bounds the refreshes that run in the background at once, maxOfProvider those of one
	// provider: one that hangs must not keep the others' from being made. With a provider that takes a
	// second, 64 are enough for 230,000 one-hour tokens.
	maxWorkers, MaxOfProvider = 256, 64
)

// Shares are the refreshes that run in the background, by provider, and the roles that wait for one to end.
// These wait here and not in the queue: a crowd behind a provider that hangs looks into nothing. The zero
// value is ready.
//
// The fewer workers are free, the less of them a provider gets: one more while it has fewer than half as many
// as are free. So providers that hang take half of what is left each, and never all.
type Shares struct {
	Mu      sync.Mutex
	Running int
	Of      map[string]int         // provider → how many of them are its own
	Lines   map[string][]grant.Key // provider → the roles that wait for it, the first one first
	Waits   map[grant.Key]string   // role → the provider that it waits for; who has left a line is in it still
}

// enter gives a role its share, and then leave must follow. Otherwise it waits, once, until leave returns it.
func (s *Shares) enter(t index.Turn) bool {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	if s.Of == nil {
		s.Of, s.Lines, s.Waits = map[string]int{}, map[string][]grant.Key{}, map[grant.Key]string{}
	}
	if s.free(t.Provider) {
		delete(s.Waits, t.Key)
		s.take(t.Provider)
		return true
	}
	if at, ok := s.Waits[t.Key]; !ok || at != t.Provider {
		s.Waits[t.Key] = t.Provider
		s.Lines[t.Provider] = append(s.Lines[t.Provider], t.Key)
	}
	return false
}

// leave gives a share back and returns whose turn it is now, of any provider. They have their shares already.
func (s *Shares) leave(provider string) []index.Turn {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	s.Running--
	if s.Of[provider]--; s.Of[provider] == 0 {
		delete(s.Of, provider)
	}
	var next []index.Turn
	for p := range s.Lines {
		for s.free(p) {
			key, ok := s.first(p)
			if !ok {
				break
			}
			s.take(p)
			next = append(next, index.Turn{Key: key, Provider: p})
		}
	}
	return next
}

// Forget takes a role out that is no more.
func (s *Shares) Forget(key grant.Key) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	delete(s.Waits, key)
}

// has tells whether a role waits for its share.
func (s *Shares) has(key grant.Key) bool {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	_, ok := s.Waits[key]
	return ok
}

func (s *Shares) free(provider string) bool {
	return s.Of[provider] < MaxOfProvider && 2*s.Of[provider] < maxWorkers-s.Running
}

func (s *Shares) take(provider string) {
	s.Running++
	s.Of[provider]++
}

// first removes the first role from a provider's line. It returns false when nobody waits.
func (s *Shares) first(provider string) (grant.Key, bool) {
	for line := s.Lines[provider]; len(line) > 0; line = line[1:] {
		if key := line[0]; s.Waits[key] == provider {
			s.Lines[provider] = line[1:]
			delete(s.Waits, key)
			return key, true
		}
	}
	delete(s.Lines, provider)
	return "", false
}
