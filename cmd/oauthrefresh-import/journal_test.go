package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gofrs/flock"
)

// A crash leaves a journal that ends anywhere. Whatever was cut off is as if it had not been begun: no role is written
// twice, and what is added is read again.
func TestAJournalCutOffAnywhere(t *testing.T) {
	const writingA, refusedC = "{\"writing\":\"a\"}\n", "{\"refused\":\"c\"}\n"
	whole := "{\"mount\":\"oauth_1\"}\n" + writingA + "{\"written\":\"a\"}\n{\"writing\":\"c\"}\n" + refusedC + "{\"writing\":\"b\"}\n"
	for n := range len(whole) + 1 {
		f := newFake(t)
		in := f.file("in", grants("a", "b", "c"))
		f.file("in.journal", whole[:n])
		wrote := []string{"a", "b", "c"}
		if strings.Contains(whole[:n], writingA) { // the role is there once its intent is
			f.roles["a"] = rotated("a")
			wrote = wrote[1:]
		}
		code, says := exitDone, "3 rows: 3 written before\n"
		if strings.Contains(whole[:n], refusedC) { // what is there is another's
			f.roles["c"] = rotated("c")
			wrote = wrote[:len(wrote)-1]
			code, says = exitPartly, "c: skipped: there was a role with this name before"
		}
		f.want(code, nil, in)
		f.want(code, []string{says}, in)
		f.wantPosts(wrote...)
	}
}

func TestJournalsOfOthers(t *testing.T) {
	for text, says := range map[string]string{
		"{\"mount\":\"oauth_2\"}\n":                        "is of another mount",
		"{\"writing\":\"a\"}\n":                            "is not a journal",
		"name,refresh_token\n":                             "is not a journal",
		"no line end":                                      "is not a journal",
		"{\"mount\":\"oauth_1\"}\n\n{\"written\":\"a\"}\n": "is not a journal",
	} {
		f := newFake(t)
		in := f.file("in", grants("a"))
		f.file("in.journal", text)
		f.want(exitRefused, []string{says}, in)
		f.wantPosts()
		if got, err := os.ReadFile(filepath.Join(f.dir, "in.journal")); err != nil || string(got) != text {
			t.Errorf("it was changed: %v", err)
		}
	}
}

// Without a journal nothing is written.
func TestNoPlaceForTheJournal(t *testing.T) {
	f := newFake(t)
	f.want(exitPartly, []string{"stopped: the journal:", "a: not reached"}, "-journal", filepath.Join(f.dir, "none", "j"), f.file("in", grants("a")))
	f.wantPosts()
}

// Of two imports that share a journal one writes, whether they meet at the file or the other was there in between.
func TestTwoImportsOfOneFile(t *testing.T) {
	f := newFake(t)
	in := f.file("in", grants("a", "b"))
	kept := filepath.Join(f.dir, "in.journal")
	other := flock.New(kept)
	if locked, err := other.TryLock(); err != nil || !locked {
		t.Fatal(locked, err)
	}
	f.want(exitPartly, []string{"another import is under way", "a: not reached"}, in)
	if err := other.Unlock(); err != nil {
		t.Fatal(err)
	}
	f.wantPosts()

	f.first = func(_ http.ResponseWriter, _ *http.Request, name string) bool {
		if name != "a" {
			return false // the journal may not have been read
		}
		f.first = nil
		f.file("in.journal", "{\"mount\":\"oauth_1\"}\n{\"writing\":\"a\"}\n")
		return false
	}
	f.want(exitPartly, []string{"another import has written", "start this one again", "a: not reached"}, in)
	f.wantPosts()
	f.want(exitDone, []string{"2 written"}, in)
	f.wantPosts("a", "b")
}
