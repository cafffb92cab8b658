// Package chaos kills the plugin, fails its storage and hangs up on it at the worst moments, again and
// again, and counts the grants that are lost. The plugin is the real binary in a process of its own
// and is spoken to over its real gRPC connection; Vault's place is taken by a host that holds the
// storage and can stop the plugin at any step of a refresh, seen from outside: at its writes, and at
// the provider's door.
//
// go test runs a sample; make chaos runs hundreds of rounds of everything.
package chaos

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	// The plugin's code, so that the cache of go test knows what is tested.
	_ "vault-plugin-secrets-oauthrefresh"
)

var (
	rounds = flag.Int("rounds", 2, "rounds of every case")
	seed   = flag.Uint64("seed", uint64(time.Now().UnixNano()), "what every random choice is drawn from")
)

// binary is the plugin under test, clockwork the same with a clock that can be set from outside: see TestClock.
var binary, clockwork build

// build is a plugin that was built.
type build struct {
	path string
	sum  []byte
}

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "chaos")
	if err == nil {
		defer os.RemoveAll(dir)
		err = buildAll(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	// A plugin that is killed leaves its socket behind: here it goes with the rest.
	if err := os.Setenv("TMPDIR", dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Printf("seed %d (again with -seed %[1]d)\n", *seed)
	return m.Run()
}

const source = "../cmd/vault-plugin-secrets-oauthrefresh"

func buildAll(dir string) error {
	// The same cache notes which files a test reads.
	if err := os.CopyFS(filepath.Join(dir, "source"), os.DirFS(source)); err != nil {
		return err
	}
	if err := binary.make(filepath.Join(dir, "vault-plugin-secrets-oauthrefresh")); err != nil {
		return err
	}
	return clockwork.make(filepath.Join(dir, "clockwork"), "-tags", "clockstep")
}

func (b *build) make(path string, flags ...string) error {
	b.path = path
	cmd := exec.Command("go", append(append([]string{"build", "-trimpath"}, flags...), "-o", path, source)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the plugin: %w\n%s", err, out)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	b.sum = sum[:]
	return nil
}
