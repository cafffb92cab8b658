package role

import (
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/provider"
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
		"ca_certificate":                  provider.ShownAuthorities(r.CACertificate),
		// The values may be secrets: an API key in a header, a password in a parameter. So these are not shown under the
		// names that a write has: what is read there could be written back, and would take their place.
		"token_params_names":     mount.ListOf(slices.Sorted(maps.Keys(r.TokenParams))),
		"token_headers_names":    mount.ListOf(slices.Sorted(maps.Keys(r.TokenHeaders))),
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

// DescribeLive adds which credentials are in use, since when, and when those end that say so.
func (r *Role) DescribeLive(last Worked, data map[string]any) {
	who := r.CredentialsInUse(last)
	for p, since := range map[Part]time.Time{
		PartSecret: who.ClientSecretSince, PartCertificate: who.CertificateSince, partKey: who.AssertionKeySince,
	} {
		if !who.secretOf(p).IsSet() {
			continue
		}
		live := r.Live(p, last)
		data[string(p)+"_in_use"] = string(live) + string(p)
		switch {
		case live == SlotNext:
			since = last.Next.Since
		case live == SlotPrevious:
			since = time.Time{} // nobody knows
		}
		if !since.IsZero() {
			data[string(p)+"_in_use_since"] = since.UTC().Format(time.RFC3339)
		}
	}
	who.describeEnds("", data)
	r.Next.describeEnds(NextPrefix, data)
	if !r.Next.From.IsZero() {
		data["next_from"] = r.Next.From.Format(time.RFC3339)
	}
}

// describeEnds adds when certificates end. Of a secret nobody knows.
func (c Credentials) describeEnds(prefix string, data map[string]any) {
	if id, err := c.Identity(); err == nil && id != nil {
		data[prefix+"client_certificate_not_after"] = id.NotAfter().UTC().Format(time.RFC3339)
	}
	if !c.AssertionKey.IsSet() {
		return
	}
	if key, err := client.LoadSigningKey(c.AssertionKey, c.AssertionCertificate); err == nil && !key.NotAfter().IsZero() {
		data[prefix+"assertion_private_key_not_after"] = key.NotAfter().UTC().Format(time.RFC3339)
	}
}

// Warnings says what is or soon will be wrong with the role's certificate.
func (r *Role) Warnings() []string {
	warnings := provider.AuthorityWarnings(r.CACertificate)
	id, err := r.Identity()
	if err != nil {
		return append(warnings, err.Error())
	}
	if id != nil {
		warnings = append(warnings, id.Warnings(clock.Now())...)
	}
	if next, err := r.Next.Identity(); err == nil && next != nil {
		for _, w := range next.Warnings(clock.Now()) {
			warnings = append(warnings, "next_client_certificate: "+w)
		}
	}
	return warnings
}
