package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/helper/pluginutil"
	"github.com/hashicorp/vault/sdk/logical"
	sdk "github.com/hashicorp/vault/sdk/plugin"
)

// host runs the plugin in Vault's place, over storage in memory: filling a Vault with 100,000 roles would take
// longer than everything else here.
type host struct {
	storage *countedStorage
	client  *goplugin.Client
	backend logical.Backend
}

// countedStorage counts what is read of roles.
type countedStorage struct {
	logical.InmemStorage
	roles atomic.Int64
}

// Get implements logical.Storage.
func (s *countedStorage) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	if strings.HasPrefix(key, "role/") {
		s.roles.Add(1)
	}
	return s.InmemStorage.Get(ctx, key)
}

var system = &logical.StaticSystemView{
	DefaultLeaseTTLVal: 768 * time.Hour, MaxLeaseTTLVal: 768 * time.Hour,
	ReplicationStateVal: consts.ReplicationPerformanceDisabled | consts.ReplicationDRDisabled,
}

// start runs the engine and sets it up; initialize begins its background work.
func start(s *countedStorage) (*host, error) { return startPlugin(pluginName, s) }

func startPlugin(name string, s *countedStorage) (*host, error) {
	ctx, logger := context.Background(), hclog.NewNullLogger()
	path := *bin + "/" + name
	binary, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(binary)
	runner := pluginutil.PluginRunner{Name: "bench", Type: consts.PluginTypeSecrets, Command: path, Sha256: sum[:]}
	client, err := runner.RunConfig(ctx, pluginutil.Runner(system), pluginutil.PluginSets(sdk.PluginSet),
		pluginutil.HandshakeConfig(sdk.HandshakeConfig), pluginutil.AutoMTLS(true), pluginutil.Logger(logger))
	if err != nil {
		return nil, err
	}
	connection, err := client.Client()
	if err != nil {
		return nil, err
	}
	raw, err := connection.Dispense(sdk.BackendPluginName)
	if err != nil {
		return nil, err
	}
	h := &host{storage: s, client: client, backend: raw.(logical.Backend)}
	return h, h.backend.Setup(ctx, &logical.BackendConfig{StorageView: s, System: system, Logger: logger, BackendUUID: "bench"})
}

func (h *host) initialize() error {
	return h.backend.Initialize(context.Background(), &logical.InitializationRequest{})
}

func (h *host) stop() {
	h.backend.Cleanup(context.Background())
	h.client.Kill()
}

func (h *host) request(op logical.Operation, path string, data map[string]any) error {
	_, err := h.ask(op, path, data)
	return err
}

// ask returns what the plugin answers; an answer that is an error is one.
func (h *host) ask(op logical.Operation, path string, data map[string]any) (*logical.Response, error) {
	resp, err := h.backend.HandleRequest(context.Background(), &logical.Request{Operation: op, Path: path, MountPoint: "oauth/", Data: data})
	if err == nil && resp.IsError() {
		err = resp.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return resp, nil
}

// resident is the resident set size of the plugin in bytes.
func (h *host) resident() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.client.ReattachConfig().Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	var kib int64
	_, err = fmt.Sscanf(rest, "%d kB", &kib)
	return kib << 10, err
}
