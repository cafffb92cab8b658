package index_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/index"
)

// someIndex is an index of some grants, and the same as a map.
func someIndex(t *rapid.T) (*index.Index, map[grant.Key]grant.Summary) {
	x, known := index.New(), map[grant.Key]grant.Summary{}
	for i := range rapid.IntRange(0, 40).Draw(t, "grants") {
		key := grant.Key(fmt.Sprint("r", i))
		switch {
		case i == 0:
			key = "crowd"
		case i%3 == 2:
			key = grant.KeyOf("crowd", fmt.Sprint("o", i))
		}
		known[key] = someSummary(t, key)
		x.Note(key, known[key])
	}
	x.Set("unknown", epoch) // due, and nobody has looked at it
	return x, known
}

func someFilter(t *rapid.T) index.Filter {
	f := index.Filter{Now: epoch, Horizon: time.Duration(rapid.IntRange(0, 4).Draw(t, "days ahead")) * 24 * time.Hour}
	if rapid.Bool().Draw(t, "of a state") {
		f.State = rapid.SampledFrom(grant.States).Draw(t, "only state")
	}
	if rapid.Bool().Draw(t, "filtered") {
		f.Provider = rapid.SampledFrom([]string{"", "p"}).Draw(t, "only provider")
		f.Labels = rapid.SampledFrom([][]string{nil, {"team=a"}, {"team=b", "team=a"}, {"team=a", "ticket=1"}}).Draw(t, "only labels")
	}
	return f
}

// picked tells, plainly, whether a filter is about a grant.
func picked(f index.Filter, sum grant.Summary) bool {
	for _, label := range f.Labels {
		if !slices.Contains(sum.Labels, label) {
			return false
		}
	}
	return f.Provider == "" || f.Provider == sum.Provider
}

// The counts are those of a count by hand, and who is named is who is asked for.
func TestAReportCountsAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, known := someIndex(t)
		f := someFilter(t)
		r := x.Report(f)
		roles, owners, named := 0, 0, map[grant.Key]bool{}
		states, waiting, dying := map[string]int{}, map[string]int{}, map[string]int{}
		for key, sum := range known {
			if !picked(f, sum) {
				continue
			}
			if key.Owner() == "" {
				roles++
			} else {
				owners++
			}
			if sum.PerOwner { // it has no grant itself
				continue
			}
			states[sum.Provider+" "+sum.State]++
			dies := !sum.DiesAt.IsZero() && sum.DiesAt.Before(f.Now.Add(f.Horizon))
			if dies {
				dying[sum.Provider]++
			}
			if sum.Until.After(f.Now) {
				waiting[sum.Provider]++
			}
			sick := sum.State != grant.StateOK && sum.State != grant.StateNew
			if f.State == sum.State || f.State == "" && (sick || dies) {
				named[key] = true
			}
		}
		if r.Roles != roles || r.Owners != owners || fmt.Sprint(r.Dying) != fmt.Sprint(dying) || fmt.Sprint(r.BackingOff) != fmt.Sprint(waiting) {
			t.Fatalf("%+v, want %d roles, %d owners, dying %v, waiting %v", r, roles, owners, dying, waiting)
		}
		for provider, of := range r.States {
			for state, n := range of {
				if states[provider+" "+state] != n {
					t.Fatalf("%d of %s are %s, want %v", n, provider, state, states)
				}
				delete(states, provider+" "+state)
			}
		}
		for _, e := range r.Named {
			if !named[e.Key] || !equal(*e.Summary, known[e.Key]) {
				t.Fatalf("%s is named as %+v, known is %+v", e.Key, e.Summary, known[e.Key])
			}
			delete(named, e.Key)
		}
		if len(states) > 0 || len(named) > 0 {
			t.Fatalf("not counted: %v, not named: %v", states, named)
		}
	})
}

// Whatever the size of the pages, together they are the report: the dead first, then by when grants die, then those of
// which no end is known, by name where that is all the same.
func TestPagesAreTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, _ := someIndex(t)
		f, limit := someFilter(t), rapid.IntRange(1, 7).Draw(t, "limit")
		whole := x.Report(f).Named
		for i := range max(len(whole)-1, 0) {
			if a, b := place(whole[i]), place(whole[i+1]); a >= b {
				t.Fatalf("%s is before %s", a, b)
			}
		}
		var all []index.Entry
		byPlace := rapid.Bool().Draw(t, "by place")
		next := func(e index.Entry) string {
			if byPlace {
				return e.Place()
			}
			return string(e.Key)
		}
		for after := ""; ; after = next(all[len(all)-1]) {
			r := x.Report(f) // each page is of a look of its own
			page, ok := r.After(after, limit)
			if !ok || len(page) > limit {
				t.Fatalf("behind %q come %d of at most %d, ok %v", after, len(page), limit, ok)
			}
			if len(page) == 0 {
				break
			}
			all = append(all, page...)
			if len(all) > len(whole) {
				t.Fatalf("the pages name %d of %d", len(all), len(whole))
			}
			if left := r.Left(page); left != len(whole)-len(all) {
				t.Fatalf("%d are left behind %d of %d", left, len(all), len(whole))
			}
		}
		if len(all) != len(whole) {
			t.Fatalf("the pages name %d of %d", len(all), len(whole))
		}
		for i := range all {
			if all[i].Key != whole[i].Key {
				t.Fatalf("%s is at place %d, want %s", all[i].Key, i, whole[i].Key)
			}
		}
		if len(whole) > 0 { // a page goes on behind the place of a grant that is gone, and not behind its name
			i := rapid.IntRange(0, len(whole)-1).Draw(t, "gone")
			gone := whole[i]
			x.Remove(gone.Key)
			if page, ok := x.Report(f).After(string(gone.Key), limit); ok {
				t.Fatalf("behind %s, which is gone, come %v", gone.Key, page)
			}
			page, ok := x.Report(f).After(gone.Place(), len(whole))
			if !ok || !slices.EqualFunc(page, whole[i+1:], func(a, b index.Entry) bool { return a.Key == b.Key }) {
				t.Fatalf("behind the place of %s come %v", gone.Key, page)
			}
		}
	})
}

// place is text that sorts as grants are to be named.
func place(e index.Entry) string {
	rank := 2
	switch {
	case e.State == grant.StateDead:
		rank = 0
	case !e.DiesAt.IsZero():
		rank = 1
	}
	if rank != 1 {
		return fmt.Sprint(rank, e.Key)
	}
	return fmt.Sprint(rank, e.DiesAt.UTC().Format(time.RFC3339), e.Key)
}

// A list's pages are the names that the filter picks, in order, each once, however the names come, and whichever name the
// next page is asked for after: it may be gone.
func TestPagesOfRolesAreTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, known := someIndex(t)
		f, limit, vanish := someFilter(t), rapid.IntRange(1, 7).Draw(t, "limit"), rapid.Bool().Draw(t, "each name is gone once it was listed")
		all := f.State == "" && f.Provider == "" && len(f.Labels) == 0
		names, want := []string{"unknown", "never seen"}, []string{}
		if all {
			want = append(want, names...)
		}
		for key, sum := range known {
			if key.Owner() == "" {
				names = append(names, string(key))
				if picked(f, sum) && (f.State == "" || f.State == sum.State) {
					want = append(want, string(key))
				}
			}
		}
		slices.Sort(want)
		var got []string
		for after := ""; ; after = got[len(got)-1] {
			page, info := x.Page(slices.DeleteFunc(slices.Clone(names), func(name string) bool { return vanish && name == after }), after, limit, f)
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
			if len(page) > limit || len(got) > len(names) {
				t.Fatalf("%d of at most %d are listed, and %v in all", len(page), limit, got)
			}
			for _, name := range page {
				sum, ok := known[grant.Key(name)]
				if told, has := info[name]; has != ok || !equal(told, sum) {
					t.Fatalf("%s is listed as %v %+v, known is %v %+v", name, has, told, ok, sum)
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("the pages are %v, want %v", got, want)
		}
	})
}

// What a report names stays what it was: others look at it while refreshes go on.
func TestAReportIsOfOneMoment(t *testing.T) {
	x := index.New()
	x.Note("r", grant.Summary{Provider: "p", State: grant.StateDead})
	r := x.Report(index.Filter{})
	x.Note("r", grant.Summary{Provider: "p", State: grant.StateOK})
	if len(r.Named) != 1 || r.Named[0].State != grant.StateDead {
		t.Errorf("%+v", r.Named)
	}
}

// The index knows how far it is: of how many roles until all were looked at, and of those that it knows from then on.
func TestTheIndexTellsHowFarItIs(t *testing.T) {
	x := index.New()
	x.Listed(3)
	for i := range 2 {
		x.Note(grant.Key(fmt.Sprint("r", i)), grant.Summary{Provider: "p", State: grant.StateOK})
		x.Note(grant.KeyOf("r0", fmt.Sprint("o", i)), grant.Summary{Provider: "p", State: grant.StateOK})
	}
	if p := x.Progress(); p != (index.Progress{Roles: 2, Of: 3}) {
		t.Errorf("%+v", p)
	}
	x.Filled()
	if p := x.Progress(); p != (index.Progress{Roles: 2, Of: 2, Full: true}) {
		t.Errorf("%+v", p)
	}
}
