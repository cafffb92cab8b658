package role

import (
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/provider"
)

// Response is what a read of the role shows: everything that is no secret, and of each secret whether it is set, with
// Warnings.
func (r *Role) Response() *logical.Response {
	data := map[string]any{}
	fields(r, new(brought)).Show(data)
	r.Credentials.describe("", data)
	if r.Next.ID != "" {
		nextFields(&r.Next, new(files)).Show(data)
		r.Next.describe(NextPrefix, data)
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

// DescribeLive adds to data which credentials are in use, since when, and when those end that say so.
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
	if from := r.Next.from(); from != "" {
		data["next_from"] = from
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

// Warnings says what is or soon will be wrong with the role's certificates and authorities.
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
