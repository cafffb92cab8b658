package oauthrefresh

import (
	"cmp"
	"context"
	"strings"

	"github.com/hashicorp/go-uuid"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// roleWrite is one write to a role, from what it says to what is stored.
type roleWrite struct {
	input
	old      *role    // nil for a new role
	state    standing // how the grant stands; empty for a new role
	warnings []string
}

// apply returns the role as it will be, or a refusal. It stores nothing.
func (w *roleWrite) apply(ctx context.Context, s logical.Storage) (*role, error) {
	r := &role{roleSettings: roleSettings{Lease: true}}
	if w.old != nil {
		r = new(*w.old)
	}
	w.readSettings(r)
	if err := checkProviderOf(ctx, s, r); err != nil {
		return nil, err // what it needs nobody knows
	}
	if w.names("ca_certificate") {
		if err := checkAuthorities(r.CACertificate); err != nil {
			return nil, refuse(err)
		}
	}
	if err := w.readSecrets(r); err != nil {
		return nil, err
	}
	if err := cmp.Or(w.readCertificate("", &r.credentials), w.readAssertionKey("", &r.credentials)); err != nil {
		return nil, err
	}
	if err := cmp.Or(w.readNext(r), w.checkValidity(r), r.check()); err != nil {
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
	w.warnOfBlanks(r)
	if err := w.pin(t); err != nil {
		return nil, err
	}
	if w.old != nil && w.old.Provider == r.Provider && t.checkPins() != nil {
		w.warnings = append(w.warnings, "the provider has changed since this role was written before, in what readers are handed or in what the client "+
			"proves itself with: from now on that holds for this role")
	}
	r.Pins = t.pins.take(t.says, w.old)
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
		r.ClientSecretSince = clock.Now()
	}
	w.secret("previous_client_secret", &r.PreviousClientSecret)
	w.secretPairs("token_params", &r.TokenParams)
	w.secretPairs("token_headers", &r.TokenHeaders)
	written := r.RefreshToken
	w.secret("refresh_token", &written)
	ended := w.state.Dead && !r.spends() // what has killed the grant says nothing of the client's own
	if r.GrantID != "" && !ended && (!w.names("refresh_token") || w.known(written)) {
		return nil
	}
	w.warnings = append(w.warnings, warnOfPasting(written)...)
	r.RefreshToken, r.GrantedAt = written, clock.Now() // none, if it was named as empty: checkRefreshToken tells whether it may
	r.GrantID, err = uuid.GenerateUUID()
	return err
}

// known tells whether a refresh token is one that this grant has had already. Whoever applies the
// same configuration again, as Terraform does, names the first refresh token every time; starting
// over with it would replace the one that is live by one that is long spent. A grant that is dead may
// start over with anything but that.
func (w *roleWrite) known(refreshToken client.Secret) bool {
	replaced := w.state.Generation > 0 && !w.old.RefreshToken.Equal(w.state.RefreshToken)
	if w.state.Dead && !(replaced && refreshToken.Equal(w.old.RefreshToken)) {
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

// secret reads a secret without the line ends around it, as field=@file brings one along: no token or secret of
// OAuth may contain one (RFC 6749 appendix A), and with it no server knows the secret.
func (w *roleWrite) secret(field string, into *client.Secret) {
	if w.names(field) {
		text, _ := w.value(field).(string)
		*into = client.NewSecret(strings.Trim(text, "\r\n"))
	}
}

// secretPairs reads pairs whose values may be secrets.
func (w *roleWrite) secretPairs(field string, into *map[string]client.Secret) {
	if w.names(field) {
		pairs, _ := w.value(field).(map[string]string)
		*into = wrapAll(pairs)
	}
}
