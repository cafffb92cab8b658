package chaos

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

var docs = flag.String("docs", "", "a page to write the results to, between their markers")

var writing sync.Mutex

// report shows results, and puts them into the page if there is one and all is well.
func report(t *testing.T, section, results string, began time.Time) {
	t.Helper()
	reportOf(t, section, results, *rounds, began)
}

// reportOf is report of a table whose rows have at least so many rounds.
func reportOf(t *testing.T, section, results string, least int, began time.Time) {
	t.Helper()
	text := fmt.Sprintf("%s\nAt least %d rounds of each, seed %d, %s.\n", results, least, *seed, time.Since(began).Round(time.Second))
	t.Logf("%s:\n%s", section, text)
	if *docs == "" || t.Failed() {
		return
	}
	writing.Lock()
	defer writing.Unlock()
	page, err := os.ReadFile(*docs)
	if err != nil {
		t.Fatal(err)
	}
	begins, ends := fmt.Sprintf("<!-- %s:begin -->\n", section), fmt.Sprintf("<!-- %s:end -->\n", section)
	before, rest, ok := strings.Cut(string(page), begins)
	_, after, ok2 := strings.Cut(rest, ends)
	if !ok || !ok2 {
		t.Fatalf("%s lacks the comments around the table %q", *docs, section)
	}
	if err := os.WriteFile(*docs, []byte(before+begins+text+ends+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
