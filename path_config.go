package oauthrefresh

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
)

const ConfigKey = "config"

const (
	// DefaultTimeout suits the slowest token endpoints, some of which ask a core banking system.
	DefaultTimeout = 30 * time.Second
	// MaxTimeout keeps an exchange shorter than Vault's own limit on a request (90 s), and the
	// mount's end, which waits for exchanges in flight, bounded.
	MaxTimeout = time.Minute
	// Quickest is the shortest time that an exchange is given.
	Quickest = time.Second
)

// Config is what holds for the whole mount.
type Config struct {
	RequestTimeout         time.Duration `json:"request_timeout"`
	CACertificate          string        `json:"ca_certificate,omitempty"`
	AllowedHosts           []string      `json:"allowed_hosts,omitempty"`
	AllowInsecureEndpoints bool          `json:"allow_insecure_endpoints,omitempty"`
}

// GetConfig returns the configuration as it is stored, or the defaults.
func GetConfig(ctx context.Context, s logical.Storage) (*Config, error) {
	c := &Config{RequestTimeout: DefaultTimeout}
	_, err := Load(ctx, s, ConfigKey, c)
	return c, err
}

// Options are the configuration's bounds on one exchange, with a role's own roots if it has any.
func (c *Config) Options(roleCA string) (client.Options, error) {
	roots, err := RootCAs(c.CACertificate, roleCA)
	return client.Options{
		Timeout: c.RequestTimeout, RootCAs: roots,
		AllowedHosts: c.AllowedHosts, AllowInsecure: c.AllowInsecureEndpoints,
	}, err
}

func pathConfig(b *backend) *framework.Path {
	return &framework.Path{
		Pattern:      "config/?$",
		DisplayAttrs: Display("configuration"),
		Fields: map[string]*framework.FieldSchema{
			"request_timeout": {
				Type: framework.TypeDurationSecond, Default: int(DefaultTimeout.Seconds()),
				Description: "Bounds one exchange with a provider, from the connect to the last byte of the answer: 1s to 1m, default 30s.",
			},
			"ca_certificate": {
				Type:        framework.TypeString,
				Description: "Certificates (PEM) of authorities to trust besides the system's, as in ca_certificate=@ca.pem.",
			},
			"allowed_hosts": {
				Type:        framework.TypeCommaStringSlice,
				Description: "Host names that requests may go to; * stands for any characters, dots too, as in *.salesforce.com. Empty means any host.",
			},
			"allow_insecure_endpoints": {
				Type:        framework.TypeBool,
				Description: "Permit http:// endpoints. For tests only: secrets then travel in the clear.",
			},
		},
		ExistenceCheck: func(ctx context.Context, req *logical.Request, _ *framework.FieldData) (bool, error) {
			return Load(ctx, req.Storage, ConfigKey, new(Config))
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation:   &framework.PathOperation{Callback: b.pathConfigRead, Summary: "Read the mount's configuration."},
			logical.CreateOperation: Writing(b.pathConfigWrite, "", "Configure the mount."),
			logical.UpdateOperation: Writing(b.pathConfigWrite, "", "Configure the mount."),
			logical.DeleteOperation: Writing(b.pathConfigDelete, "", "Return to the default configuration."),
		},
		HelpSynopsis: "Configure what holds for every role of this mount.",
		HelpDescription: `The time that an exchange with a provider may take, the authorities to trust, and the hosts that
requests may go to. A write keeps what it does not name; a delete returns to the defaults. Every
field is checked again on each request, so a change holds from the next exchange on.`,
	}
}

func (b *backend) pathConfigRead(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	c, err := GetConfig(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	return &logical.Response{Warnings: AuthorityWarnings(c.CACertificate), Data: map[string]any{
		"request_timeout":          int64(c.RequestTimeout.Seconds()),
		"ca_certificate":           ShownAuthorities(c.CACertificate),
		"allowed_hosts":            ListOf(c.AllowedHosts),
		"allow_insecure_endpoints": c.AllowInsecureEndpoints,
	}}, nil
}

func (b *backend) pathConfigWrite(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	unlock, err := b.edits.Lock(ctx, ConfigKey)
	if err != nil {
		return nil, ErrBusy
	}
	defer unlock()
	c, err := GetConfig(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	in := ReadInput(d)
	in.Duration("request_timeout", &c.RequestTimeout)
	in.Text("ca_certificate", &c.CACertificate)
	in.List("allowed_hosts", &c.AllowedHosts)
	in.Boolean("allow_insecure_endpoints", &c.AllowInsecureEndpoints)
	err = c.Validate()
	if in.Names("ca_certificate") {
		err = cmp.Or(CheckAuthorities(c.CACertificate), err)
	}
	if err != nil {
		return logical.ErrorResponse(err.Error()), nil
	}
	if err := Save(ctx, req.Storage, ConfigKey, c); err != nil {
		return nil, err
	}
	b.schedule.Resurvey(req.Storage, AnyProvider) // a failure of another configuration holds nobody back
	if warnings := AuthorityWarnings(c.CACertificate); len(warnings) > 0 {
		return &logical.Response{Warnings: warnings}, nil
	}
	return nil, nil
}

// Validate returns what is wrong with the configuration, nil for nothing.
func (c *Config) Validate() error {
	if c.RequestTimeout < time.Second || c.RequestTimeout > MaxTimeout {
		return fmt.Errorf("request_timeout must lie between 1s and %s", client.Duration(MaxTimeout))
	}
	_, err := RootCAs(c.CACertificate)
	return cmp.Or(err, client.CheckHostGlobs(c.AllowedHosts))
}

func (b *backend) pathConfigDelete(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	unlock, err := b.edits.Lock(ctx, ConfigKey) // a write under way would store what it has read
	if err != nil {
		return nil, ErrBusy
	}
	defer unlock()
	err = StorageError(req.Storage.Delete(ctx, ConfigKey))
	b.schedule.Resurvey(req.Storage, AnyProvider)
	return nil, err
}
