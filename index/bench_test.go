package index_test

import (
	"fmt"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/index"
)

// large is an index of a large mount, of which one role in a hundred is unwell.
func large() *index.Index {
	x := index.New()
	for i := range 100_000 {
		sum := grant.Summary{Provider: "bench", State: grant.StateOK}
		if i%100 == 0 {
			sum.State = grant.StateDead
		}
		key := grant.Key(fmt.Sprint("role-", i))
		x.Note(key, sum)
		x.Set(key, time.Now().Add(time.Hour+time.Duration(i)*time.Millisecond))
	}
	return x
}

// What status and a scrape ask for.
func BenchmarkReport(b *testing.B) {
	x := large()
	for name, filter := range map[string]index.Filter{"unwell": {}, "ok": {State: grant.StateOK}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			filter.Now, filter.Horizon = time.Now(), grant.Warning
			for b.Loop() {
				x.Report(filter)
			}
		})
	}
}

// What a list of roles asks for.
func BenchmarkPage(b *testing.B) {
	x := large()
	names := make([]string, 100_000)
	for i := range names {
		names[i] = fmt.Sprint("role-", i)
	}
	b.ReportAllocs()
	for b.Loop() {
		x.Page(names, "role-5", 100, index.Filter{})
	}
}

func BenchmarkEntities(b *testing.B) {
	x := large()
	for b.Loop() {
		x.Entities(501)
	}
}

// What a refresh adds: it is put in doubt by what it writes, and told.
func BenchmarkNote(b *testing.B) {
	x := large()
	sum := grant.Summary{Provider: "bench", State: grant.StateOK}
	b.ReportAllocs()
	for b.Loop() {
		x.Written("token/role-77")
		x.Note("role-77", sum)
	}
}
