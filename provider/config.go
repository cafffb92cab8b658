package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
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
	// ExternalURL is where browsers reach this mount, without a slash at its end; "" when nobody has said.
	ExternalURL string `json:"external_url,omitempty"`
}

// Fields are the rows of config, of this configuration: a write is read into it, and a read shows it.
func (c *Config) Fields() mount.Fields {
	return mount.Fields{
		mount.Seconds("request_timeout", &c.RequestTimeout, "Bounds one exchange with a provider, from the connect to the last byte of the answer: 1s to 1m, default 30s.").DefaultsTo(int(defaultTimeout.Seconds())),
		Authorities("ca_certificate", &c.CACertificate, "Certificates (PEM) of authorities to trust besides the system's, as in ca_certificate=@ca.pem."),
		mount.Texts("allowed_hosts", &c.AllowedHosts, "Host names that requests may go to; * stands for any characters, dots too, as in *.salesforce.com. Empty means any host."),
		mount.Boolean("allow_insecure_endpoints", &c.AllowInsecureEndpoints, "Permit http:// endpoints. For tests only: secrets then travel in the clear."),
		mount.Text("external_url", &c.ExternalURL, "Where browsers reach this mount, as in https://vault.example.com/v1/oauth, with the namespace in the path: what authorize/<role> makes redirect URIs of.").OmitEmpty(),
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
	c.ExternalURL = strings.TrimRight(strings.TrimSpace(c.ExternalURL), "/")
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
	return cmp.Or(err, client.CheckHostGlobs(c.AllowedHosts), c.validateExternalURL())
}

// validateExternalURL wants what a browser can open, and TLS wherever the answer of a provider leaves the machine.
func (c *Config) validateExternalURL() error {
	if c.ExternalURL == "" {
		return nil
	}
	u, err := url.Parse(c.ExternalURL)
	loopback := err == nil && client.IsLoopback(u)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.ContainsFunc(c.ExternalURL, notInURL) || !client.ValidPort(u) || len(c.ExternalURL) > 1024:
		return errors.New("external_url must be the address of this mount's API without query and fragment, as in https://vault.example.com/v1/oauth")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback):
		return errors.New("external_url must begin with https://, or with http:// and be an address of this machine")
	case !strings.HasPrefix(u.Path, "/v1/") || len(u.Path) == len("/v1/"):
		return errors.New("external_url must have /v1/ and the path of this mount, as in https://vault.example.com/v1/oauth: that is where Vault's API has it")
	case path.Clean(u.Path) != u.Path: // which browsers would resolve, and then register another one
		return errors.New("external_url must not have // or /./ or /../ in its path: write it as the browser has it")
	}
	return nil
}

// notInURL tells a character that has no place in a URL as it stands (RFC 3986 section 2).
func notInURL(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune("#\\\"<>^`{|}", c) }

// Callback is the redirect URI of a provider, where it sends browsers back to: one for each, so that no server can
// answer in the place of another (RFC 9700 section 4.4.2). "" without an external_url.
func (c *Config) Callback(provider string) string {
	if c.ExternalURL == "" {
		return ""
	}
	return c.ExternalURL + "/callback/" + url.PathEscape(provider)
}
