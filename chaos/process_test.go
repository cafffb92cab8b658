package chaos

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/helper/pluginutil"
	"github.com/hashicorp/vault/sdk/logical"
	sdk "github.com/hashicorp/vault/sdk/plugin"
)

// system is what Vault tells the plugin of itself: an active node of a cluster without replication.
var system = vault{&logical.StaticSystemView{
	DefaultLeaseTTLVal: 768 * time.Hour, MaxLeaseTTLVal: 768 * time.Hour,
	ReplicationStateVal: consts.ReplicationPerformanceDisabled | consts.ReplicationDRDisabled,
	VersionString:       "1.21.2",
}}

// vault knows every entity.
type vault struct{ *logical.StaticSystemView }

// EntityInfo implements logical.SystemView.
func (vault) EntityInfo(id string) (*logical.Entity, error) { return &logical.Entity{ID: id}, nil }

// process is one run of the plugin.
type process struct {
	client  *goplugin.Client
	backend logical.Backend
	view    *view

	initialized bool
}

// start runs the plugin as Vault does and sets it up over the storage. Background work begins with
// initialize.
func start(s *storage, logger hclog.Logger, from *build, env ...string) (*process, error) {
	ctx := context.Background()
	runner := pluginutil.PluginRunner{Name: "oauthrefresh", Type: consts.PluginTypeSecrets, Command: from.path, Sha256: from.sum, Env: env}
	client, err := runner.RunConfig(ctx, pluginutil.Runner(system), pluginutil.PluginSets(sdk.PluginSet),
		pluginutil.HandshakeConfig(sdk.HandshakeConfig), pluginutil.AutoMTLS(true), pluginutil.Logger(logger))
	if err != nil {
		return nil, err
	}
	p := &process{client: client, view: &view{storage: s}}
	if err := p.setup(ctx, logger); err != nil {
		client.Kill()
		return nil, err
	}
	return p, nil
}

func (p *process) setup(ctx context.Context, logger hclog.Logger) error {
	connection, err := p.client.Client()
	if err != nil {
		return err
	}
	raw, err := connection.Dispense(sdk.BackendPluginName)
	if err != nil {
		return err
	}
	p.backend = raw.(logical.Backend)
	return p.backend.Setup(ctx, &logical.BackendConfig{StorageView: p.view, System: system, Logger: logger, BackendUUID: "chaos"})
}

// initialize starts background work, as Vault does right after the start. Only the first call counts.
func (p *process) initialize() error {
	if p.initialized {
		return nil
	}
	p.initialized = true
	return p.backend.Initialize(context.Background(), &logical.InitializationRequest{})
}

// signal ends the process with a signal: SIGKILL as a crash does, with nothing run or flushed. From
// then on nothing that it had asked for reaches storage.
func (p *process) signal(s syscall.Signal) error {
	if err := syscall.Kill(p.client.ReattachConfig().Pid, s); err != nil {
		return err
	}
	for deadline := time.Now().Add(patience); !p.client.Exited(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("the plugin survives %s", s)
		}
	}
	p.view.cut()
	p.client.Kill() // only tidies up
	return nil
}

// stop ends the process as Vault does at step-down, seal, reload and disable.
func (p *process) stop() {
	p.backend.Cleanup(context.Background())
	p.view.cut()
	p.client.Kill()
}

type fields map[string]any

// request is requestAs of a token that belongs to no entity.
func (p *process) request(ctx context.Context, op logical.Operation, path string, f fields) (*logical.Response, error) {
	return p.requestAs(ctx, "", op, path, f)
}

// requestAs makes a request as Vault does, of an entity's token or, with "", of one that belongs to none. A refusal is an
// error too.
func (p *process) requestAs(ctx context.Context, entity string, op logical.Operation, path string, f fields) (*logical.Response, error) {
	req := &logical.Request{Operation: op, Path: path, MountPoint: "oauth/", Data: f, EntityID: entity}
	resp, err := p.backend.HandleRequest(ctx, req)
	if err == nil && resp.IsError() {
		err = resp.Error()
	}
	return resp, err
}
