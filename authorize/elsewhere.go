package authorize

import (
	"context"
	"net/url"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// elsewhere exchanges an authorization code that was got in the provider's own pages, or by another program. Whoever brings
// one is as trusted as whoever writes a refresh token: there was no state.
func (c *Consents) elsewhere(ctx context.Context, s logical.Storage, key grant.Key, who Caller, proof Proof) (*Consent, error) {
	if proof.RedirectURI == "" {
		return nil, mount.Refusal("authorization_code needs the redirect_uri that it was asked for with, letter for letter (RFC 6749 section 4.1.3)")
	}
	if u, err := url.Parse(proof.RedirectURI); err != nil || u.Scheme == "" {
		return nil, mount.Refusal("redirect_uri must be the address that the code was asked for with, as it is registered at the provider: https://..., or http://127.0.0.1:8400/")
	}
	g, t, err := c.target(ctx, s, key)
	if err != nil {
		return nil, err
	}
	con := consentTo(g, who, g.Role.Scope)
	con.RedirectURI, con.CodeVerifier = proof.RedirectURI, proof.CodeVerifier
	// By the code, so that a confirm that broke off finds what it was exchanged for: presented twice, a code ends that
	// (RFC 6749 section 4.1.2).
	con.at = Prefix + directory(key) + "/" + mount.Digest("code", who.ID, proof.AuthorizationCode.Reveal())
	return detached(ctx, c, con.at, func(ctx context.Context) (*Consent, error) {
		switch before, err := c.get(ctx, s, con.at); {
		case err != nil:
			return nil, err
		case before == nil:
		case before.State == StateGranted:
			return before, nil
		case before.State == StateExchanging:
			return nil, refused(reasonLost)
		default:
			return nil, refused(before.Reason)
		}
		if err := c.add(ctx, s, con); err != nil { // as many as of those that begin here
			return nil, err
		}
		code := grant.Code{
			GrantType: client.GrantAuthorizationCode, Code: proof.AuthorizationCode, RedirectURI: proof.RedirectURI, CodeVerifier: proof.CodeVerifier,
		}
		if err := c.exchange(ctx, s, con, g, t, code); err != nil {
			return nil, err
		}
		c.keep(ctx, s, con)
		return con, nil
	})
}
