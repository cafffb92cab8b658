package oauthrefresh

import (
	"container/heap"
	"sync"
	"time"
)

// queue holds which role is due when. Looking whether anything is due costs nothing, however many
// roles there are. Make one with newQueue.
//
// Plans come from looks of different ages, so an entry is never made later: the earliest plan wins until the
// role is taken out to be looked at again. A plan that was too early costs one look; one that is overwritten by
// an older one's "later" or "never" could cost the grant.
type queue struct {
	mu    sync.Mutex
	items map[string]*item
	order dueOrder
	// changed has a value when the head may be another one than before.
	changed chan struct{}
}

// turn is a role whose turn it is, and the provider that it was planned for: "" when that is not known.
type turn struct{ name, provider string }

// item is one role in the queue.
type item struct {
	turn
	due   time.Time
	index int // in the heap
}

func newQueue() *queue {
	return &queue{items: map[string]*item{}, changed: make(chan struct{}, 1)}
}

// set puts a role into the queue of which no more is known than that it must be looked at.
func (q *queue) set(name string, due time.Time) { q.put(turn{name: name}, due) }

// put puts a role into the queue, or makes it due earlier. The zero time means never, and changes nothing: somebody
// else may have seen a reason.
func (q *queue) put(t turn, due time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := q.items[t.name]
	if i != nil && t.provider != "" {
		i.provider = t.provider
	}
	switch {
	case due.IsZero() || i != nil && !due.Before(i.due):
		return
	case i == nil:
		i = &item{turn: t, due: due}
		q.items[t.name] = i
		heap.Push(&q.order, i)
	default:
		i.due = due
		heap.Fix(&q.order, i.index)
	}
	if q.order[0] == i {
		select {
		case q.changed <- struct{}{}:
		default:
		}
	}
}

// remove takes a role out that is no more.
func (q *queue) remove(name string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if i := q.items[name]; i != nil {
		heap.Remove(&q.order, i.index)
		delete(q.items, name)
	}
}

// has tells whether a role is in the queue.
func (q *queue) has(name string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.items[name] != nil
}

// take removes the first role that is due. When there is none, the turn is empty and the time is that of the
// next one; the zero time when there is none at all.
func (q *queue) take(now time.Time) (turn, time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.order) == 0 {
		return turn{}, time.Time{}
	}
	first := q.order[0]
	if first.due.After(now) {
		return turn{}, first.due
	}
	heap.Pop(&q.order)
	delete(q.items, first.name)
	return first.turn, first.due
}

// dueOrder is a heap of items, the earliest first.
type dueOrder []*item

// Len implements heap.Interface.
func (o dueOrder) Len() int { return len(o) }

// Less implements heap.Interface: earlier is less.
func (o dueOrder) Less(i, j int) bool { return o[i].due.Before(o[j].due) }

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
