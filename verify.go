package oauthrefresh

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/role"
)

// verify refreshes a role that was just written, and reports what came of it. It is no trial: the refresh
// token may be spent by it and its successor is stored, so the role must have been stored before. A failure
// is told in an answer and not as an error, since the write has taken place.
func (b *backend) verify(ctx context.Context, s logical.Storage, key grant.Key, resp *logical.Response) (*logical.Response, error) {
	if resp == nil {
		resp = new(logical.Response)
	}
	// Always: a refresh that was under way was made with the role as it was.
	st, err := b.grants.Refresh(ctx, s, key, grant.Demand{Force: true, Always: true})
	if errors.Is(err, logical.ErrReadOnly) {
		return nil, err // Vault forwards the write, which changes nothing a second time
	}
	resp.Data = map[string]any{"verified": err == nil}
	if err != nil {
		resp.Data["failure"] = err.Error()
		resp.AddWarning(fmt.Sprintf("the role is stored, but its refresh has failed: %v; see status/%s", err, key))
		return resp, nil
	}
	resp.Data["generation"] = st.Generation
	resp.Data["token_id"] = st.ID()
	resp.Data["token_type"] = st.TokenType
	resp.Data["scope"] = st.Scope
	resp.Data["expires_at"] = st.ExpiresAt.UTC().Format(time.RFC3339)
	b.warnOfRefresh(ctx, s, key, resp)
	return resp, nil
}

// warnOfRefresh adds what to warn of after a refresh that nobody reads.
func (b *backend) warnOfRefresh(ctx context.Context, s logical.Storage, key grant.Key, resp *logical.Response) {
	if r, err := role.Get(ctx, s, key.Role()); err == nil && r != nil && r.TokenMode == role.TokenModePerLease {
		resp.AddWarning(warnNoLease)
	}
	if b.grants.Unpersisted(key) {
		resp.AddWarning(grant.ErrHeld.Error())
	}
}
