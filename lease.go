package oauthrefresh

import (
	"fmt"
	"maps"
	"net/http"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
)

// accessTokenType names the kind of lease in storage; renaming it would orphan every lease.
const accessTokenType = "access_token"

// accessTokenSecret is what a lease of an access token means to Vault. It is not renewable: the
// token's end is fixed.
func (b *backend) accessTokenSecret() *framework.Secret {
	return &framework.Secret{
		Type:   accessTokenType,
		Fields: map[string]*framework.FieldSchema{"access_token": {Type: framework.TypeString, Description: "The access token."}},
		Revoke: b.revokeLease,
	}
}

// credentials is the answer of creds/<name>: the token with a lease, or without one where the role
// says so. The time is the same for all that is derived from it.
func (b *backend) credentials(t terms, tok *token, now time.Time) (*logical.Response, error) {
	ttl := t.promised(tok, now)
	if ttl < minLease {
		// The window is open and yet this token is served: the provider is in trouble, and whatever
		// is left is better than nothing.
		ttl = t.meanwhile(tok, now)
	}
	if t.longest > 0 {
		ttl = min(ttl, t.longest)
	}
	if longest := b.System().MaxLeaseTTL(); longest > 0 {
		ttl = min(ttl, longest) // Vault would do the same, with a warning on every read
	}
	ttl = ttl.Truncate(time.Second)
	if ttl < minLease {
		return nil, logical.CodedError(http.StatusServiceUnavailable, fmt.Sprintf(
			"what is left of the token, or the longest lease that the mount allows, is less than %s, too short for a lease", client.Duration(minLease)))
	}
	data := map[string]any{}
	maps.Copy(data, tok.Extra)
	maps.Copy(data, map[string]any{
		"access_token": tok.AccessToken.Reveal(),
		"token_type":   tok.TokenType,
		"scope":        tok.Scope,
		"expires_at":   tok.ExpiresAt.UTC().Format(time.RFC3339),
		"generation":   tok.Generation,
		"token_id":     tok.id(),
	})
	warnings := t.showCertificate(tok, data)
	if !t.lease {
		// What Vault Agent and the Secrets Operator read of a secret without a lease: they come back
		// after ttl and a second.
		data["ttl"] = int64(ttl.Seconds()) - 1
		data["rotation_period"] = int64(tok.lifetime().Seconds())
		data["last_vault_rotation"] = tok.ObtainedAt.UTC().Format(time.RFC3339Nano)
		return &logical.Response{Data: data, Warnings: warnings}, nil
	}
	resp := b.Secret(accessTokenType).Response(data, nil)
	resp.Secret.TTL = ttl
	resp.Secret.Renewable = false
	resp.Warnings = warnings
	return resp, nil
}
