package oauthrefresh

import (
	"fmt"
	"slices"
	"strings"
)

// pin binds the role's secrets to the origins of its endpoints. When these have moved, every secret
// that would travel must be written anew: else whoever may edit a provider or its parameters could
// have the secrets sent to a host of their own.
func (w *roleWrite) pin(t *target) error {
	origins, err := t.origins()
	if err != nil {
		return err
	}
	kept := w.kept(t)
	moved, err := t.moved(t.endpoints.Token)
	if err != nil {
		return err
	}
	if w.old != nil && moved && len(kept) > 0 {
		slices.Sort(kept)
		return refusal(fmt.Sprintf("the provider's endpoint is now at another place than the one that this role's secrets were written for: "+
			"write %s again in the same write, so that no secret follows unseen", strings.Join(kept, ", ")))
	}
	if !moved && w.old != nil && (len(kept) > 0 || w.checkMovedGrant(t.role) != nil) {
		return nil // if the revocation endpoint has moved, revoke/<name> says so
	}
	t.role.Origins = origins
	return w.checkMovedGrant(t.role)
}

// kept are the fields whose secrets would travel and that the write does not name.
func (w *roleWrite) kept(t *target) (kept []string) {
	r := t.role
	for field, set := range map[string]bool{
		"client_secret":          r.ClientSecret.IsSet(),
		"next_client_secret":     r.Next.has(partSecret),
		"previous_client_secret": r.PreviousClientSecret.IsSet(),
		// One that the grant type does not use is kept too, and would be sent when that changes back.
		"refresh_token": r.RefreshToken.IsSet() || w.state.RefreshToken.IsSet(),
		"token_params":  len(r.TokenParams) > 0,
		"token_headers": len(r.TokenHeaders) > 0,
		// What is signed with a key can be worth as much as the key to whoever gets it first.
		"assertion_private_key":      r.AssertionKey.IsSet(),
		"next_assertion_private_key": r.Next.has(partKey),
		"pfx":                        r.signsWithCertificate(t.provider),
		"next_pfx":                   r.signsWithCertificate(t.provider) && r.Next.has(partCertificate),
	} {
		written := w.names(field) || strings.HasSuffix(field, "pfx") && w.names(strings.TrimSuffix(field, "pfx")+"client_certificate")
		if set && !written {
			kept = append(kept, field)
		}
	}
	return kept
}

// checkMovedGrant keeps a refresh token that came by rotation from another place. Nobody was ever
// shown it, so whoever writes the role can't have meant to send it there; and starting over with the
// one that it replaced would lose the grant.
func (w *roleWrite) checkMovedGrant(r *role) error {
	if w.old == nil || r.GrantID != w.old.GrantID || !w.state.RefreshToken.IsSet() {
		return nil
	}
	written := r.RefreshToken
	w.secret("refresh_token", &written)
	if written.Equal(w.state.RefreshToken) && w.state.Alone {
		return nil
	}
	return refusal("the provider's endpoint is now at another place, and this refresh_token is one that the provider has replaced since; " +
		"the newer one does not follow unseen: authorize again and write the new refresh_token")
}
