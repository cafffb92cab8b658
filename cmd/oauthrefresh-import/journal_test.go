package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A crash leaves a journal that ends anywhere. Whatever was cut off is as if it had not been begun: no role is written
// twice, and what is added is read again.
func TestAJournalCutOffAnywhere(t *testing.T) {
	whole := "{\"mount\":\"oauth_1\"}\n{\"writing\":\"a\"}\n{\"written\":\"a\"}\n{\"writing\":\"b\"}\n"
	for n := range len(whole) + 1 {
		f := newFake(t)
		in := f.file("in", grants("a", "b"))
		f.file("in.journal", whole[:n])
		wrote := []string{"a", "b"}
		if strings.Contains(whole[:n], "{\"writing\":\"a\"}\n") { // the role is there once its intent is
			f.roles["a"] = rotated("a")
			wrote = wrote[1:]
		}
		f.want(exitDone, nil, in)
		f.want(exitDone, []string{"2 rows: 2 written before\n"}, in)
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
