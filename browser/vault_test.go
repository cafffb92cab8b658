package browser

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
)

// vault is a real dev server with the plugin in its catalogue.
type vault struct {
	*process
	addr, token string
}

// startVault runs vault server -dev at a loopback address of its own, where nobody else has the port. Raw storage is open
// to tests that damage it.
func startVault() (*vault, error) {
	listen := fmt.Sprintf("127.%d.%d.%d:8200", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
	v := &vault{addr: "http://" + listen, token: "root"}
	config := filepath.Join(workdir, "vault.hcl")
	text := fmt.Sprintf("plugin_directory = %q\nraw_storage_endpoint = true\ndisable_mlock = true\n", bin.plugins)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	var err error
	v.process, err = start("vault.log", environ(), bin.vault, "server", "-config="+config, "-dev",
		"-dev-listen-address="+listen, "-dev-root-token-id="+v.token, "-dev-no-store-token")
	if err != nil {
		return nil, err
	}
	err = v.await("Vault answers", func() error {
		status, _, err := call(http.MethodGet, v.addr+"/v1/sys/mounts", v.token, nil)
		if err == nil && status != http.StatusOK {
			err = errors.New(http.StatusText(status))
		}
		return err
	})
	if err == nil {
		err = v.register()
	}
	if err != nil {
		v.stop()
	}
	return v, err
}

// register puts the plugin into the catalogue, as docs/install.md says, with the sandbox as its way out.
func (v *vault) register() error {
	binary, err := os.ReadFile(bin.plugin)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(binary)
	status, answer, err := call(http.MethodPut, v.addr+"/v1/sys/plugins/catalog/secret/"+pluginName, v.token, fields{
		"command": pluginName, "sha256": hex.EncodeToString(sum[:]), "env": []string{"HTTPS_PROXY=" + provider.env["SANDBOX_PROXY"]},
	})
	if err == nil && status >= 300 {
		err = fmt.Errorf("registering the plugin: %d %v", status, answer)
	}
	return err
}

// sandbox is cmd/sandbox as its own process.
type sandbox struct {
	*process
	env map[string]string // see sandbox.env
}

func startSandbox() (*sandbox, error) {
	dir := filepath.Join(workdir, "sandbox-data")
	p, err := start("sandbox.log", environ(), bin.sandbox, "-dir", dir)
	if err != nil {
		return nil, err
	}
	s := &sandbox{process: p}
	err = p.await("the sandbox is ready", func() error {
		text, err := os.ReadFile(filepath.Join(dir, "sandbox.json"))
		if err != nil {
			return err
		}
		return json.Unmarshal(text, &s.env)
	})
	if err != nil {
		p.stop()
	}
	return s, err
}
