package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
)

// vault is a real server: a binary, a process, a log at trace level and an audit device.
type vault struct {
	*process
	name, host  string // of this server alone
	addr, token string
	unsealKey   string // raft only
}

// idle are the dev servers that no test has at the moment. Most scenarios take one of them, each for itself alone.
var idle devServers

type devServers struct {
	mu       sync.Mutex
	all, now []*vault
}

// take gives a test a dev server, which it hands back when it is over, without its mount.
func (d *devServers) take(t *testing.T) *vault {
	t.Helper()
	v, err := d.next()
	if err != nil {
		t.Fatal("Vault dev server: ", err)
	}
	t.Cleanup(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.now = append(d.now, v)
	})
	return v
}

func (d *devServers) next() (*vault, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.now); n > 0 {
		v := d.now[n-1]
		d.now = d.now[:n-1]
		return v, nil
	}
	v, err := startDev("dev")
	if err == nil {
		d.all = append(d.all, v)
	}
	return v, err
}

func (d *devServers) stop() {
	for _, v := range d.all {
		v.stop()
	}
}

// startDev runs vault server -dev. Raw storage access is on so that the canary search can learn the
// rotated secrets, which leave the plugin for nowhere but storage.
func startDev(name string) (*vault, error) {
	v := &vault{name: ownName(name), token: "root"}
	if err := v.configure("", "-dev", "-dev-root-token-id="+v.token, "-dev-no-store-token"); err != nil {
		return nil, err
	}
	return v, v.audit()
}

// startRaft runs a single node with integrated storage, initialised and unsealed.
func startRaft(name string) (*vault, error) {
	v := &vault{name: ownName(name)}
	data := filepath.Join(workdir, v.name+"-data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return nil, err
	}
	if err := v.configure(fmt.Sprintf("storage \"raft\" {\n path = %q\n node_id = \"one\"\n performance_multiplier = 1\n}\n", data)); err != nil {
		return nil, err
	}
	init, err := v.client().Sys().Init(&api.InitRequest{SecretShares: 1, SecretThreshold: 1})
	if err != nil {
		return nil, err
	}
	v.token, v.unsealKey = init.RootToken, init.Keys[0]
	canaries.add("unseal key", v.unsealKey)
	if err := v.unseal(); err != nil {
		return nil, err
	}
	return v, v.audit()
}

// boot starts the process on its configuration file and waits until it answers.
func (v *vault) boot(args ...string) error {
	var err error
	args = append([]string{"server", "-config=" + v.config()}, args...)
	v.process, err = start("vault-"+v.name+".log", environ("VAULT_LOG_LEVEL=trace"), bin.vault, args...)
	if err != nil {
		return err
	}
	return v.await("Vault answers", 30*time.Second, func() error {
		health, err := v.client().Sys().Health()
		if err == nil && health.Sealed && v.unsealKey == "" && health.Initialized {
			return errors.New("sealed")
		}
		return err
	})
}

func (v *vault) unseal() error {
	if _, err := v.client().Sys().Unseal(v.unsealKey); err != nil {
		return err
	}
	return v.await("Vault is active", 30*time.Second, func() error {
		_, err := v.client().Auth().Token().LookupSelf()
		return err
	})
}

// audit enables a file device with its defaults: log_raw is false.
func (v *vault) audit() error {
	return v.client().Sys().EnableAuditWithOptions("file", &api.EnableAuditOptions{
		Type: "file", Options: map[string]string{"file_path": auditLog(v.name)},
	})
}

func auditLog(vault string) string { return filepath.Join(workdir, "audit-"+vault+".log") }

// client is the Go API with the root token, for what would be unreadable or slow as a command line.
// It does not retry: a 502 that is asked for must arrive as one.
func (v *vault) client() *api.Client {
	config := api.DefaultConfig()
	config.Address, config.MaxRetries = v.addr, 0
	client, err := api.NewClient(config)
	if err != nil {
		panic(err) // the address is ours
	}
	client.SetToken(v.token)
	return client
}

// environ is the whole environment of a child: nothing of the caller's proxies, tokens or home.
func environ(more ...string) []string {
	return append([]string{"PATH=" + filepath.Join(workdir, "bin") + ":" + os.Getenv("PATH"), "HOME=" + workdir}, more...)
}

// decode is json.Unmarshal that fails the test.
func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, text)
	}
}
