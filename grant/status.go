package grant

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

// The values of state in status/<name>, from good to bad.
const (
	StateUnauthorized = "unauthorized" // nobody has agreed yet
	StateNew          = "new"          // never refreshed
	StateOK           = "ok"           // the last refresh succeeded
	StateFailing      = "failing"      // the last one failed, the grant is intact
	StateUnknown      = "unknown"      // the provider may have spent the refresh token
	StateUnpersisted  = "unpersisted"  // the last answer is in memory only
	StateBlocked      = "blocked"      // no refresh can be made before somebody writes something
	StateOrphaned     = "orphaned"     // Vault knows the entity that owns it no more; it rests
	StateDead         = "dead"         // only a new refresh token helps

	StateUnreadable = "unreadable" // an entry in storage is damaged; in the status of the mount only
)

// States are all of them.
var States = []string{StateUnauthorized, StateNew, StateOK, StateFailing, StateUnknown, StateUnpersisted, StateBlocked, StateOrphaned, StateDead, StateUnreadable}

// word is the one word for how a grant stands.
func (k *Keeper) word(g *Grant, obstacle error) string {
	return k.wordOf(g, obstacle, k.outcomeUnknown(g))
}

// wordOf is word where it is known whether the outcome of an exchange is not.
func (k *Keeper) wordOf(g *Grant, obstacle error, unknown bool) string {
	switch {
	case g.Dead():
		return StateDead
	case k.Unpersisted(g.Key):
		return StateUnpersisted
	case k.orphaned(g.Key):
		return StateOrphaned
	case obstacle != nil:
		return StateBlocked
	}
	return g.lively(unknown)
}

// lively is the word for a grant that is not dead and has nothing in its way.
func (g *Grant) lively(unknown bool) string {
	switch {
	case g.Unauthorized():
		return StateUnauthorized
	case unknown:
		return StateUnknown
	case g.State.Fault != nil:
		return StateFailing
	case g.State.Generation == 0:
		return StateNew
	}
	return StateOK
}

// orphaned tells of a grant that Vault knows its owner no more. Who can't be asked about counts as there.
func (k *Keeper) orphaned(key Key) bool {
	standing, err := k.OwnerStanding(key)
	return err == nil && standing == OwnerGone
}

// nextStep is what somebody who reads the status of a grant should do, "" when that is nothing.
func (k *Keeper) nextStep(g *Grant, obstacle error, now time.Time) string {
	st := g.State
	switch word := k.word(g, obstacle); {
	case word == StateUnpersisted:
		return "storage refuses the newest refresh token, which is in this plugin's memory only: repair storage; " +
			"it is stored by itself then, and a restart of Vault or the plugin before would lose it"
	case word == StateBlocked:
		return obstacle.Error()
	case word == StateOrphaned:
		return fmt.Sprintf("Vault knows the entity that owns this grant no more (it was deleted, or merged into another): the grant rests; to end it, use revoke/%s, and to forget it, "+
			"delete status/%[1]s; whoever it was authorizes again as who they are now", g.Key.Path())
	case word == StateUnauthorized:
		return k.ToAuthorize(g)
	case word == StateDead && g.Key.Owner() == "" && role.Authorizable(g.Provider):
		return st.Fault.asOf(g.Timing(now)).sentence(now, g.Key) + "; or " + k.ToAuthorize(g)
	case st.Fault != nil && g.Provider != nil:
		return st.Fault.asOf(g.Timing(now)).sentence(now, g.Key)
	case st.Fault != nil:
		return st.Fault.sentence(now, g.Key)
	case k.outcomeUnknown(g):
		return "a refresh was begun and its answer never stored, because the plugin ended in its midst or storage failed: " +
			"the next refresh tells whether the grant lives; nothing needs to be done before"
	case st.foundElsewhere(g.Provider) != "":
		return st.foundElsewhere(g.Provider)
	case !st.DoubtSince.IsZero() && st.FoundAt == "":
		return "the last refresh brought no new refresh token, though this provider always sends one: check refresh_token_pointer of the provider, " +
			"or refresh_token_rotation if it does not; if the next refresh is refused, authorize again"
	}
	if over := g.overBudget(Demand{}); over != nil {
		return over.Error()
	}
	return ""
}

// obstacle is why no refresh of a role could even be tried, as a sentence; nil when there is none: its
// provider was deleted or leads elsewhere, the configuration forbids the host, or nobody knows which of
// several values is the refresh token.
func obstacle(ctx context.Context, s logical.Storage, g *Grant) error {
	return g.obstacle(resolve(ctx, s, g))
}

// obstacle is that of a grant whose target was looked for.
func (g *Grant) obstacle(to resolved) error {
	err := to.err
	if t := to.target; t != nil {
		_, unsure := g.State.pointed(t.Provider)
		err = cmp.Or(t.CheckOrigin(t.Endpoints.Token), t.CheckReady(), unsure, g.checkRealm(t, t.Endpoints.Token))
	}
	if _, ok := mount.AsRefusal(err); ok {
		return err
	}
	return nil // storage's trouble is no trait of the role
}

// outcomeUnknown tells an exchange that ended without an answer from one that is under way.
func (k *Keeper) outcomeUnknown(g *Grant) bool {
	i := g.State.Intent
	return i != nil && (!i.UnknownSince.IsZero() || !k.Refreshes.Busy(string(g.Key)))
}

// Word is how a grant stands: one of the values of state in status/<name>.
func (k *Keeper) Word(ctx context.Context, s logical.Storage, g *Grant) string {
	return k.word(g, obstacle(ctx, s, g))
}

// NextStep is what somebody should do about a grant, also about one that dies before the horizon; "" for nothing, or when
// that can't be found out.
func (k *Keeper) NextStep(ctx context.Context, s logical.Storage, key Key, horizon time.Time) string {
	g, err := k.Look(ctx, s, key)
	if damaged, ok := errors.AsType[mount.DamagedError](err); ok {
		return damaged.Error() + ": go back to the newer version, restore the entry from a snapshot, or delete the role and write it again with a new grant"
	}
	if err != nil {
		return ""
	}
	hindered, now := obstacle(ctx, s, g), clock.Now()
	if step := k.nextStep(g, hindered, now); step != "" {
		return step
	}
	return g.forecast(ailing(k.word(g, hindered)), now).remedyBefore(g, horizon)
}

// Unpersisted tells whether the last answer of a grant is in memory only, since storage has refused it so far.
func (k *Keeper) Unpersisted(key Key) bool { return k.Held.Get(key) != nil }

// Status is what is known of a grant without asking the provider, by the names of the fields of status/<name>. It holds
// no secret. The error is role.ErrNoRole, or storage's.
func (k *Keeper) Status(ctx context.Context, s logical.Storage, key Key) (data map[string]any, warnings []string, err error) {
	g, err := k.Look(ctx, s, key)
	if err != nil {
		return nil, nil, err
	}
	now, hindered, unknown := clock.Now(), obstacle(ctx, s, g), k.outcomeUnknown(g)
	data = map[string]any{
		"provider":                 g.Role.Provider,
		"grant_type":               g.Role.GrantType,
		"state":                    k.word(g, hindered),
		"generation":               g.State.Generation,
		"outcome_unknown":          unknown,
		"unpersisted":              k.Unpersisted(key),
		"reauthorization_required": g.Dead(),
	}
	if g.Role.PreviousClientSecret.IsSet() {
		data["previous_client_secret_in_use"] = g.Role.Live(role.PartSecret, g.State.Worked) == role.SlotPrevious
	}
	if gap := k.gapOf(g); gap != nil && !g.Dead() {
		data["snapshot_suspected"] = gap.sentence()
	}
	if owner := g.Key.Owner(); owner != "" {
		data["owner"] = owner
		if standing, err := k.OwnerStanding(g.Key); err == nil && standing != "" {
			data["owner_standing"] = standing
		}
	}
	g.State.describe(data)
	g.describeBudget(now, data)
	if unknown {
		data["outcome_unknown_since"] = g.State.Intent.Since().UTC().Format(time.RFC3339)
	}
	var until time.Time
	if g.Provider != nil {
		until = g.Timing(now).May
	}
	g.State.Fault.describe(until, now, data)
	dies := g.forecast(ailing(k.word(g, hindered)), now)
	if step := cmp.Or(k.nextStep(g, hindered, now), dies.remedyBefore(g, now.Add(Warning))); step != "" {
		data["next_step"] = step
	}
	dies.describe(data)
	g.Role.DescribeLive(g.State.Worked, data)
	return data, slices.Concat(g.Role.Warnings(), dies.warnings(g, now)), nil
}

// describe adds what is known of the token, without the token.
func (st *State) describe(data map[string]any) {
	if st.AccessToken.IsSet() {
		data["token_id"] = st.ID()
		data["last_success"] = st.ObtainedAt.UTC().Format(time.RFC3339)
		data["expires_at"] = st.ExpiresAt.UTC().Format(time.RFC3339)
	}
	if !st.AuthorizedAt.IsZero() {
		data["authorized_at"] = st.AuthorizedAt.UTC().Format(time.RFC3339)
	}
	if st.Account != "" {
		data["account"], data["account_verified"] = st.Account, st.AccountVerified
	}
	if st.FoundAt != "" {
		data["refresh_token_found_at"] = st.FoundAt
	}
	if st.RequestID != "" {
		data["last_success_request_id"] = st.RequestID
	}
	if !st.RefreshTokenExpiresAt.IsZero() {
		data["refresh_token_expires_at"] = st.RefreshTokenExpiresAt.UTC().Format(time.RFC3339)
	}
}

// describe adds the last failure. The end of a grant that somebody wanted is none.
// until is the end of the pause after it.
func (f *Fault) describe(until, now time.Time, data map[string]any) {
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
