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

const configKey = "config"

const (
	// defaultTimeout suits the slowest token endpoints, some of which ask a core banking system.
	defaultTimeout = 30 * time.Second
	// maxTimeout keeps an exchange shorter than Vault's own limit on a request (90 s), and the
	// mount's end, which waits for exchanges in flight, bounded.
	maxTimeout = time.Minute
	// quickest is the shortest time that an exchange is given.
	quickest = time.Second
)

// config is what holds for the whole mount.
type config struct {
	RequestTimeout         time.Duration `json:"request_timeout"`
	CACertificate          string        `json:"ca_certificate,omitempty"`
	AllowedHosts           []string      `json:"allowed_hosts,omitempty"`
	AllowInsecureEndpoints bool          `json:"allow_insecure_endpoints,omitempty"`
}

func getConfig(ctx context.Context, s logical.Storage) (*config, error) {
	c := &config{RequestTimeout: defaultTimeout}
	_, err := load(ctx, s, configKey, c)
	return c, err
}

// options are the configuration's bounds on one exchange, with a role's own roots if it has any.
func (c *config) options(roleCA string) (client.Options, error) {
	roots, err := rootCAs(c.CACertificate, roleCA)
	return client.Options{
		Timeout: c.RequestTimeout, RootCAs: roots,
		AllowedHosts: c.AllowedHosts, AllowInsecure: c.AllowInsecureEndpoints,
	}, err
}

func pathConfig(b *backend) *framework.Path {
	return &framework.Path{
		Pattern:      "config/?$",
		DisplayAttrs: display("configuration"),
		Fields: map[string]*framework.FieldSchema{
			"request_timeout": {
				Type: framework.TypeDurationSecond, Default: int(defaultTimeout.Seconds()),
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
			return load(ctx, req.Storage, configKey, new(config))
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation:   &framework.PathOperation{Callback: b.pathConfigRead, Summary: "Read the mount's configuration."},
			logical.CreateOperation: writing(b.pathConfigWrite, "", "Configure the mount."),
			logical.UpdateOperation: writing(b.pathConfigWrite, "", "Configure the mount."),
			logical.DeleteOperation: writing(b.pathConfigDelete, "", "Return to the default configuration."),
		},
		HelpSynopsis: "Configure what holds for every role of this mount.",
		HelpDescription: `The time that an exchange with a provider may take, the authorities to trust, and the hosts that
requests may go to. A write keeps what it does not name; a delete returns to the defaults. Every
field is checked again on each request, so a change holds from the next exchange on.`,
	}
}

func (b *backend) pathConfigRead(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	c, err := getConfig(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	return &logical.Response{Warnings: authorityWarnings(c.CACertificate), Data: map[string]any{
		"request_timeout":          int64(c.RequestTimeout.Seconds()),
		"ca_certificate":           shownAuthorities(c.CACertificate),
		"allowed_hosts":            listOf(c.AllowedHosts),
		"allow_insecure_endpoints": c.AllowInsecureEndpoints,
	}}, nil
}

func (b *backend) pathConfigWrite(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	unlock, err := b.edits.lock(ctx, configKey)
	if err != nil {
		return nil, errBusy
	}
	defer unlock()
	c, err := getConfig(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	in := readInput(d)
	in.duration("request_timeout", &c.RequestTimeout)
	in.text("ca_certificate", &c.CACertificate)
	in.list("allowed_hosts", &c.AllowedHosts)
	in.boolean("allow_insecure_endpoints", &c.AllowInsecureEndpoints)
	err = c.validate()
	if in.names("ca_certificate") {
		err = cmp.Or(checkAuthorities(c.CACertificate), err)
	}
	if err != nil {
		return logical.ErrorResponse(err.Error()), nil
	}
	if err := save(ctx, req.Storage, configKey, c); err != nil {
		return nil, err
	}
	b.schedule.resurvey(req.Storage, anyProvider) // a failure of another configuration holds nobody back
	if warnings := authorityWarnings(c.CACertificate); len(warnings) > 0 {
		return &logical.Response{Warnings: warnings}, nil
	}
	return nil, nil
}

func (c *config) validate() error {
	if c.RequestTimeout < time.Second || c.RequestTimeout > maxTimeout {
		return fmt.Errorf("request_timeout must lie between 1s and %s", client.Duration(maxTimeout))
	}
	_, err := rootCAs(c.CACertificate)
	return cmp.Or(err, client.CheckHostGlobs(c.AllowedHosts))
}

func (b *backend) pathConfigDelete(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	unlock, err := b.edits.lock(ctx, configKey) // a write under way would store what it has read
	if err != nil {
		return nil, errBusy
	}
	defer unlock()
	err = storageError(req.Storage.Delete(ctx, configKey))
	b.schedule.resurvey(req.Storage, anyProvider)
	return nil, err
}
