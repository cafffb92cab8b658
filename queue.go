package oauthrefresh

import (
	"container/heap"
	"sync"
	"time"
)

// queue holds which role is due when. Looking whether anything is due costs nothing, however many
// roles there are. Make one with newQueue.
type queue struct {
	mu    sync.Mutex
	items map[string]*item
	order dueOrder
	// changed has a value when the head may be another one than before.
	changed chan struct{}
}

// item is one role in the queue.
type item struct {
	name  string
	due   time.Time
	index int // in the heap
}

func newQueue() *queue {
	return &queue{items: map[string]*item{}, changed: make(chan struct{}, 1)}
}

// set puts a role into the queue, or moves it. The zero time takes it out.
func (q *queue) set(name string, due time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := q.items[name]
	switch {
	case due.IsZero() && i == nil:
		return
	case due.IsZero():
		heap.Remove(&q.order, i.index)
		delete(q.items, name)
		return
	case i == nil:
		i = &item{name: name, due: due}
		q.items[name] = i
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

// has tells whether a role is in the queue.
func (q *queue) has(name string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.items[name] != nil
}

// take removes the first role that is due and returns its name. Otherwise it returns "" and when
// the next one will be; the zero time when there is none.
func (q *queue) take(now time.Time) (name string, next time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.order) == 0 {
		return "", time.Time{}
	}
	first := q.order[0]
	if first.due.After(now) {
		return "", first.due
	}
	heap.Pop(&q.order)
	delete(q.items, first.name)
	return first.name, first.due
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
