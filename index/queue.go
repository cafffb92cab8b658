package index

import (
	"container/heap"
	"time"

	"vault-plugin-secrets-oauthrefresh/grant"
)

// Turn is a grant whose turn it is, and the provider that it was planned for: "" when that is not known.
type Turn struct {
	Key      grant.Key
	Provider string
}

// Set makes a grant due of which no more is known than that it must be looked at.
func (x *Index) Set(key grant.Key, due time.Time) { x.Put(Turn{Key: key}, due) }

// Put makes a grant due, or due earlier. The zero time means never, and changes nothing: somebody else may have seen a
// reason.
//
// Plans come from looks of different ages, so a grant is never made due later: the earliest plan wins until it is taken out
// to be looked at again. A plan that was too early costs one look; one that is overwritten by an older one's "later" or
// "never" could cost the grant.
func (x *Index) Put(t Turn, due time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	i := x.items[t.Key]
	if i != nil && t.Provider != "" {
		i.provider = t.Provider
	}
	if due.IsZero() || i != nil && !i.due.IsZero() && !due.Before(i.due) {
		return
	}
	if i == nil {
		i = x.of(t.Key)
		i.provider = t.Provider
	}
	queued := !i.due.IsZero()
	i.due = due
	if queued {
		heap.Fix(&x.order, i.place)
	} else {
		heap.Push(&x.order, turn{t.Key, i})
	}
	if x.order[0].item == i {
		select {
		case x.Changed <- struct{}{}:
		default:
		}
	}
}

// Has tells whether a grant is due at some time.
func (x *Index) Has(key grant.Key) bool { return !x.Due(key).IsZero() }

// Due is when a grant is due; the zero time when nothing is planned for it.
func (x *Index) Due(key grant.Key) time.Time {
	x.mu.Lock()
	defer x.mu.Unlock()
	if i := x.items[key]; i != nil {
		return i.due
	}
	return time.Time{}
}

// Planned is how many grants are due at some time.
func (x *Index) Planned() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.order)
}

// Take removes the first grant that is due from what is planned. When there is none, the turn is empty and the time is
// that of the next one; the zero time when there is none at all.
func (x *Index) Take(now time.Time) (Turn, time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.order) == 0 {
		return Turn{}, time.Time{}
	}
	first := x.order[0]
	due := first.item.due
	if due.After(now) {
		return Turn{}, due
	}
	heap.Pop(&x.order)
	first.item.due = time.Time{}
	if first.item.sum == nil {
		delete(x.items, first.key) // nothing else is known of it
	}
	return Turn{first.key, first.item.provider}, due
}

// turn is a grant in the order of what is due.
type turn struct {
	key  grant.Key
	item *item
}

// dueOrder is a heap of grants, the earliest first.
type dueOrder []turn

// Len implements heap.Interface.
func (o dueOrder) Len() int { return len(o) }

// Less implements heap.Interface: earlier is less.
func (o dueOrder) Less(i, j int) bool { return o[i].item.due.Before(o[j].item.due) }

// Swap implements heap.Interface and keeps each grant's place.
func (o dueOrder) Swap(i, j int) {
	o[i], o[j] = o[j], o[i]
	o[i].item.place, o[j].item.place = i, j
}

// Push implements heap.Interface; use Index.Put.
func (o *dueOrder) Push(x any) {
	t := x.(turn)
	t.item.place = len(*o)
	*o = append(*o, t)
}

// Pop implements heap.Interface; use Index.Take.
func (o *dueOrder) Pop() any {
	last := len(*o) - 1
	t := (*o)[last]
	(*o)[last] = turn{}
	*o = (*o)[:last]
	return t
}
