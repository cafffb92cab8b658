package index_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/index"
	"vault-plugin-secrets-oauthrefresh/provider"
	"vault-plugin-secrets-oauthrefresh/role"
)

// epoch is when the tests' grants begin to be due.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// someKeys are roles, one with owners' grants, and the grants of its owners: two that are named, and two entities.
var someKeys = []grant.Key{
	"a", "b", "c", "crowd", "crowd/x", "crowd/y", "crowd/3b3e9f5c-94f9-45a5-8a57-3e1c1b0a7e01", "crowd/3b3e9f5c-94f9-45a5-8a57-3e1c1b0a7e02",
	"crowded", // no owner of crowd
}

// plain is an index as a map of what is known, one of what is due, and a set of doubts.
type plain struct {
	known    map[grant.Key]grant.Summary
	due      map[grant.Key]time.Time
	provider map[grant.Key]string
	doubted  map[grant.Key]bool
}

func (p *plain) has(key grant.Key) bool {
	_, known := p.known[key]
	return known || !p.due[key].IsZero()
}

// tidy drops the provider of a grant of which nothing else is left.
func (p *plain) tidy(key grant.Key) {
	if !p.has(key) {
		delete(p.provider, key)
	}
}

func (p *plain) put(t index.Turn, due time.Time) {
	there := p.has(t.Key)
	if there && t.Provider != "" {
		p.provider[t.Key] = t.Provider
	}
	if at := p.due[t.Key]; due.IsZero() || !at.IsZero() && !due.Before(at) {
		return
	}
	p.due[t.Key] = due
	if !there {
		p.provider[t.Key] = t.Provider
	}
}

func (p *plain) remove(key grant.Key) {
	all := []grant.Key{key}
	if p.known[key].PerOwner {
		for _, k := range someKeys {
			if p.has(k) && k.Role() == key.Role() {
				all = append(all, k)
			}
		}
	}
	for _, k := range all {
		delete(p.known, k)
		delete(p.due, k)
		delete(p.doubted, k)
		delete(p.provider, k)
	}
}

// wrote says, plainly, what a write to an entry puts in doubt.
func (p *plain) wrote(entry string) {
	for _, key := range someKeys {
		sum, known := p.known[key]
		crowd := p.known[grant.Key(key.Role())].PerOwner
		switch {
		case entry == "token/"+string(key), entry == "role/"+string(key):
			p.doubted[key] = true
		case known && crowd && entry == "role/"+key.Role(),
			known && entry == "provider/"+sum.Provider, known && entry == "pins/"+sum.Provider,
			known && sum.State == grant.StateUnreadable && (strings.HasPrefix(entry, "provider/") || strings.HasPrefix(entry, "pins/")), // of which nobody knows
			known && entry == "config":
			p.doubted[key] = true
		}
	}
}

// someSummary draws how a grant may stand.
func someSummary(t *rapid.T, key grant.Key) grant.Summary {
	sum := grant.Summary{Provider: rapid.SampledFrom([]string{"p", "q"}).Draw(t, "provider")}
	if key == "crowd" && rapid.IntRange(0, 3).Draw(t, "of its own") > 0 {
		sum.PerOwner = true
		return sum
	}
	sum.State = rapid.SampledFrom(grant.States).Draw(t, "state")
	if ends := rapid.IntRange(-1, 3).Draw(t, "days left"); ends >= 0 {
		sum.Forecast = grant.Forecast{DiesAt: epoch.AddDate(0, 0, ends), DiesOf: grant.DiesOfConsent}
	}
	if rapid.Bool().Draw(t, "waits") {
		sum.Until = epoch.Add(time.Minute)
	}
	if rapid.Bool().Draw(t, "labelled") {
		sum.Labels = []string{"team=a", "ticket=1"}
	}
	return sum
}

// What is known and what is due share their entries. Whatever is told, planned, taken and forgotten in whatever order, each
// is what a map of its own would have.
func TestTheIndexIsItsParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := index.New()
		p := &plain{map[grant.Key]grant.Summary{}, map[grant.Key]time.Time{}, map[grant.Key]string{}, map[grant.Key]bool{}}
		aKey := func(t *rapid.T) grant.Key { return rapid.SampledFrom(someKeys).Draw(t, "key") }
		aTime := func(t *rapid.T) time.Time {
			return epoch.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "minutes")) * time.Minute)
		}
		t.Repeat(map[string]func(*rapid.T){
			"note": func(t *rapid.T) {
				key := aKey(t)
				sum := someSummary(t, key)
				x.Note(key, sum)
				p.known[key], p.provider[key] = sum, sum.Provider
				delete(p.doubted, key)
			},
			"put": func(t *rapid.T) {
				turn, due := index.Turn{Key: aKey(t), Provider: rapid.SampledFrom([]string{"", "p", "q"}).Draw(t, "for")}, aTime(t)
				if rapid.IntRange(0, 9).Draw(t, "never") == 0 {
					due = time.Time{}
				}
				x.Put(turn, due)
				p.put(turn, due)
			},
			"take": func(t *rapid.T) { takes(t, x, p, aTime(t)) },
			"remove": func(t *rapid.T) {
				key := aKey(t)
				x.Remove(key)
				p.remove(key)
			},
			"remove the crowd": func(*rapid.T) {
				x.Remove("crowd")
				p.remove("crowd")
			},
			"forget": func(t *rapid.T) {
				key := aKey(t)
				x.Forget(key)
				delete(p.known, key)
				delete(p.doubted, key)
				p.tidy(key)
			},
			"doubt": func(t *rapid.T) {
				key := aKey(t)
				x.DoubtOf(key)
				p.doubted[key] = true
			},
			"written": func(t *rapid.T) {
				entry := rapid.OneOf(
					rapid.Map(rapid.SampledFrom(someKeys), func(key grant.Key) string { return grant.Prefix + string(key) }),
					rapid.Map(rapid.SampledFrom(someKeys), func(key grant.Key) string { return role.Prefix + key.Role() }),
					rapid.SampledFrom([]string{provider.Prefix + "p", provider.Prefix + "q", role.PinsPrefix + "p", provider.ConfigKey, "inflight/a", "consent/a"}),
				).Draw(t, "entry")
				x.Written(entry)
				p.wrote(entry)
			},
			"": func(t *rapid.T) { same(t, x, p) },
		})
	})
}

// takes takes what is due from both.
func takes(t *rapid.T, x *index.Index, p *plain, now time.Time) {
	turn, at := x.Take(now)
	var first time.Time
	for _, due := range p.due {
		if first.IsZero() || due.Before(first) {
			first = due
		}
	}
	if !at.Equal(first) {
		t.Fatalf("the first is due at %s, want %s", at, first)
	}
	if due := !first.IsZero() && !first.After(now); due != (turn.Key != "") {
		t.Fatalf("took %v at %s, when the first is due at %s", turn, now, first)
	}
	if turn.Key == "" {
		return
	}
	if !p.due[turn.Key].Equal(first) || turn.Provider != p.provider[turn.Key] {
		t.Fatalf("took %v, which is due at %s and of %q", turn, p.due[turn.Key], p.provider[turn.Key])
	}
	delete(p.due, turn.Key)
	p.tidy(turn.Key)
}

// same compares all that an index tells.
func same(t *rapid.T, x *index.Index, p *plain) {
	roles, entities := 0, map[grant.Key]bool{}
	for _, key := range someKeys {
		got, ok := x.Get(key)
		want, known := p.known[key]
		if ok != known || !equal(got, want) {
			t.Fatalf("of %s is known %v %+v, want %v %+v", key, ok, got, known, want)
		}
		if at := x.Due(key); !at.Equal(p.due[key]) || x.Has(key) == at.IsZero() {
			t.Fatalf("%s is due at %s, want %s", key, at, p.due[key])
		}
		if known && key.Owner() == "" {
			roles++
		}
		if known && key.Entity() != "" {
			entities[key] = true
		}
	}
	for _, key := range x.Entities(len(someKeys)) {
		if !entities[key] {
			t.Fatalf("%s is no entity's grant that is known, or named twice", key)
		}
		delete(entities, key)
	}
	doubted := slices.Sorted(slices.Values(x.Doubted(len(someKeys))))
	if want := slices.Sorted(maps.Keys(p.doubted)); !slices.Equal(doubted, want) {
		t.Fatalf("%v are in doubt, want %v", doubted, want)
	}
	progress := x.Progress()
	if len(entities) > 0 || x.Planned() != len(p.due) || progress.Roles != roles || progress.Doubt != len(doubted) {
		t.Fatalf("without %v, %d due of %d, %+v of %d roles", entities, x.Planned(), len(p.due), progress, roles)
	}
}

func equal(a, b grant.Summary) bool {
	return a.Provider == b.Provider && a.State == b.State && a.PerOwner == b.PerOwner && a.Until.Equal(b.Until) &&
		a.Forecast == b.Forecast && slices.Equal(a.Labels, b.Labels)
}
