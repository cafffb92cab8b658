package oauthrefresh_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

var docTest = regexp.MustCompile("`(Test[A-Z][A-Za-z0-9]*)`")

// checkCited finds every test that a document calls as its witness.
func checkCited(t *testing.T, prose string) {
	for _, match := range docTest.FindAllStringSubmatch(prose, -1) {
		sources, err := testSources()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(sources, "func "+match[1]+"(t *testing.T)") {
			t.Errorf("there is no test %s", match[1])
		}
	}
}

// testSources is the code of all tests of the tree.
var testSources = sync.OnceValues(func() (string, error) {
	var all strings.Builder
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	return all.String(), err
})
