package provider

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// ConfigKey is the storage key of the configuration.
const ConfigKey = "config"

// defaultTimeout suits the slowest token endpoints, some of which ask a core banking system.
const defaultTimeout = 30 * time.Second

// Bounds on the time that one exchange may take.
const (
	// MaxTimeout keeps an exchange shorter than Vault's own limit on a request (90 s), and the
	// mount's end, which waits for exchanges in flight, bounded.
	MaxTimeout = time.Minute
	// Quickest is the shortest time that an exchange is given.
	Quickest = time.Second
)

// Config is what holds for the whole mount, as it is stored.
type Config struct {
	RequestTimeout         time.Duration `json:"request_timeout"`                    // bounds one exchange: Quickest to MaxTimeout
	CACertificate          string        `json:"ca_certificate,omitempty"`           // PEM, trusted besides the system's
	AllowedHosts           []string      `json:"allowed_hosts,omitempty"`            // globs, none for any host
	AllowInsecureEndpoints bool          `json:"allow_insecure_endpoints,omitempty"` // http:// is for tests only
}

// Fields are the rows of config, of this configuration: a write is read into it, and a read shows it.
func (c *Config) Fields() mount.Fields {
	return mount.Fields{
		mount.Seconds("request_timeout", &c.RequestTimeout, "Bounds one exchange with a provider, from the connect to the last byte of the answer: 1s to 1m, default 30s.").DefaultsTo(int(defaultTimeout.Seconds())),
		Authorities("ca_certificate", &c.CACertificate, "Certificates (PEM) of authorities to trust besides the system's, as in ca_certificate=@ca.pem."),
		mount.Texts("allowed_hosts", &c.AllowedHosts, "Host names that requests may go to; * stands for any characters, dots too, as in *.salesforce.com. Empty means any host."),
		mount.Boolean("allow_insecure_endpoints", &c.AllowInsecureEndpoints, "Permit http:// endpoints. For tests only: secrets then travel in the clear."),
	}
}

// GetConfig returns the configuration as it is stored, or the defaults. Defaults are not those of a new Config.
func GetConfig(ctx context.Context, s logical.Storage) (*Config, error) {
	c := &Config{RequestTimeout: defaultTimeout}
	_, err := mount.Load(ctx, s, ConfigKey, c)
	return c, err
}

// EditConfig stores the configuration with a write's fields in it, and returns it. The error is a refusal, or storage's;
// nothing is stored either way. The caller holds the lock of edits of the configuration.
func EditConfig(ctx context.Context, s logical.Storage, in mount.Input) (*Config, error) {
	c, err := GetConfig(ctx, s)
	if err != nil {
		return nil, err
	}
	c.Fields().Read(in)
	err = c.Validate()
	if in.Names("ca_certificate") {
		err = cmp.Or(CheckAuthorities(c.CACertificate), err)
	}
	if err != nil {
		return nil, mount.Refuse(err)
	}
	return c, mount.Save(ctx, s, ConfigKey, c)
}

// Options are the configuration's bounds on one exchange, with the ca_certificate of a role, "" for none.
func (c *Config) Options(roleCA string) (client.Options, error) {
	roots, err := RootCAs(c.CACertificate, roleCA)
	return client.Options{
		Timeout: c.RequestTimeout, RootCAs: roots,
		AllowedHosts: c.AllowedHosts, AllowInsecure: c.AllowInsecureEndpoints,
	}, err
}

// Validate returns what is wrong with the configuration, as a sentence that names the field; nil for nothing.
func (c *Config) Validate() error {
	if c.RequestTimeout < time.Second || c.RequestTimeout > MaxTimeout {
		return fmt.Errorf("request_timeout must lie between 1s and %s", client.Duration(MaxTimeout))
	}
	_, err := RootCAs(c.CACertificate)
	return cmp.Or(err, client.CheckHostGlobs(c.AllowedHosts))
}
