package oauthrefresh

import "sync"

// shares counts the refreshes that run in the background, by provider. The zero value is ready.
type shares struct {
	mu sync.Mutex
	of map[string]int
}

// enter tells whether a provider may have one more; then leave must follow.
func (s *shares) enter(provider string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = map[string]int{}
	}
	if s.of[provider] >= maxOfProvider {
		return false
	}
	s.of[provider]++
	return true
}

func (s *shares) leave(provider string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of[provider]--; s.of[provider] == 0 {
		delete(s.of, provider)
	}
}
