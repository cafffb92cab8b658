// Package enginetest is one mount of the engine as Vault sees it, for the tests of every room: New makes one over Storage
// that fails when told to, its requests go through the front door, NewEndpoint gives it a provider to speak to, and
// WithClock a clock to turn. No room imports it but its tests do.
package enginetest

import (
	"os"
	"path/filepath"
	"testing"
)

// InTree is the path of a file of this module by its name from the module's root, from wherever a test runs.
func InTree(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, name)
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("there is no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}
