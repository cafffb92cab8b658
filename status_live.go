package oauthrefresh

import (
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
)

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
