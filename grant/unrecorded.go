package grant

import (
	"sync"
)

// failures are states with a failure that storage did not take, by role. Unlike an answer that is held they
// block nothing and need not be stored: all that would be lost with them is how long to leave the provider
// alone, and that its answer may have been lost. The next state of the role that is stored takes their
// place. The zero value is ready.
type failures struct {
	mu     sync.Mutex
	states map[string]*Token
}

func (f *failures) put(name string, t *Token) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.states == nil {
		f.states = map[string]*Token{}
	}
	f.states[name] = t
}

func (f *failures) drop(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.states, name)
}

// over is the state with the failure that storage does not know of, if it is of the same grant and generation;
// else the stored one.
func (f *failures) over(name string, stored *Token) *Token {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t := f.states[name]; t != nil && stored != nil && t.GrantID == stored.GrantID && t.Generation == stored.Generation {
		return t
	}
	return stored
}
