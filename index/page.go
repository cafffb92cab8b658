package index

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"vault-plugin-secrets-oauthrefresh/grant"
)

// Entry is what is known of one grant.
type Entry struct {
	Key grant.Key
	*grant.Summary
}

// Unwell tells of a grant that needs attention as it stands.
func (e Entry) Unwell() bool { return unwell(e.Summary) }

func unwell(sum *grant.Summary) bool {
	return !sum.PerOwner && sum.State != grant.StateOK && sum.State != grant.StateNew
}

// Filter says which grants somebody asks for. The zero value asks for those that need attention, or will die soon.
type Filter struct {
	State    string   // one of the values of state in status/<name>; "" for those that need attention
	Provider string   // "" for all
	Labels   []string // key=value, each of which a role must have
	Now      time.Time
	Horizon  time.Duration // without a state, who dies within it needs attention too
}

// picks tells whether a role has what the filter asks for, apart from how its grant stands.
func (f *Filter) picks(sum *grant.Summary) bool {
	if f.Provider != "" && sum.Provider != f.Provider {
		return false
	}
	for _, label := range f.Labels {
		if !slices.Contains(sum.Labels, label) {
			return false
		}
	}
	return true
}

// wants tells whether a grant is to be named.
func (f *Filter) wants(sum *grant.Summary) bool {
	if f.State != "" {
		return sum.State == f.State
	}
	return f.dying(sum) || unwell(sum)
}

// Everything tells that the filter picks all grants.
func (f *Filter) Everything() bool { return f.State == "" && f.Provider == "" && len(f.Labels) == 0 }

// dying tells of a grant that lives, and will not at the filter's horizon.
func (f *Filter) dying(sum *grant.Summary) bool {
	return !sum.DiesAt.IsZero() && sum.DiesAt.Sub(f.Now) < f.Horizon
}

// Report is how the grants of a mount stand.
type Report struct {
	Roles, Owners int                       // all of which the filter picks
	States        map[string]map[string]int // provider → state → grants
	BackingOff    map[string]int            // provider → grants whose next refresh waits after a failure
	Dying         map[string]int            // provider → grants that die within the horizon
	Named         []Entry                   // those that are wanted, the soonest death first
}

// Report counts the grants that a filter picks, and names those that it wants.
func (x *Index) Report(f Filter) *Report {
	r := &Report{States: map[string]map[string]int{}, BackingOff: map[string]int{}, Dying: map[string]int{}}
	for _, e := range x.known() {
		if !f.picks(e.Summary) {
			continue
		}
		r.count(e.Key, e.Summary, &f)
		if f.wants(e.Summary) {
			r.Named = append(r.Named, e)
		}
	}
	slices.SortFunc(r.Named, sooner)
	return r
}

// known is all that is known, in no order. Looking at it is left to the caller, who does not hold the lock: a refresh waits
// for that, and readers for the refresh.
func (x *Index) known() []Entry {
	x.mu.Lock()
	defer x.mu.Unlock()
	all := make([]Entry, 0, len(x.items))
	for key, i := range x.items {
		if i.sum != nil {
			all = append(all, Entry{key, i.sum})
		}
	}
	return all
}

// count counts one grant, or a role that has none itself.
func (r *Report) count(key grant.Key, sum *grant.Summary, f *Filter) {
	if key.Owner() == "" {
		r.Roles++
	} else {
		r.Owners++
	}
	if sum.PerOwner {
		return
	}
	of := r.States[sum.Provider]
	if of == nil {
		of = map[string]int{}
		r.States[sum.Provider] = of
	}
	of[sum.State]++
	if sum.Until.After(f.Now) {
		r.BackingOff[sum.Provider]++
	}
	if f.dying(sum) {
		r.Dying[sum.Provider]++
	}
}

// sooner orders grants: the dead ones, then by when they die, then those of which no end is known.
func sooner(a, b Entry) int {
	if order := cmp.Compare(rank(a), rank(b)); order != 0 {
		return order
	}
	if order := a.DiesAt.Compare(b.DiesAt); order != 0 && rank(a) == 1 {
		return order
	}
	return strings.Compare(string(a.Key), string(b.Key))
}

func rank(e Entry) int {
	switch {
	case e.State == grant.StateDead:
		return 0
	case !e.DiesAt.IsZero():
		return 1
	}
	return 2
}

// Place is where an entry stands in the order of a report, to go on behind: how it stands, and its name.
func (e Entry) Place() string {
	switch rank(e) {
	case 0:
		return grant.StateDead + "," + string(e.Key)
	case 1:
		return e.DiesAt.UTC().Format(time.RFC3339) + "," + string(e.Key)
	}
	return "," + string(e.Key)
}

// entryAt is an entry that stands at a place, nil for a text that is none.
func entryAt(place string) *Entry {
	at, name, ok := strings.Cut(place, ",")
	if !ok {
		return nil
	}
	e := &Entry{grant.Key(name), new(grant.Summary)}
	var err error
	switch at {
	case "":
	case grant.StateDead:
		e.State = at
	default:
		e.DiesAt, err = time.Parse(time.RFC3339, at)
	}
	if err != nil {
		return nil
	}
	return e
}

// After is the page of a report behind a place, or behind a grant that it names, "" for the first one. ok is false when the
// report names no such grant. Behind a place nothing is left out, whatever has become of the grant that stood there.
func (r *Report) After(place string, limit int) (page []Entry, ok bool) {
	first := 0
	if last := entryAt(place); last != nil {
		first, _ = slices.BinarySearchFunc(r.Named, *last, func(e, last Entry) int {
			if sooner(e, last) <= 0 {
				return -1
			}
			return 1
		})
	} else if place != "" {
		first = 1 + slices.IndexFunc(r.Named, func(e Entry) bool { return string(e.Key) == place })
		if first == 0 {
			return nil, false
		}
	}
	return r.Named[first:min(first+limit, len(r.Named))], true
}

// Left is how many grants the report names behind a page of it.
func (r *Report) Left(page []Entry) int {
	if len(page) == 0 {
		return 0
	}
	last := page[len(page)-1].Key
	return len(r.Named) - 1 - slices.IndexFunc(r.Named, func(e Entry) bool { return e.Key == last })
}

// PageOf is the page of names behind one, in the order of names.
func PageOf(names []string, after string, limit int) []string {
	slices.Sort(names)
	first, found := slices.BinarySearch(names, after)
	if found {
		first++
	}
	return names[first : first+min(limit, len(names)-first)]
}

// Page is the page of roles behind one that a filter picks and, where it asks for a state, wants, with what is known of
// each. A role of which nothing is known is picked by the filter that picks all.
func (x *Index) Page(names []string, after string, limit int, f Filter) (page []string, known map[string]grant.Summary) {
	known = map[string]grant.Summary{}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, name := range PageOf(names, after, len(names)) {
		if len(page) == limit {
			break
		}
		i := x.items[grant.Key(name)]
		switch {
		case i != nil && i.sum != nil && f.picks(i.sum) && (f.State == "" || i.sum.State == f.State):
			known[name] = *i.sum
		case !f.Everything():
			continue
		}
		page = append(page, name)
	}
	return page, known
}
