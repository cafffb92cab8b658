package oauthrefresh

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-uuid"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
)

// roleWrite is one write to a role, from what it says to what is stored.
type roleWrite struct {
	input
	old      *role  // nil for a new role
	state    *token // the grant's state; empty for a new role
	warnings []string
}

// apply returns the role as it will be, or a refusal. It stores nothing.
func (w *roleWrite) apply(ctx context.Context, s logical.Storage) (*role, error) {
	r := &role{roleSettings: roleSettings{Lease: true}}
	if w.old != nil {
		r = new(*w.old)
	}
	w.readSettings(r)
	if err := w.readSecrets(r); err != nil {
		return nil, err
	}
	if err := cmp.Or(w.readCertificate("", &r.credentials), w.readAssertionKey("", &r.credentials)); err != nil {
		return nil, err
	}
	if err := cmp.Or(w.readNext(r), r.check()); err != nil {
		return nil, err
	}
	if err := w.checkRefreshToken(r); err != nil {
		return nil, err
	}
	t, err := newTarget(ctx, s, r)
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(t.checkCredentials(), t.checkMethods(), t.checkAssertions(r.credentials, ""), t.checkNext(), t.checkTokenMode()); err != nil {
		return nil, err
	}
	if err := w.pin(t); err != nil {
		return nil, err
	}
	r.Revision, err = uuid.GenerateUUID()
	return r, err
}

func (w *roleWrite) readSettings(r *role) {
	w.text("grant_type", &r.GrantType)
	w.text("provider", &r.Provider)
	w.pairs("provider_params", &r.ProviderParams)
	w.text("client_id", &r.ClientID)
	w.text("scope", &r.Scope)
	w.text("subject", &r.Subject)
	w.text("assertion_audience", &r.AssertionAudience)
	w.pairs("assertion_claims", &r.AssertionClaims)
	w.text("token_endpoint_auth_signing_alg", &r.SigningAlg)
	w.text("token_endpoint_auth_method", &r.TokenEndpointAuthMethod)
	w.text("request_format", &r.RequestFormat)
	w.text("ca_certificate", &r.CACertificate)
	w.text("token_mode", &r.TokenMode)
	w.duration("ttl", &r.TTL)
	w.duration("assumed_token_ttl", &r.AssumedTokenTTL)
	w.duration("refresh_window", &r.RefreshWindow)
	w.duration("keepalive_period", &r.KeepalivePeriod)
	w.boolean("lease", &r.Lease)
	w.boolean("identity_readable", &r.IdentityReadable)
	r.ClientID = strings.TrimRight(r.ClientID, "\r\n") // see input.secret
	r.GrantType = cmp.Or(r.GrantType, client.GrantRefreshToken)
	if r.GrantType == "jwt-bearer" {
		r.GrantType = client.GrantJWTBearer
	}
	r.TokenMode = cmp.Or(r.TokenMode, tokenModeShared)
}

// readSecrets starts a new grant when the write brings a new refresh token.
func (w *roleWrite) readSecrets(r *role) (err error) {
	before := r.ClientSecret
	w.secret("client_secret", &r.ClientSecret)
	if !r.ClientSecret.Equal(before) {
		r.ClientSecretSince = time.Now()
	}
	w.secret("previous_client_secret", &r.PreviousClientSecret)
	w.secretPairs("token_params", &r.TokenParams)
	w.secretPairs("token_headers", &r.TokenHeaders)
	written := r.RefreshToken
	w.secret("refresh_token", &written)
	ended := w.old != nil && w.old.dead(w.state) && !r.spends() // what has killed the grant says nothing of the client's own
	if r.GrantID != "" && !ended && (!w.names("refresh_token") || w.known(written)) {
		return nil
	}
	r.RefreshToken, r.GrantedAt = written, time.Now() // none, if it was named as empty: checkRefreshToken tells whether it may
	r.GrantID, err = uuid.GenerateUUID()
	return err
}

// known tells whether a refresh token is one that this grant has had already. Whoever applies the
// same configuration again, as Terraform does, names the first refresh token every time; starting
// over with it would replace the one that is live by one that is long spent. A grant that is dead may
// start over with anything but that.
func (w *roleWrite) known(refreshToken client.Secret) bool {
	replaced := w.state.Generation > 0 && !w.old.RefreshToken.Equal(w.state.RefreshToken)
	if w.old.dead(w.state) && !(replaced && refreshToken.Equal(w.old.RefreshToken)) {
		return false
	}
	if !refreshToken.IsSet() {
		return !w.old.RefreshToken.IsSet() && !w.state.RefreshToken.IsSet() // there is none to forget
	}
	if refreshToken.Equal(w.old.RefreshToken) && w.state.Generation > 0 && !refreshToken.Equal(w.state.RefreshToken) {
		w.warnings = append(w.warnings, "this refresh_token is the one that the grant began with; "+
			"the provider has replaced it since, so the newer one is kept")
	}
	return refreshToken.Equal(w.old.RefreshToken) || refreshToken.Equal(w.state.RefreshToken)
}

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
	if written.Equal(w.state.RefreshToken) {
		return nil
	}
	return refusal("the provider's endpoint is now at another place, and this refresh_token is one that the provider has replaced since; " +
		"the newer one does not follow unseen: authorize again and write the new refresh_token")
}
