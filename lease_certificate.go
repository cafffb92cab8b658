package oauthrefresh

import "cmp"

// showCertificate adds to an answer of creds/<name> which client certificate has to be presented along with
// the token, and returns what to warn of. What a token is bound to goes before what the role has now: it is
// what the API will compare.
func (t terms) showCertificate(tok *token, data map[string]any) (warnings []string) {
	bound := tok.CertificateThumbprint
	if bound == "" && !t.mutual {
		return nil
	}
	data["client_certificate_required"] = true
	if fingerprint := cmp.Or(bound, t.fingerprint); fingerprint != "" {
		data["client_certificate_fingerprint"] = fingerprint
	}
	if bound != "" && bound != t.fingerprint {
		return []string{"this token is bound to another client certificate than the role has now, so an API that checks will refuse it with the role's: " +
			"if the role's certificate was replaced, refresh/<role> brings a token that is bound to the new one"}
	}
	return nil
}
