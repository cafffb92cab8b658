package provider

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
)

// AnswerNames are the fields that creds/<role> answers with itself, so no field of a provider's
// answer can be handed on under them. Vault Agent reads meaning into the last three pairs.
var AnswerNames = []string{
	"access_token", "token_type", "scope", "expires_at", "generation", "token_id",
	"client_certificate_required", "client_certificate_fingerprint",
	"ttl", "rotation_period", "last_vault_rotation", "secret_id", "secret_id_ttl", "certificate", "expiration",
}

// checkProvider returns what is wrong with an operator's definition.
func checkProvider(p *client.Provider, c *Config) error {
	if err := cmp.Or(p.Validate(c.AllowInsecureEndpoints), client.CheckPermanentErrors(p.PermanentErrors)); err != nil {
		return err
	}
	for _, field := range p.ExtraFields {
		name := field[strings.LastIndex(field, "/")+1:]
		if slices.Contains(AnswerNames, name) {
			return fmt.Errorf("extra_fields can't name %s: creds/<role> answers with a field of that name itself", name)
		}
	}
	for _, name := range p.CallbackFields {
		if slices.Contains(AnswerNames, name) {
			return fmt.Errorf("callback_fields can't name %s: creds/<role> answers with a field of that name itself", name)
		}
	}
	endpoints, err := p.Endpoints(nil)
	if err != nil {
		return nil // it has parameters that only a role knows, and is checked with each role
	}
	o := client.Options{AllowedHosts: c.AllowedHosts, AllowInsecure: c.AllowInsecureEndpoints}
	return cmp.Or(CheckHosts(endpoints, o), CheckHosts(endpoints.WithAliases(), o), CheckConsentHosts(endpoints, o), CheckConsentHosts(endpoints.WithAliases(), o))
}

// CheckHosts returns an error when the mount's allowed_hosts, which the options hold, forbid the token or the revocation
// endpoint. It names the field.
func CheckHosts(endpoints client.Endpoints, o client.Options) error {
	return checkHosts(o, located{"token_endpoint", endpoints.Token}, located{"revocation_endpoint", endpoints.Revocation})
}

// CheckConsentHosts is the same of what a consent asks, and of where it sends a person's browser: a look-alike of a login
// page takes passwords. Apart from CheckHosts, since a grant that is there is refreshed without any of these.
func CheckConsentHosts(endpoints client.Endpoints, o client.Options) error {
	return checkHosts(o,
		located{"authorization_endpoint", endpoints.Authorization},
		located{"device_authorization_endpoint", endpoints.DeviceAuthorization},
		located{"pushed_authorization_request_endpoint", endpoints.PushedAuthorization},
		located{"jwks_uri", endpoints.JWKS})
}

// located is an endpoint by its field, "" where there is none.
type located struct{ field, url string }

func checkHosts(o client.Options, endpoints ...located) error {
	for _, e := range endpoints {
		if e.url == "" {
			continue
		}
		if err := o.CheckHost(e.url); err != nil {
			return fmt.Errorf("%s: %w", e.field, err)
		}
	}
	return nil
}

// Data is the definition as a read answers it: what its Fields show.
func Data(p *client.Provider) map[string]any {
	data := map[string]any{}
	Fields(p).Show(data)
	return data
}

// WarnOfGrace adds to a response, which may be nil, that a reuse_grace is too short to be used: within it an exchange that
// hangs could not be given up in time for another.
func WarnOfGrace(resp *logical.Response, p *client.Provider) *logical.Response {
	grace := time.Duration(p.ReuseGrace)
	if grace == 0 || grace >= 2*Quickest || p.RefreshTokenRotation == client.RotationNever {
		return resp
	}
	if resp == nil {
		resp = new(logical.Response)
	}
	resp.AddWarning(fmt.Sprintf("reuse_grace is too short to be of use where an answer does not come: it takes at least %s to give one up and ask again; "+
		"an answer that breaks off sooner is still asked for within it", client.Duration(2*Quickest)))
	return resp
}
