package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

const pluginName = "vault-plugin-secrets-oauthrefresh"

// lab is one scenario's world: a Vault with the plugin mounted at oauth/, its own sandbox, and a shell in
// which an operator sits.
type lab struct {
	shell
	sandbox *sandbox
}

// newLab sets a scenario up on a dev server.
func newLab(t *testing.T, sandboxArgs ...string) *lab {
	t.Helper()
	return newLabOn(t, idle.take(t), sandboxArgs...)
}

// newLabOn installs the plugin the way docs/install.md tells an operator to, and takes it out at the end:
// disabling the mount must work whatever the scenario has done to the provider.
func newLabOn(t *testing.T, v *vault, sandboxArgs ...string) *lab {
	t.Helper()
	l := &lab{sandbox: startSandbox(t, sandboxArgs...)}
	l.shell = shell{t: t, v: v, dir: ownDir(t)}
	for name, value := range l.sandbox.env {
		l.env = append(l.env, name+"="+value)
	}
	l.env = append(l.env, "SHA256="+digest(t, bin.plugin), "BROWSER=sandbox browse")
	linkTree(t, l.dir)
	l.run(`vault plugin register -sha256="$SHA256" -env="HTTPS_PROXY=$SANDBOX_PROXY" secret ` + pluginName)
	l.run(`vault secrets enable -path=oauth ` + pluginName)
	t.Cleanup(func() {
		openStore(t, v, "oauth").plantCanaries()
		l.run(`vault secrets disable oauth`)
	})
	l.run(`vault write oauth/config ca_certificate=@"$SANDBOX_CA"`)
	return l
}

// pluginPID returns the process id of this mount's plugin. Vault starts one for a moment to ask for its version, and
// one that was told to end may still be at it.
func (l *lab) pluginPID() int {
	l.t.Helper()
	var pids []int
	err := l.v.await("one plugin process", 20*time.Second, func() error {
		if pids = pluginPIDs(l.v.cmd.Process.Pid); len(pids) != 1 {
			return fmt.Errorf("%d of them", len(pids))
		}
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return pids[0]
}

// linkTree gives a shell's directory what the tree offers there, as make dev does.
func linkTree(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"scripts", "examples"} {
		path, err := filepath.Abs(filepath.Join("..", name))
		if err == nil {
			err = os.Symlink(path, filepath.Join(dir, name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func digest(t *testing.T, path string) string {
	t.Helper()
	binary, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(binary)
	return hex.EncodeToString(sum[:])
}
