package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/hashicorp/vault/api"
)

// vault is a real server, with its storage in memory or in raft on disk.
type vault struct {
	*api.Client
	cmd *exec.Cmd
	dir string
}

// stanzas are the kinds of storage to measure on.
var stanzas = map[string]string{
	"inmem": `storage "inmem" {}`,
	"raft":  `storage "raft" { path = "%s/data" node_id = "one" performance_multiplier = 1 }`,
}

// startVault starts a server, initialises and unseals it, and registers the plugins in its directory.
func startVault(binary, storage string, plugins ...string) (*vault, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	v := &vault{dir: dir}
	if err := v.run(binary, storage); err != nil {
		return nil, errors.Join(err, v.stop())
	}
	for _, plugin := range plugins {
		if err := v.register(plugin); err != nil {
			return nil, errors.Join(err, v.stop())
		}
	}
	return v, nil
}

func (v *vault) run(binary, storage string) error {
	address, err := freeAddress()
	if err != nil {
		return err
	}
	stanza := stanzas[storage]
	if storage == "raft" {
		stanza = fmt.Sprintf(stanza, v.dir)
	}
	config := fmt.Sprintf("%s\nlistener \"tcp\" { address = %q tls_disable = true }\napi_addr = \"http://%s\"\ncluster_addr = \"https://127.0.0.1:1\"\n"+
		"plugin_directory = %q\ndisable_mlock = true\nlog_level = \"error\"\n", stanza, address, address, v.dir)
	path := filepath.Join(v.dir, "vault.hcl")
	if err := errors.Join(os.WriteFile(path, []byte(config), 0o600), os.Mkdir(filepath.Join(v.dir, "data"), 0o700)); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(v.dir, "vault.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	v.cmd = exec.Command(binary, "server", "-config="+path)
	v.cmd.Stdout, v.cmd.Stderr, v.cmd.Env = log, log, append(os.Environ(), "TMPDIR="+v.dir)
	v.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := v.cmd.Start(); err != nil {
		return err
	}
	apiConfig := api.DefaultConfig()
	apiConfig.Address, apiConfig.MaxRetries, apiConfig.Timeout = "http://"+address, 0, time.Minute
	if v.Client, err = api.NewClient(apiConfig); err != nil {
		return err
	}
	return v.open()
}

// open initialises and unseals.
func (v *vault) open() error {
	var init *api.InitResponse
	err := await(30*time.Second, func() (err error) {
		init, err = v.Sys().Init(&api.InitRequest{SecretShares: 1, SecretThreshold: 1})
		return err
	})
	if err != nil {
		return fmt.Errorf("initialising: %w", err)
	}
	if _, err := v.Sys().Unseal(init.Keys[0]); err != nil {
		return err
	}
	v.SetToken(init.RootToken)
	return await(30*time.Second, func() error {
		_, err := v.Auth().Token().LookupSelf()
		return err
	})
}

// register copies a plugin into Vault's directory and registers it under its file's name.
func (v *vault) register(plugin string) error {
	binary, err := os.ReadFile(plugin)
	if err != nil {
		return err
	}
	name, sum := filepath.Base(plugin), sha256.Sum256(binary)
	if err := os.WriteFile(filepath.Join(v.dir, name), binary, 0o700); err != nil {
		return err
	}
	return v.Sys().RegisterPlugin(&api.RegisterPluginInput{
		Name: name, Type: api.PluginTypeSecrets, Command: name, SHA256: hex.EncodeToString(sum[:]),
	})
}

func (v *vault) stop() error {
	if v.cmd != nil && v.cmd.Process != nil {
		_ = v.cmd.Process.Signal(syscall.SIGTERM)
		_ = v.cmd.Wait()
	}
	return os.RemoveAll(v.dir)
}

func await(limit time.Duration, ok func() error) error {
	for deadline := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		err := ok()
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
