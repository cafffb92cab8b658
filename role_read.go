package oauthrefresh

import (
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// Response is what a read of the role shows: everything that is no secret, and of each secret
// whether it is set. No hash of a secret either: one can guess against it.
func (r *Role) Response() *logical.Response {
	data := map[string]any{
		"grant_type":                      r.GrantType,
		"provider":                        r.Provider,
		"provider_params":                 maps.Collect(maps.All(r.ProviderParams)),
		"client_id":                       r.ClientID,
		"client_secret_set":               r.ClientSecret.IsSet(),
		"previous_client_secret_set":      r.PreviousClientSecret.IsSet(),
		"refresh_token_set":               r.RefreshToken.IsSet(),
		"scope":                           r.Scope,
		"subject":                         r.Subject,
		"token_endpoint_auth_method":      r.TokenEndpointAuthMethod,
		"token_endpoint_auth_signing_alg": r.SigningAlg,
		"assertion_audience":              r.AssertionAudience,
		"assertion_claims":                maps.Collect(maps.All(r.AssertionClaims)),
		"assertion_key_id":                r.AssertionKeyID,
		"assertion_private_key_set":       r.AssertionKey.IsSet(),
		"request_format":                  r.RequestFormat,
		"ca_certificate":                  ShownAuthorities(r.CACertificate),
		// The values may be secrets: an API key in a header, a password in a parameter. So these are not shown under the
		// names that a write has: what is read there could be written back, and would take their place.
		"token_params_names":     ListOf(slices.Sorted(maps.Keys(r.TokenParams))),
		"token_headers_names":    ListOf(slices.Sorted(maps.Keys(r.TokenHeaders))),
		"ttl":                    int64(r.TTL.Seconds()),
		"assumed_token_ttl":      int64(r.AssumedTokenTTL.Seconds()),
		"keepalive_period":       int64(r.KeepalivePeriod.Seconds()),
		"lease":                  r.Lease,
		"token_mode":             r.TokenMode,
		"client_certificate_set": r.CertificateChain != "",
		"identity_readable":      r.IdentityReadable,
	}
	if r.RefreshWindow != 0 { // the command line shows it in seconds, where it has 0s for those above
		data["refresh_window"] = int64(r.RefreshWindow.Seconds())
	}
	r.Credentials.describe("", data)
	if r.Next.ID != "" {
		r.Next.describe(NextPrefix, data)
		data["next_client_secret_set"] = r.Next.Has(PartSecret)
		data["next_assertion_private_key_set"] = r.Next.Has(partKey)
		data["next_client_certificate_set"] = r.Next.Has(PartCertificate)
		data["next_assertion_key_id"] = r.Next.AssertionKeyID
		if !r.Next.From.IsZero() {
			data["next_from"] = r.Next.From.Format(time.RFC3339)
		}
	}
	return &logical.Response{Data: data, Warnings: r.Warnings()}
}

// describe adds what is public of certificates.
func (c Credentials) describe(prefix string, data map[string]any) {
	if id, err := c.Identity(); err == nil && id != nil {
		data[prefix+"client_certificate_subject"] = id.Subject()
		data[prefix+"client_certificate_fingerprint"] = id.Fingerprint()
		data[prefix+"client_certificate_not_after"] = id.NotAfter().UTC().Format(time.RFC3339)
	}
}
