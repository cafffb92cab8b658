package index

import (
	"fmt"
	"testing"

	"vault-plugin-secrets-oauthrefresh/grant"
)

// How long a report keeps others from the index.
func BenchmarkHold(b *testing.B) {
	x := New()
	for i := range 100_000 {
		x.Note(grant.Key(fmt.Sprint("role-", i)), grant.Summary{Provider: "bench", State: grant.StateOK})
	}
	for b.Loop() {
		x.known()
	}
}
