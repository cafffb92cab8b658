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

// binary is the plugin under test.
var binary struct {
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
		err = build(dir)
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

func build(dir string) error {
	const source = "../cmd/vault-plugin-secrets-oauthrefresh"
	// The same cache notes which files a test reads.
	if err := os.CopyFS(filepath.Join(dir, "source"), os.DirFS(source)); err != nil {
		return err
	}
	binary.path = filepath.Join(dir, "vault-plugin-secrets-oauthrefresh")
	cmd := exec.Command("go", "build", "-trimpath", "-o", binary.path, source)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the plugin: %w\n%s", err, out)
	}
	data, err := os.ReadFile(binary.path)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	binary.sum = sum[:]
	return nil
}
