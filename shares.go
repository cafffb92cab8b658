package oauthrefresh

import "sync"

const (
	// maxWorkers bounds the refreshes that run in the background at once, maxOfProvider those of one
	// provider: one that hangs must not keep the others' from being made. With a provider that takes a
	// second, 64 are enough for 230,000 one-hour tokens.
	maxWorkers, maxOfProvider = 256, 64
)

// shares are the refreshes that run in the background, by provider, and the roles that wait for one to end.
// These wait here and not in the queue: a crowd behind a provider that hangs looks into nothing. The zero
// value is ready.
//
// The fewer workers are free, the less of them a provider gets: one more while it has fewer than half as many
// as are free. So providers that hang take half of what is left each, and never all.
type shares struct {
	mu      sync.Mutex
	running int
	of      map[string]int      // provider → how many of them are its own
	lines   map[string][]string // provider → the roles that wait for it, the first one first
	waits   map[string]string   // role → the provider that it waits for; who has left a line is in it still
}

// enter gives a role its share, and then leave must follow. Otherwise it waits, once, until leave returns it.
func (s *shares) enter(t turn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of, s.lines, s.waits = map[string]int{}, map[string][]string{}, map[string]string{}
	}
	if s.free(t.provider) {
		delete(s.waits, t.name)
		s.take(t.provider)
		return true
	}
	if at, ok := s.waits[t.name]; !ok || at != t.provider {
		s.waits[t.name] = t.provider
		s.lines[t.provider] = append(s.lines[t.provider], t.name)
	}
	return false
}

// leave gives a share back and returns whose turn it is now, of any provider. They have their shares already.
func (s *shares) leave(provider string) []turn {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	if s.of[provider]--; s.of[provider] == 0 {
		delete(s.of, provider)
	}
	var next []turn
	for p := range s.lines {
		for s.free(p) {
			name, ok := s.first(p)
			if !ok {
				break
			}
			s.take(p)
			next = append(next, turn{name, p})
		}
	}
	return next
}

// forget takes a role out that is no more.
func (s *shares) forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waits, name)
}

// has tells whether a role waits for its share.
func (s *shares) has(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.waits[name]
	return ok
}

func (s *shares) free(provider string) bool {
	return s.of[provider] < maxOfProvider && 2*s.of[provider] < maxWorkers-s.running
}

func (s *shares) take(provider string) {
	s.running++
	s.of[provider]++
}

// first removes the first role from a provider's line. It returns false when nobody waits.
func (s *shares) first(provider string) (string, bool) {
	for line := s.lines[provider]; len(line) > 0; line = line[1:] {
		if name := line[0]; s.waits[name] == provider {
			s.lines[provider] = line[1:]
			delete(s.waits, name)
			return name, true
		}
	}
	delete(s.lines, provider)
	return "", false
}
