// Package index is what is known of all grants of a mount at once, in the memory of the node that writes: how each stands,
// whom it is with, what is due when and what will end when. The lists, the status of the mount, its metrics and the
// scheduler ask it. No refresh is decided by it: who spends a refresh token reads storage.
//
// It is kept true by the writes of this process, each of which puts in doubt what is known of a grant until somebody has
// looked again or tells what has come of it; after a start it is filled by a look at all roles.
package index

import (
	"container/heap"
	"sync"
	"time"
	"unique"

	"vault-plugin-secrets-oauthrefresh/grant"
)

// Index is what is known of all grants. Make one with New.
type Index struct {
	mu      sync.Mutex
	items   map[grant.Key]*item
	order   dueOrder
	doubted map[grant.Key]struct{} // written since it was looked at, or since what it depends on was
	roles   int                    // that are known: the entries without an owner
	total   int                    // roles that a survey has listed, and not looked at all of; 0 when there is none
	full    bool                   // every role was looked at since the start

	entities map[grant.Key]struct{} // the known grants that entities own

	// Changed has a value when the head of what is due may be another one than before.
	Changed chan struct{}
	// Doubt has a value when something is in doubt.
	Doubt chan struct{}
}

// item is what is known of one grant: its place in what is due, and how it stands.
type item struct {
	provider string
	due      time.Time // zero when it is not in the queue
	place    int       // in the heap
	// sum is nil until somebody has looked. Another one takes its place, it itself is never changed: a report holds it on.
	sum *grant.Summary
}

// New makes an empty index.
func New() *Index {
	return &Index{
		items: map[grant.Key]*item{}, doubted: map[grant.Key]struct{}{}, entities: map[grant.Key]struct{}{},
		Changed: make(chan struct{}, 1), Doubt: make(chan struct{}, 1),
	}
}

// of is the entry of a grant, made if need be. The lock is held.
func (x *Index) of(key grant.Key) *item {
	i := x.items[key]
	if i == nil {
		i = &item{}
		x.items[key] = i
	}
	return i
}

// Note takes what a look at a grant has found, or what an exchange has left, as the truth of now.
func (x *Index) Note(key grant.Key, sum grant.Summary) {
	x.mu.Lock()
	defer x.mu.Unlock()
	i := x.of(key)
	if i.sum == nil {
		x.counted(key, 1)
	}
	sum.Provider = unique.Make(sum.Provider).Value() // one text for all of its roles
	i.provider, i.sum = sum.Provider, &sum
	delete(x.doubted, key)
}

// Remove takes a grant out that is no more.
func (x *Index) Remove(key grant.Key) {
	x.mu.Lock()
	defer x.mu.Unlock()
	i := x.items[key]
	x.remove(key)
	if i != nil && i.perOwner() { // with all of its owners' grants
		for other := range x.items {
			if other.Role() == key.Role() {
				x.remove(other)
			}
		}
	}
}

// remove is Remove of one entry. The lock is held.
func (x *Index) remove(key grant.Key) {
	delete(x.doubted, key)
	i := x.items[key]
	if i == nil {
		return
	}
	if !i.due.IsZero() {
		heap.Remove(&x.order, i.place)
	}
	if i.sum != nil {
		x.counted(key, -1)
	}
	delete(x.items, key)
}

// perOwner tells of a role whose owners have grants.
func (i *item) perOwner() bool { return i.sum != nil && i.sum.PerOwner }

// counted counts a grant that is known now, or that no longer is. The lock is held.
func (x *Index) counted(key grant.Key, by int) {
	switch {
	case key.Owner() == "":
		x.roles += by
	case key.Entity() != "" && by > 0:
		x.entities[key] = struct{}{}
	default:
		delete(x.entities, key)
	}
}
