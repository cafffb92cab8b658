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
	states map[Key]*State
}

func (f *failures) put(key Key, st *State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.states == nil {
		f.states = map[Key]*State{}
	}
	f.states[key] = st
}

func (f *failures) drop(key Key) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.states, key)
}

// over is the state with the failure that storage does not know of, if it is of the same grant and generation;
// else the stored one.
func (f *failures) over(key Key, stored *State) *State {
	f.mu.Lock()
	defer f.mu.Unlock()
	if st := f.states[key]; st != nil && stored != nil && st.GrantID == stored.GrantID && st.Generation == stored.Generation {
		return st
	}
	return stored
}
