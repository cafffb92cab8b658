// Command baseline is the least that an external secrets engine can do: it answers from memory, in the
// shape of the real engine's answers. What the real one costs beyond it is its own doing; the rest is
// Vault's.
package main

import (
	"context"
	"os"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/plugin"
)

func main() {
	meta := &api.PluginAPIClientMeta{}
	if err := meta.FlagSet().Parse(os.Args[1:]); err != nil {
		os.Exit(1)
	}
	err := plugin.Serve(&plugin.ServeOpts{
		BackendFactoryFunc: factory,
		TLSProviderFunc:    api.VaultPluginTLSProvider(meta.GetTLSConfig()),
	})
	if err != nil {
		hclog.New(&hclog.LoggerOptions{}).Error("the baseline plugin ended", "error", err)
		os.Exit(1)
	}
}

func factory(ctx context.Context, conf *logical.BackendConfig) (logical.Backend, error) {
	b := &framework.Backend{BackendType: logical.TypeLogical}
	lease := &framework.Secret{Type: "token", Revoke: func(context.Context, *logical.Request, *framework.FieldData) (*logical.Response, error) {
		return nil, nil
	}}
	b.Secrets = []*framework.Secret{lease}
	leased := func() *logical.Response {
		resp := lease.Response(answer(), nil)
		resp.Secret.TTL = time.Hour
		resp.Secret.Renewable = false
		return resp
	}
	b.Paths = []*framework.Path{
		exchanges(), names(),
		path("constant", func(context.Context, logical.Storage) (*logical.Response, error) {
			return &logical.Response{Data: answer()}, nil
		}),
		path("leased", func(context.Context, logical.Storage) (*logical.Response, error) {
			return leased(), nil
		}),
		// What a refresh has to write, intent and state, and a lease.
		path("written", func(ctx context.Context, s logical.Storage) (*logical.Response, error) {
			for range 2 {
				if err := s.Put(ctx, &logical.StorageEntry{Key: "state", Value: make([]byte, 800)}); err != nil {
					return nil, err
				}
			}
			return leased(), nil
		}),
	}
	return b, b.Setup(ctx, conf)
}

func path(name string, read func(context.Context, logical.Storage) (*logical.Response, error)) *framework.Path {
	return &framework.Path{
		Pattern: name + "/(?P<name>.+)",
		Fields:  map[string]*framework.FieldSchema{"name": {Type: framework.TypeString}},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: &framework.PathOperation{
				Callback: func(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
					return read(ctx, req.Storage)
				},
			},
		},
	}
}

// answer has the fields of creds/<role>.
func answer() map[string]any {
	return map[string]any{
		"access_token": "constant-0123456789abcdef0123456789abcdef", "token_type": "Bearer", "scope": "read write",
		"expires_at": "2030-01-01T00:00:00Z", "generation": 1, "token_id": "0123456789ab",
	}
}
