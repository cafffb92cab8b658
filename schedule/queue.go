package schedule

import (
	"container/heap"
	"sync"
	"time"

	"vault-plugin-secrets-oauthrefresh/grant"
)

// queue holds which role is due when. Looking whether anything is due costs nothing, however many
// roles there are. Make one with newQueue.
//
// Plans come from looks of different ages, so an entry is never made later: the earliest plan wins until the
// role is taken out to be looked at again. A plan that was too early costs one look; one that is overwritten by
// an older one's "later" or "never" could cost the grant.
type queue struct {
	Mu    sync.Mutex
	Items map[grant.Key]*item
	Order dueOrder
	// Changed has a value when the head may be another one than before.
	Changed chan struct{}
}

// Turn is a role whose turn it is, and the provider that it was planned for: "" when that is not known.
type Turn struct {
	Key      grant.Key
	Provider string
}

// item is one role in the queue.
type item struct {
	Turn
	Due   time.Time
	index int // in the heap
}

// NewQueue makes an empty queue.
func NewQueue() *queue {
	return &queue{Items: map[grant.Key]*item{}, Changed: make(chan struct{}, 1)}
}

// Set puts a role into the queue of which no more is known than that it must be looked at.
func (q *queue) Set(key grant.Key, due time.Time) { q.Put(Turn{Key: key}, due) }

// Put puts a role into the queue, or makes it due earlier. The zero time means never, and changes nothing: somebody
// else may have seen a reason.
func (q *queue) Put(t Turn, due time.Time) {
	q.Mu.Lock()
	defer q.Mu.Unlock()
	i := q.Items[t.Key]
	if i != nil && t.Provider != "" {
		i.Provider = t.Provider
	}
	switch {
	case due.IsZero() || i != nil && !due.Before(i.Due):
		return
	case i == nil:
		i = &item{Turn: t, Due: due}
		q.Items[t.Key] = i
		heap.Push(&q.Order, i)
	default:
		i.Due = due
		heap.Fix(&q.Order, i.index)
	}
	if q.Order[0] == i {
		select {
		case q.Changed <- struct{}{}:
		default:
		}
	}
}

// remove takes a role out that is no more.
func (q *queue) remove(key grant.Key) {
	q.Mu.Lock()
	defer q.Mu.Unlock()
	if i := q.Items[key]; i != nil {
		heap.Remove(&q.Order, i.index)
		delete(q.Items, key)
	}
}

// Has tells whether a role is in the queue.
func (q *queue) Has(key grant.Key) bool {
	q.Mu.Lock()
	defer q.Mu.Unlock()
	return q.Items[key] != nil
}

// take removes the first role that is due. When there is none, the turn is empty and the time is that of the
// next one; the zero time when there is none at all.
func (q *queue) take(now time.Time) (Turn, time.Time) {
	q.Mu.Lock()
	defer q.Mu.Unlock()
	if len(q.Order) == 0 {
		return Turn{}, time.Time{}
	}
	first := q.Order[0]
	if first.Due.After(now) {
		return Turn{}, first.Due
	}
	heap.Pop(&q.Order)
	delete(q.Items, first.Key)
	return first.Turn, first.Due
}

// dueOrder is a heap of items, the earliest first.
type dueOrder []*item

// Len implements heap.Interface.
func (o dueOrder) Len() int { return len(o) }

// Less implements heap.Interface: earlier is less.
func (o dueOrder) Less(i, j int) bool { return o[i].Due.Before(o[j].Due) }

// Swap implements heap.Interface and keeps each item's place.
func (o dueOrder) Swap(i, j int) {
	o[i], o[j] = o[j], o[i]
	o[i].index, o[j].index = i, j
}

// Push implements heap.Interface; use queue.set.
func (o *dueOrder) Push(x any) {
	i := x.(*item)
	i.index = len(*o)
	*o = append(*o, i)
}

// Pop implements heap.Interface; use queue.take.
func (o *dueOrder) Pop() any {
	last := len(*o) - 1
	i := (*o)[last]
	(*o)[last] = nil
	*o = (*o)[:last]
	return i
}
