package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tool is a program of another house that a test needs, and what it runs with: one that was unpacked from a package
// has its libraries beside it.
type tool struct {
	path, root string // its file, and the directory that is / to it
	env        []string
}

// newTool finds a program by one of its names, or gets it from Debian's package. Without it the test fails.
func newTool(t *testing.T, debianPackage string, names ...string) tool {
	t.Helper()
	script := exec.Command("../scripts/debian.sh", append([]string{debianPackage}, names...)...)
	script.Stderr = os.Stderr
	out, err := script.Output()
	if err != nil {
		t.Fatalf("no %s to test with, see scripts/debian.sh: %v", names[0], err)
	}
	path := strings.TrimSpace(string(out))
	root := filepath.Dir(filepath.Dir(filepath.Dir(path)))
	it := tool{path: path, root: root}
	if root == "/" {
		return it
	}
	libraries, _ := filepath.Glob(filepath.Join(root, "usr/lib/*-linux-gnu"))
	it.env = []string{"LD_LIBRARY_PATH=" + strings.Join(libraries, ":"), "OPENSSL_CONF=/dev/null"}
	if modules, _ := filepath.Glob(filepath.Join(root, "usr/lib/*-linux-gnu/ossl-modules")); len(modules) > 0 {
		it.env = append(it.env, "OPENSSL_MODULES="+modules[0])
	}
	return it
}
