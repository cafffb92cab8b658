package role

import (
	"fmt"
	"slices"
	"strings"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// pin binds the role's secrets to the origins of its endpoints. When these have moved, every secret
// that would travel must be written anew: else whoever may edit a provider or its parameters could
// have the secrets sent to a host of their own.
func (w *Write) pin(t *Target) error {
	origins, err := t.origins()
	if err != nil {
		return err
	}
	moved, err := t.moved(t.Endpoints.Token)
	if err != nil {
		return err
	}
	kept, tied := w.kept(t), w.tied(t.Role)
	switch {
	case w.Old == nil:
	case moved && len(kept) > 0:
		slices.Sort(kept)
		return mount.Refusal(fmt.Sprintf("the provider's endpoint is now at another place than the one that this role's secrets were written for: "+
			"write %s again in the same write, so that no secret follows unseen", strings.Join(kept, ", ")))
	case moved && tied:
		return errTied
	case len(kept) > 0 || tied:
		return nil // they stay bound as they are: if the revocation endpoint has moved, revoke/<name> says so
	}
	t.Role.Origins = origins
	return nil
}

// kept are the fields whose secrets would travel and that the write does not name.
func (w *Write) kept(t *Target) (kept []string) {
	r := t.Role
	for field, set := range map[string]bool{
		"client_secret":          r.ClientSecret.IsSet(),
		"next_client_secret":     r.Next.Has(PartSecret),
		"previous_client_secret": r.PreviousClientSecret.IsSet(),
		// One that the grant type does not use is kept too, and would be sent when that changes back.
		"refresh_token": r.RefreshToken.IsSet() || w.State.RefreshToken.IsSet(),
		"token_params":  len(r.TokenParams) > 0,
		"token_headers": len(r.TokenHeaders) > 0,
		// What is signed with a key can be worth as much as the key to whoever gets it first.
		"assertion_private_key":      r.AssertionKey.IsSet(),
		"next_assertion_private_key": r.Next.Has(partKey),
		"pfx":                        r.signsWithCertificate(t.Provider),
		"next_pfx":                   r.signsWithCertificate(t.Provider) && r.Next.Has(PartCertificate),
	} {
		written := w.Names(field) || strings.HasSuffix(field, "pfx") && w.Names(strings.TrimSuffix(field, "pfx")+"client_certificate")
		if set && !written {
			kept = append(kept, field)
		}
	}
	return kept
}

// tied tells whether the grant goes on with a refresh token that came by rotation and that the write does not name
// itself. Nobody was ever shown it, so whoever writes the role can't have meant to send it to another place; and starting
// over with the one that it replaced would lose the grant.
func (w *Write) tied(r *Role) bool {
	if w.Old == nil || r.GrantID != w.Old.GrantID || !w.State.RefreshToken.IsSet() {
		return false
	}
	return !w.State.Alone || !w.brought.refreshToken.Equal(w.State.RefreshToken)
}

var errTied = mount.Refusal("the provider's endpoint is now at another place, and this refresh_token is one that the provider has replaced since; " +
	"the newer one does not follow unseen: authorize again and write the new refresh_token")

// Follows tells whether the role goes along with its provider as it is defined now. Where it does not, no
// request is made, and what is asked for there is not what the token at hand is measured by: that is
// served to its end.
func (r *Role) Follows(p *client.Provider) bool {
	endpoints, err := p.Endpoints(r.ProviderParams)
	if err != nil {
		return false
	}
	origin, err := client.Origin(endpoints.Token)
	return err == nil && slices.Contains(r.Origins, origin)
}
