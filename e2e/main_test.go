// Package e2e runs the built plugin in a real Vault, against the sandbox and against an OAuth server
// library, through the real vault CLI. A scenario reads like a transcript of what an operator types.
//
// Vault is the binary that scripts/vault.sh finds: VAULT_BIN, else the vault on PATH, else one that it has
// built. Nothing is skipped: without a Vault the run fails and says so.
package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// bin holds the paths of the programs under test.
var bin struct{ vault, plugins, plugin, sandbox string }

// workdir is removed at the end; logs, storage and rendered templates live there.
var workdir string

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run is apart from TestMain because os.Exit skips deferred calls.
func run(m *testing.M) int {
	var err error
	if workdir, err = os.MkdirTemp("", "oauthrefresh-e2e-"); err != nil {
		return complain(err)
	}
	defer os.RemoveAll(workdir)
	if err := build(); err != nil {
		return complain(err)
	}
	defer killStrayPlugins()
	if err := together(); err != nil {
		return complain(err)
	}
	code := m.Run()
	idle.stop()
	if err := canaries.search(workdir); err != nil {
		return complain(err)
	}
	return code
}

// together lets more tests than processors run at once, unless -parallel says how many: those that do so wait for
// clocks and for Vaults most of the time, and own all that they touch.
func together() (err error) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		err = flag.Set("test.parallel", "4")
	}
	return err
}

// amount is how long or how often a test goes on: as the environment says, else less with -short, which leaves no test
// out.
func amount(t *testing.T, name string, usual, short int) int {
	t.Helper()
	text := os.Getenv(name)
	switch {
	case text == "" && testing.Short():
		return short
	case text == "":
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is not a number above 0", name, text)
	}
	return n
}

func complain(err error) int {
	fmt.Fprintln(os.Stderr, "FAIL e2e:", err)
	return 1
}

// build finds Vault and builds the plugin, the sandbox and the import from the tree around this module.
func build() error {
	var err error
	if bin.vault, err = findVault(); err != nil {
		return err
	}
	// Vault refuses a plugin directory that is a symbolic link, which a temporary one may be.
	if workdir, err = filepath.EvalSymlinks(workdir); err != nil {
		return err
	}
	// The scenarios say vault, as an operator does.
	if err := os.Mkdir(filepath.Join(workdir, "bin"), 0o700); err != nil {
		return err
	}
	if err := os.Symlink(bin.vault, filepath.Join(workdir, "bin", "vault")); err != nil {
		return err
	}
	bin.plugins = filepath.Join(workdir, "plugins")
	bin.plugin = filepath.Join(bin.plugins, pluginName)
	bin.sandbox = filepath.Join(workdir, "bin", "sandbox") // on the PATH, as in the terminal that has joined make dev
	programs := map[string]string{
		"cmd/" + pluginName: bin.plugin, "cmd/sandbox": bin.sandbox,
		"cmd/oauthrefresh-import": filepath.Join(workdir, "bin", "oauthrefresh-import"), // which scripts/import looks for
	}
	if _, err := exec.LookPath("curl"); err != nil { // the call in docs/systems.md is made with it
		programs["scripts/curl"] = filepath.Join(workdir, "bin", "curl")
	}
	for pkg, out := range programs {
		cmd := exec.Command("go", "build", "-trimpath", "-o", out, "./"+pkg) // as make build does
		cmd.Dir, cmd.Env = "..", append(os.Environ(), "CGO_ENABLED=0")
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go build ./%s: %v\n%s", pkg, err, text)
		}
	}
	return nil
}

// findVault asks the script that make uses too, so that both run the same binary.
func findVault() (string, error) {
	script := exec.Command("../scripts/vault.sh")
	script.Stderr = os.Stderr
	out, err := script.Output()
	if err != nil {
		return "", fmt.Errorf("no Vault to test with, see scripts/vault.sh: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
