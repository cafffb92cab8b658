// Package browser looks at the pages that people see when they consent, with the eyes of a real browser: the built
// plugin in a real Vault, the sandbox as the provider, and Chromium, which a test drives as a person would.
//
// Vault and Chromium are those that scripts/vault.sh and scripts/chromium.sh find. Nothing is skipped: without one of
// them the run fails and says so.
package browser

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const pluginName = "vault-plugin-secrets-oauthrefresh"

// screenshots is the directory in which the pictures of the pages are rewritten, "" to look only whether they are there.
var screenshots = flag.String("screenshots", "", "rewrite the pictures of the pages in this directory, as in ../docs/images")

// bin holds the paths of the programs under test.
var bin struct{ vault, chromium, plugins, plugin, sandbox string }

// workdir is removed at the end; logs and the browser's profile live there.
var workdir string

// The processes that all tests share: each has mounts and tabs of its own.
var (
	server   *vault
	provider *sandbox
	entrance *door
	chromium *browser
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run is apart from TestMain because os.Exit skips deferred calls.
func run(m *testing.M) int {
	flag.Parse()
	var err error
	if workdir, err = os.MkdirTemp("", "oauthrefresh-browser-"); err != nil {
		return complain(err)
	}
	defer os.RemoveAll(workdir)
	if err := build(); err != nil {
		return complain(err)
	}
	if provider, err = startSandbox(); err != nil {
		return complain(err)
	}
	defer provider.stop()
	if server, err = startVault(); err != nil {
		return complain(err)
	}
	defer server.stop()
	entrance = openDoor(server.addr)
	defer entrance.Close()
	if chromium, err = startChromium(); err != nil {
		return complain(err)
	}
	defer chromium.stop()
	code := m.Run()
	// What a browser asks for on the quiet, such as an icon, may come long after the page.
	if strays := entrance.strays(); len(strays) > 0 {
		return complain(fmt.Errorf("the browser has asked Vault for what no page and no test has: %s", strings.Join(strays, ", ")))
	}
	return code
}

func complain(err error) int {
	fmt.Fprintln(os.Stderr, "FAIL browser:", err)
	return 1
}

// build finds Vault and Chromium, and builds the plugin and the sandbox from the tree around this module.
func build() (err error) {
	if bin.vault, err = find("vault.sh"); err != nil {
		return err
	}
	if bin.chromium, err = find("chromium.sh"); err != nil {
		return err
	}
	// Vault refuses a plugin directory that is a symbolic link, which a temporary one may be.
	if workdir, err = filepath.EvalSymlinks(workdir); err != nil {
		return err
	}
	bin.plugins = filepath.Join(workdir, "plugins")
	bin.plugin = filepath.Join(bin.plugins, pluginName)
	bin.sandbox = filepath.Join(workdir, "sandbox")
	for name, out := range map[string]string{pluginName: bin.plugin, "sandbox": bin.sandbox} {
		cmd := exec.Command("go", "build", "-trimpath", "-o", out, "./cmd/"+name) // as make build does
		cmd.Dir, cmd.Env = "..", append(os.Environ(), "CGO_ENABLED=0")
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go build ./cmd/%s: %v\n%s", name, err, text)
		}
	}
	return nil
}

// find asks a script that make uses too, so that both run the same binary.
func find(script string) (string, error) {
	cmd := exec.Command("../scripts/" + script)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("nothing to test with, see scripts/%s: %w", script, err)
	}
	return strings.TrimSpace(string(out)), nil
}
