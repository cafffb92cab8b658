package role

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/hashicorp/go-uuid"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/provider"
)

// Write is one write to a role, from what it says to what is stored. It is used once.
type Write struct {
	mount.Input
	Old      *Role    // nil for a new role
	State    Standing // how the grant stands; empty for a new role
	Warnings []string // what the writer is to hear besides, after Apply

	brought brought
}

// Apply returns the role as it will be, for Put, or a refusal that says what to write. It stores nothing and sends
// nothing.
func (w *Write) Apply(ctx context.Context, s logical.Storage) (*Role, error) {
	r := &Role{Settings: Settings{Lease: true}}
	if w.Old != nil {
		r = new(*w.Old)
	}
	w.read(r)
	if w.OnlyLabels() {
		return r, r.checkLabels() // of the revision that it was: what has failed for it has not been mended
	}
	p, err := checkProviderOf(ctx, s, r)
	if err != nil {
		return nil, err // what it needs nobody knows
	}
	if w.Names("ca_certificate") {
		if err := provider.CheckAuthorities(r.CACertificate); err != nil {
			return nil, mount.Refuse(err)
		}
	}
	if err := w.readGrant(r); err != nil {
		return nil, err
	}
	if err := cmp.Or(w.readCertificate("", w.brought.now, &r.Credentials), w.readAssertionKey("", w.brought.now, &r.Credentials)); err != nil {
		return nil, err
	}
	if err := cmp.Or(w.readNext(r), w.readEnds(r), w.checkValidity(r), r.check()); err != nil {
		return nil, err
	}
	if err := cmp.Or(w.checkOwner(r, p), w.checkRefreshToken(r, p)); err != nil {
		return nil, err
	}
	t, err := TargetOf(ctx, s, r, p)
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(t.checkCredentials(), t.checkMethods(), t.checkAssertions(r.Credentials, ""), t.checkNext(), t.CheckTokenMode()); err != nil {
		return nil, err
	}
	w.warnOfBlanks(r)
	w.warnOfOwners(r)
	if err := cmp.Or(w.pin(t), t.pinAuthorization()); err != nil {
		return nil, err
	}
	if w.Old != nil && w.Old.Provider == r.Provider && t.checkPins() != nil {
		w.Warnings = append(w.Warnings, "the provider has changed since this role was written before, in what readers are handed or in what the client "+
			"proves itself with: from now on that holds for this role")
	}
	r.Pins = t.pins.take(t.says, w.Old)
	r.Revision, err = uuid.GenerateUUID()
	return r, err
}

// OnlyLabels tells a write that has nothing to do with the grant: it is no new revision, and takes over nothing that the
// provider says otherwise since.
func (w *Write) OnlyLabels() bool { return w.Old != nil && w.NamesOnly(labelsField) }

// read lays what the write names over the role, but for what has to be looked at first.
func (w *Write) read(r *Role) {
	secret := r.ClientSecret
	w.brought.refreshToken = r.RefreshToken
	fields(r, &w.brought).Read(w.Input)
	nextFields(&r.Next, &w.brought.next).Read(w.Input)
	if !r.ClientSecret.Equal(secret) {
		r.ClientSecretSince = clock.Now()
	}
	r.ClientID = strings.TrimRight(r.ClientID, "\r\n") // as of a secret
	r.GrantType = cmp.Or(r.GrantType, client.GrantRefreshToken)
	if r.GrantType == "jwt-bearer" {
		r.GrantType = client.GrantJWTBearer
	}
	r.TokenMode = cmp.Or(r.TokenMode, tokenModeShared)
	if r.GrantOwner == grantOwnerRole {
		r.GrantOwner = "" // as what was stored before there were others
	}
}

// readGrant starts a new grant when the write brings a new refresh token.
func (w *Write) readGrant(r *Role) (err error) {
	switch w.written(r) {
	case unchanged:
		return nil
	case replaced:
		w.Warnings = append(w.Warnings, "this refresh_token is the one that the grant began with; "+
			"the provider has replaced it since, so the newer one is kept")
		return nil
	}
	if w.changesOwner(r) && !w.Names("refresh_token") {
		w.brought.refreshToken = client.Secret{} // of a grant that has ended
	}
	w.Warnings = append(w.Warnings, warnOfPasting(w.brought.refreshToken)...)
	// None, if it was named as empty or is to come by consent: checkRefreshToken tells whether it may.
	r.RefreshToken, r.GrantedAt = w.brought.refreshToken, time.Time{}
	if r.RefreshToken.IsSet() || !r.Spends() {
		r.GrantedAt = clock.Now()
	}
	if !w.Names("grant_expires_at") {
		r.GrantExpiresAt = time.Time{} // that of the grant before
	}
	r.GrantID, err = uuid.GenerateUUID()
	return err
}

// relation is how the refresh token of a write stands to the grant that there is.
type relation int

const (
	another   relation = iota // it is not the grant's, so a new one begins
	unchanged                 // the write names none, or the one that is current
	replaced                  // the grant began with it, and the provider has replaced it since
)

// written tells whether the write's refresh token is one that this grant has had already. Whoever applies the
// same configuration again, as Terraform does, names the first refresh token every time; starting
// over with it would replace the one that is live by one that is long spent. A grant that is dead may
// start over with anything but that.
func (w *Write) written(r *Role) relation {
	if r.GrantID == "" || w.changesOwner(r) || w.State.Dead && !r.Spends() { // what has killed the grant says nothing of the client's own
		return another
	}
	token, first, current := w.brought.refreshToken, w.Old.RefreshToken, w.State.RefreshToken
	switch {
	case !w.Names("refresh_token"):
		return unchanged
	case token.IsSet() && token.Equal(first) && w.State.Generation > 0 && !first.Equal(current):
		return replaced
	case w.State.Dead:
		return another
	case !token.IsSet() && (first.IsSet() || current.IsSet()):
		return another // named as empty
	case token.Equal(first) || token.Equal(current):
		return unchanged
	}
	return another
}
