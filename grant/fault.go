package grant

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

// Fault is a failed exchange, as it is remembered. It holds nothing that the provider wrote except
// a known error code and a sanitised request id.
type Fault struct {
	Class     client.Class `json:"class"`
	Code      string       `json:"code,omitempty"`
	Reason    string       `json:"reason"`
	Status    int          `json:"status,omitempty"`
	RequestID string       `json:"request_id,omitempty"`
	At        time.Time    `json:"at"`
	Until     time.Time    `json:"until,omitzero"` // no exchange before this, see Ends.pace
	// Asked: the provider has asked for that pause, which is then no back-off of ours.
	Asked bool `json:"asked,omitempty"`
	// Rest is when background work makes another exchange, where that is later than the provider has asked for: one
	// that says "in a second" for days is believed by readers, who wait for it.
	Rest     time.Time `json:"rest,omitzero"`
	Failures int       `json:"failures"` // in a row, with this version
	Version  string    `json:"version"`  // Target.VersionID that failed
	// Of is Description.DefinitionID: the version without the mount's configuration.
	Of string `json:"of,omitempty"`
	// Presented: the exchange presented a refresh token, and people want to know what became of it.
	Presented bool `json:"presented,omitempty"`
	// Reauthorize: the grant is dead; only a new refresh token helps.
	Reauthorize bool `json:"reauthorize,omitempty"`
	// Verdict is Description.VerdictID of the exchange that was refused: another one may be tried.
	Verdict string `json:"verdict,omitempty"`
	// AnswerLost: the grant died after an exchange whose answer never came.
	AnswerLost bool `json:"answer_lost,omitempty"`
	// ClientFirst: the provider had refused the client, and refused the grant when it was asked with other
	// credentials.
	ClientFirst bool `json:"client_first,omitempty"`
	// Gap: the grant died after a time of which storage knows nothing.
	Gap *gap `json:"gap,omitempty"`
	// Unsettled: the outcome of an exchange before this one is still unknown, and with it the grant's
	// state, whatever this failure says of itself.
	Unsettled bool `json:"unsettled,omitempty"`
	// Lost: what is unknown of an exchange before this one is so because no answer came.
	Lost bool `json:"lost,omitempty"`
	// Revoked: the grant was ended here, with revoke/<name>.
	Revoked bool `json:"revoked,omitempty"`
	// Settle is timing.settle as it was when this failed: a reader who has a token waits for that.
	Settle time.Time `json:"settle,omitzero"`
	// SilentSince is when the provider began to refuse without a word of what: the refresh token or the
	// client; zero when the last refusal said.
	SilentSince time.Time `json:"silent_since,omitzero"`
	// Other: another refresh token is kept, beside the one that was refused.
	Other bool `json:"other,omitempty"`
	// Entry is what permanent_errors would have to hold if this answer means that the grant is dead.
	Entry string `json:"entry,omitempty"`

	// Ambiguous: the provider's word for a wrong client is one that some have for a used refresh token too.
	Ambiguous bool `json:"ambiguous,omitempty"`

	// Ending: the provider gives the token at hand out until it ends, and another one from Until on.
	Ending bool `json:"ending,omitempty"`

	corrected bool      // it is of what was configured before, see overtaken
	second    secondUse // what is known of another use of the refresh token, see asOf
}

// backoff starts low, since most trouble of providers is over in seconds, and doubles up to what
// readers of a token can wait. A refused client waits longer: nothing changes before somebody
// changes it, and who does is not held back (see forbids).
const (
	faultDelay, maxFaultDelay     = 5 * time.Second, 5 * time.Minute
	refusalDelay, MaxRefusalDelay = 30 * time.Second, 15 * time.Minute
)

// believed is how many failures in a row background work takes the provider's word for when to come back.
const believed = 5

// ends is how long a reader waits for the end of a token that no lease can be made of any more, 0 for not at all.
func (f *Fault) ends(now time.Time) time.Duration {
	if f == nil || !f.Ending {
		return 0
	}
	if left := f.Until.Sub(now); left <= 2*role.MinLease {
		return max(0, left)
	}
	return 0
}

// newFault remembers a failure after another one, or after none.
func newFault(e *client.Error, before *Fault, version string, now time.Time) *Fault {
	f := &Fault{
		Class: e.Class, Code: e.Code, Reason: e.Reason, Status: e.Status, RequestID: e.RequestID,
		At: now, Version: version, Failures: 1,
	}
	if before != nil && before.Version == version {
		f.Failures = before.Failures + 1
	}
	if f.Asked = e.RetryAfter > 0; f.Asked {
		f.Until = now.Add(e.RetryAfter) // the server knows better than a back-off
		if rest := now.Add(backoff(f.Class, f.Failures)); f.Failures > believed && rest.After(f.Until) {
			f.Rest = rest
		}
	} else {
		f.Until = now.Add(backoff(f.Class, f.Failures))
	}
	if e.Silent {
		if f.SilentSince = now; before != nil && !before.SilentSince.IsZero() {
			f.SilentSince = Earlier(now, before.SilentSince)
		}
	}
	f.Entry, f.Ambiguous = e.Entry, e.Ambiguous
	return f
}

// backoff spreads by a fifth either way, so that the roles of one provider don't come back in step.
func backoff(class client.Class, failures int) time.Duration {
	delay, longest := faultDelay, maxFaultDelay
	if class == client.ClientRefused || class == client.GrantRefused {
		delay, longest = refusalDelay, MaxRefusalDelay
	}
	delay = min(delay<<min(failures-1, 10), longest)
	return delay*4/5 + rand.N(delay*2/5)
}

// Forbids tells whether no exchange may be made now. However many readers there are, one is made for each
// interval. A failure of another version forbids nothing. A grant that is dead stays so for what was
// refused, and one that somebody has ended stays so for good.
func (f *Fault) Forbids(t *role.Target, st *State, now time.Time) bool {
	if f == nil || f.overtaken(t, st) {
		return false
	}
	return st.Dead(t.Role) || now.Before(timingOf(t.Role, t.Description.Provider, st, now).May)
}

// overtaken tells whether the failure is of another role, provider or configuration than there is now, or the refusal
// of a grant of another exchange: then it forbids nothing.
func (f *Fault) overtaken(t *role.Target, st *State) bool {
	if st.Dead(t.Role) {
		return !f.Revoked && f.Verdict != st.verdict(t) && (len(st.Candidates) > 0 || !t.Description.IsVerdict(f.Verdict))
	}
	return f.Version != t.VersionID()
}

// asOf is the failure as it counts now: what was stored with it may have been overtaken by an edit or by the clock.
func (f *Fault) asOf(when Timing) *Fault {
	if f == nil || f.Reauthorize {
		return f
	}
	now := *f
	now.Until, now.Settle, now.corrected, now.second = when.May, when.Settle, when.corrected || f.corrected, when.second
	return &now
}

// mayPass tells whether a dead grant may be alive once more without another refresh token: providers
// call it invalid_grant too when an address, an hour or a policy is what they refuse.
func (f *Fault) mayPass(dead bool) bool { return dead && !f.Revoked }

// silentFor is how long a provider may refuse without a word before the grant counts as gone: a client whose
// proof is wrong is noticed and corrected within days.
const silentFor = 48 * time.Hour

// probablyGone tells whether what a provider refuses without a word is most likely the refresh token: an
// answer was lost before, with the next one in it, or nothing has changed for days.
func (f *Fault) probablyGone(now time.Time) bool {
	return f != nil && f.Presented && !f.SilentSince.IsZero() && (f.Lost || now.Sub(f.SilentSince) >= silentFor)
}

// sentence says what happened, what became of the grant and what to do, for errors, warnings and
// status alike.
func (f *Fault) sentence(now time.Time, key Key) string {
	renew, key := key.renew(), Key(key.Path())
	switch {
	case f.Revoked:
		return fmt.Sprintf("the grant was ended with revoke/%s: %s", key, renew)
	case f.Reauthorize && f.corrected:
		return f.what() + "; what it was refused with has changed since then: the next refresh presents the refresh token once more"
	case f.AnswerLost:
		return fmt.Sprintf("%s, after the answer to an earlier refresh was lost, and with it probably the next refresh token: %s", f.what(), renew)
	case f.ClientFirst:
		return fmt.Sprintf("%s, after it had refused the client's credentials in use: with the next or previous ones, which were tried then, "+
			"it knows the client, but has probably spent the refresh token before it looked at the first: %s", f.what(), renew)
	case f.Reauthorize && f.Other:
		return fmt.Sprintf("%s, which was found elsewhere than refresh_token_pointer looks; the one before it is kept: refresh/%s with retry=true presents the refused one once more, "+
			"and if it is refused again, the next retry=true the other; else %s", f.what(), key, renew)
	case f.Reauthorize && f.Gap != nil:
		return fmt.Sprintf("%s. %s: %s", f.what(), f.Gap.sentence(), renew)
	case f.Reauthorize:
		return fmt.Sprintf("%s: %s; until then no request is made, unless refresh/%s with retry=true asks for one, once what made the provider refuse is lifted",
			f.what(), renew, key)
	}
	if f.probablyGone(now) {
		return fmt.Sprintf("%s; the grant is probably gone, %s: %s; the next attempt is due %s", f.what(), f.whyGone(), renew, f.next(now))
	}
	if f.corrected && !f.Settle.After(now) {
		return f.what() + f.spent() + "; what is configured has changed since then: the next read tries it"
	}
	next := fmt.Sprintf("the next attempt is due %s", f.next(now))
	if f.Settle.After(Later(f.Until, now)) {
		said := *f
		said.second, f = "", &said // in these words
		next = fmt.Sprintf("since a second use of the refresh token may end the grant, the next attempt is due in %s, when the token at hand has ended",
			client.Duration(f.Settle.Sub(now).Round(time.Second)))
	}
	if f.Class == client.ClientRefused && !f.corrected {
		next = fmt.Sprintf("correct roles/%s, its provider or config, and read again; as it is, %s", key.Role(), next)
	}
	if f.Entry != "" && f.SilentSince.IsZero() {
		next += fmt.Sprintf("; if such an answer means that the grant is dead, status/%s has the entry for permanent_errors", key.Path())
	}
	return f.what() + f.spent() + "; " + next
}

// spent says what became of the refresh token, if one was presented.
func (f *Fault) spent() string {
	switch {
	case !f.Presented:
		return ""
	case f.Unsettled || f.Class == client.OutcomeUnknown:
		return cmp.Or(string(f.second), "; whether the provider has spent the refresh token is unknown")
	case !f.SilentSince.IsZero() || f.Entry != "" || f.Ambiguous:
		return "; whether it is the refresh token that was refused is unknown"
	}
	return "; the refresh token is unspent"
}

func (f *Fault) whyGone() string {
	if f.Lost {
		return "since the answer to an earlier refresh was lost, and with it probably the next refresh token"
	}
	return "since every refresh has been refused like that from " + f.SilentSince.UTC().Format(time.RFC3339) + " on"
}

func (f *Fault) what() string {
	text := f.Reason
	if f.Code != "" {
		text += " (" + f.Code + ")"
	}
	if f.RequestID != "" {
		text += ", the provider's request id is " + f.RequestID
	}
	return text
}

func (f *Fault) next(now time.Time) string {
	if wait := f.Until.Sub(now).Round(time.Second); wait > 0 {
		return "in " + cmp.Or(client.Duration(wait).String(), "a moment")
	}
	return "with the next read"
}

var (
	// ErrBusy: the caller's time ran out while another request worked on the same role. That
	// request goes on, and what it brings is there for the next read.
	ErrBusy = logical.CodedError(http.StatusServiceUnavailable, "another request is at work on this role; try again")
	// errEnding: step-down, seal, reload or disable. Nothing may be spent that can't be stored.
	errEnding = logical.CodedError(http.StatusServiceUnavailable, "the mount is shutting down; try again")
	// ErrIntent: the write that comes before every exchange failed, so nothing was sent.
	ErrIntent = logical.CodedError(http.StatusServiceUnavailable,
		"Vault's storage does not take writes, so no refresh was started; nothing is lost, try again")
	// ErrHeld: the answer of the last exchange is in memory only, see heldStates.
	ErrHeld = logical.CodedError(http.StatusServiceUnavailable,
		"the last refresh is not stored yet, because Vault's storage does not take writes; it is kept in memory and no other refresh starts until it is stored")
	errTooOften = logical.CodedError(http.StatusTooManyRequests,
		"this role has been refreshed by force too often; its token is current: read creds/<role>, and if the provider's API refuses that token, look for the reason there (audience, scope, account) before trying again in a minute")
)

// Error is what a caller hears of a failure that is remembered.
func (f *Fault) Error(now time.Time, key Key) error {
	text := f.sentence(now, key)
	switch {
	case f.Reauthorize, f.Class == client.ClientRefused:
		return mount.Refusal(text)
	case f.Class == client.OutcomeUnknown:
		return logical.CodedError(http.StatusBadGateway, text)
	}
	return logical.CodedError(http.StatusServiceUnavailable, text)
}
