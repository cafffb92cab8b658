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
	text := fmt.Sprintf("%s\n%d rounds of each case, seed %d, %s.\n", results, *rounds, *seed, time.Since(began).Round(time.Second))
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
	head, rest, ok := strings.Cut(string(page), marker(section, "begins"))
	_, tail, ok2 := strings.Cut(rest, marker(section, "ends"))
	if !ok || !ok2 {
		t.Fatalf("%s has no place for %q", *docs, section)
	}
	page = []byte(head + marker(section, "begins") + "\n\n" + text + "\n" + marker(section, "ends") + tail)
	if err := os.WriteFile(*docs, page, 0o644); err != nil {
		t.Fatal(err)
	}
}

// marker is an invisible line of the page.
func marker(section, what string) string { return fmt.Sprintf("<!-- %s %s here -->", section, what) }
