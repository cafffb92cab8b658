package grant

import (
	"cmp"
	"context"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

// The values of state in status/<name>, from good to bad.
const (
	StateNew         = "new"         // never refreshed
	StateOK          = "ok"          // the last refresh succeeded
	StateFailing     = "failing"     // the last one failed, the grant is intact
	StateUnknown     = "unknown"     // the provider may have spent the refresh token
	StateUnpersisted = "unpersisted" // the last answer is in memory only
	StateBlocked     = "blocked"     // no refresh can be made before somebody writes something
	StateDead        = "dead"        // only a new refresh token helps

	StateUnreadable = "unreadable" // an entry in storage is damaged; in the status of the mount only
)

// State is the one word for a token entry.
func (k *Keeper) State(name string, r *role.Role, tok *Token, obstacle error) string {
	switch {
	case tok.Dead(r):
		return StateDead
	case k.Held.Get(name) != nil:
		return StateUnpersisted
	case obstacle != nil:
		return StateBlocked
	case k.OutcomeUnknown(name, tok):
		return StateUnknown
	case tok.Fault != nil:
		return StateFailing
	case tok.Generation == 0:
		return StateNew
	}
	return StateOK
}

// NextStep is what somebody who reads the status of a grant should do, "" when that is nothing.
func (k *Keeper) NextStep(name string, r *role.Role, p *client.Provider, tok *Token, obstacle error) string {
	switch k.State(name, r, tok, obstacle) {
	case StateUnpersisted:
		return "storage refuses the newest refresh token, which is in this plugin's memory only: repair storage; " +
			"it is stored by itself then, and a restart of Vault or the plugin before would lose it"
	case StateBlocked:
		return obstacle.Error()
	}
	switch {
	case tok.Fault != nil:
		if now := clock.Now(); p != nil {
			return tok.Fault.asOf(TimingOf(r, p, tok, now)).sentence(now, name)
		}
		return tok.Fault.sentence(clock.Now(), name)
	case k.OutcomeUnknown(name, tok):
		return "a refresh was begun and its answer never stored, because the plugin ended in its midst or storage failed: " +
			"the next refresh tells whether the grant lives; nothing needs to be done before"
	case tok.foundElsewhere(p) != "":
		return tok.foundElsewhere(p)
	case !tok.DoubtSince.IsZero() && tok.FoundAt == "":
		return "the last refresh brought no new refresh token, though this provider always sends one: check refresh_token_pointer of the provider, " +
			"or refresh_token_rotation if it does not; if the next refresh is refused, authorize again"
	}
	return ""
}

// Obstacle is why no refresh of a role could even be tried, as a sentence; nil when there is none: its
// provider was deleted or leads elsewhere, the configuration forbids the host, or nobody knows which of
// several values is the refresh token.
func Obstacle(ctx context.Context, s logical.Storage, r *role.Role, tok *Token) error {
	t, err := role.NewTarget(ctx, s, r)
	if err == nil {
		err = cmp.Or(t.CheckOrigin(t.Endpoints.Token), t.CheckReady())
	}
	if err == nil {
		_, err = tok.pointed(t.Provider)
	}
	if _, ok := mount.AsRefusal(err); ok {
		return err
	}
	return nil // storage's trouble is no trait of the role
}

// OutcomeUnknown tells an exchange that ended without an answer from one that is under way.
func (k *Keeper) OutcomeUnknown(name string, tok *Token) bool {
	return tok.Intent != nil && (!tok.Intent.UnknownSince.IsZero() || !k.Refreshes.Busy(name))
}

// Describe adds what is known of the token, without the token.
func (t *Token) Describe(data map[string]any) {
	if t.AccessToken.IsSet() {
		data["token_id"] = t.Id()
		data["last_success"] = t.ObtainedAt.UTC().Format(time.RFC3339)
		data["expires_at"] = t.ExpiresAt.UTC().Format(time.RFC3339)
	}
	if t.FoundAt != "" {
		data["refresh_token_found_at"] = t.FoundAt
	}
	if t.RequestID != "" {
		data["last_success_request_id"] = t.RequestID
	}
	if !t.RefreshTokenExpiresAt.IsZero() {
		data["refresh_token_expires_at"] = t.RefreshTokenExpiresAt.UTC().Format(time.RFC3339)
	}
}

// Describe adds the last failure. The end of a grant that somebody wanted is none.
// until is the end of the pause after it.
func (f *Fault) Describe(until, now time.Time, data map[string]any) {
	if f == nil || f.Revoked {
		return
	}
	data["last_error_class"] = string(f.Class)
	data["last_error_at"] = f.At.UTC().Format(time.RFC3339)
	data["failures"] = f.Failures
	for field, value := range map[string]string{"last_error_code": f.Code, "last_error_request_id": f.RequestID, "permanent_errors_entry": f.Entry} {
		if value != "" {
			data[field] = value
		}
	}
	if f.Status != 0 {
		data["last_error_status"] = f.Status
	}
	if f.probablyGone(now) {
		data["probably_gone"] = true
	}
	if f.Class != client.GrantRefused && !until.IsZero() {
		data["backing_off_until"] = until.UTC().Format(time.RFC3339)
	}
}
