package oauthrefresh

import (
	"cmp"
	"slices"
)

// ShowCertificate adds to an answer of creds/<name> which client certificate has to be presented along with
// the token, and returns what to warn of. What a token is bound to goes before what the role has now: it is
// what the API will compare.
func (t Terms) ShowCertificate(tok *Token, data map[string]any) (warnings []string) {
	bound := tok.CertificateThumbprint
	if bound == "" && !t.mutual {
		return nil
	}
	own := t.fingerprint
	if tok.Next != nil && tok.Next.ID == t.nextID && slices.Contains(tok.Next.Parts, PartCertificate) {
		own = t.next // in use, though the role does not say so yet: see promote
	}
	data["client_certificate_required"] = true
	if fingerprint := cmp.Or(bound, own); fingerprint != "" {
		data["client_certificate_fingerprint"] = fingerprint
	}
	switch {
	case bound == "" || bound == own:
		return nil
	case own == "":
		return []string{"this token is bound to a client certificate, and the role has none to present: an API that checks will refuse it"}
	}
	return []string{"this token is bound to another client certificate than the role has now, so an API that checks will refuse it with the role's: " +
		"if the role's certificate was replaced, a refresh brings a token that is bound to the new one"}
}
