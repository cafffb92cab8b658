package index

import (
	"strings"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/provider"
	"vault-plugin-secrets-oauthrefresh/role"
)

// Written puts in doubt what is known of the grants that depend on a storage entry, which this process has written or tried
// to.
func (x *Index) Written(entry string) {
	kind, name, _ := strings.Cut(entry, "/")
	x.mu.Lock()
	defer x.mu.Unlock()
	switch kind += "/"; {
	case kind == grant.Prefix:
		x.doubt(grant.Key(name))
	case kind == role.Prefix:
		key := grant.Key(name)
		x.doubt(key)
		if i := x.items[key]; i != nil && i.perOwner() {
			x.doubtAll(func(other grant.Key, _ *item) bool { return other.Role() == name })
		}
	case kind == provider.Prefix || kind == role.PinsPrefix:
		x.doubtAll(func(_ grant.Key, i *item) bool { return i.sum.Provider == name || i.sum.State == grant.StateUnreadable })
	case entry == provider.ConfigKey:
		x.doubtAll(func(grant.Key, *item) bool { return true })
	}
}

// doubtAll has all grants looked at again that depend on something. The lock is held.
func (x *Index) doubtAll(depends func(grant.Key, *item) bool) {
	for key, i := range x.items {
		if i.sum != nil && depends(key, i) {
			x.doubt(key)
		}
	}
}

// DoubtOf puts in doubt what is known of one grant.
func (x *Index) DoubtOf(key grant.Key) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.doubt(key)
}

// doubt has a grant looked at again. The lock is held.
func (x *Index) doubt(key grant.Key) {
	x.doubted[key] = struct{}{}
	select {
	case x.Doubt <- struct{}{}:
	default:
	}
}

// Doubted are up to so many grants of which what is known is in doubt.
func (x *Index) Doubted(most int) []grant.Key {
	x.mu.Lock()
	defer x.mu.Unlock()
	keys := make([]grant.Key, 0, min(most, len(x.doubted)))
	for key := range x.doubted {
		if len(keys) == most {
			break
		}
		keys = append(keys, key)
	}
	return keys
}

// Listed tells how many roles a look at all of them has to go through, and Filled that it has.
func (x *Index) Listed(roles int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.total = roles
}

// Filled says that every role there was has been looked at: from now on whatever is not here is not there.
func (x *Index) Filled() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.full = true
}

// Progress is how far the look at all roles is that follows a start.
type Progress struct {
	Roles int  // that are known
	Of    int  // that there are, as far as it is known
	Full  bool // all were looked at
	Doubt int  // grants that were written since they were looked at
}

// Progress tells how far the index is.
func (x *Index) Progress() Progress {
	x.mu.Lock()
	defer x.mu.Unlock()
	p := Progress{Roles: x.roles, Of: max(x.roles, x.total), Full: x.full, Doubt: len(x.doubted)}
	if x.full {
		p.Of = x.roles
	}
	return p
}

// Forget drops what is known of an owner's grant that there is none of. What is planned for it stays.
func (x *Index) Forget(key grant.Key) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.doubted, key)
	i := x.items[key]
	switch {
	case i == nil:
	case i.due.IsZero():
		x.remove(key)
	case i.sum != nil:
		x.counted(key, -1)
		i.sum = nil
	}
}

// Entities are up to so many grants that entities own.
func (x *Index) Entities(most int) (keys []grant.Key) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for key := range x.entities {
		if len(keys) == most {
			break
		}
		keys = append(keys, key)
	}
	return keys
}

// Get is what is known of a grant; ok is false when nobody has looked at it.
func (x *Index) Get(key grant.Key) (sum grant.Summary, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	i := x.items[key]
	if i == nil || i.sum == nil {
		return grant.Summary{}, false
	}
	return *i.sum, true
}
