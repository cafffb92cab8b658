package grant

import (
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/provider"
	"vault-plugin-secrets-oauthrefresh/role"
)

// Since is when the first exchange was sent whose outcome is unknown, if this one's is.
func (i *Intent) Since() time.Time {
	if i.UnknownSince.IsZero() {
		return i.At
	}
	return i.UnknownSince
}

// after is the intent of an exchange whose outcome is unknown. One that was answered, with a refusal that may be of the
// certificate, has lost nothing, unless one before it has.
func (i *Intent) after(e *client.Error, lost bool) *Intent {
	next := new(*i)
	if next.Refused = !lost && e.MaybeCertificate && e.Status != 0; e.Own && !e.MaybeCertificate { // else it may be a gateway's
		next = next.answered()
	}
	return next
}

// lost tells whether an exchange may have had an answer that never came.
func lost(st *State) bool { return st.Intent != nil && !st.Intent.Refused }

// maxSlides is how often in a row a window begins with an exchange that was made in the one before. After these the
// tries are fewer: a provider that is in trouble for long is not asked without a pause.
const maxSlides = 2

// follow counts the graces after an exchange whose outcome is unknown.
func (i *Intent) follow(earlier *Intent, grace time.Duration) {
	switch {
	case FromFuture(earlier.window(), i.At): // nobody knows when that was
		i.Window = i.At
	case i.At.Before(earlier.window().Add(grace)):
		i.Window, i.Slides = earlier.window(), earlier.Slides
	case i.At.Before(earlier.At.Add(grace)):
		i.Window, i.Slides = earlier.At, min(earlier.Slides+1, maxSlides) // that may be what has spent the token
	default:
		i.Window = i.At
	}
	if i.At.Before(earlier.At.Add(grace)) {
		i.Repeats = Later(earlier.repeats(), i.At.Add(-grace))
	}
}

// window is when the first of the exchanges in a row was sent, each in the grace of the first, that may have spent the
// refresh token.
func (i *Intent) window() time.Time {
	if i.Window.IsZero() {
		return i.Since()
	}
	return i.Window
}

// repeats is when the first exchange was sent whose answer this one's may be, given again within a grace.
func (i *Intent) repeats() time.Time {
	switch {
	case !i.Repeats.IsZero():
		return i.Repeats
	case i.Window.IsZero():
		return i.Since()
	}
	return i.At
}

// named is when the first exchange was sent under this one's name.
func (i *Intent) named() time.Time {
	if i.NamedAt.IsZero() {
		return i.At
	}
	return i.NamedAt
}

// answered is the intent of an exchange to which the provider gave an answer of no use. The name is kept
// for one more, since the answer may have been cut off; a second one it would give for ever. What a
// gateway answers in its place does not count: the provider's answer is still to be had under that name.
func (i *Intent) answered() *Intent {
	next := new(*i)
	if i.Answered {
		next = next.unnamed()
	}
	next.Answered = true
	return next
}

// unnamed is the intent of an exchange whose answer can't be had under its key: the next one needs another.
func (i *Intent) unnamed() *Intent {
	next := new(*i)
	next.IdempotencyKey, next.NamedAt = "", time.Time{}
	return next
}

// forgives tells whether the provider takes the refresh token of an exchange whose outcome is unknown a
// second time, or has nothing left that a second use could end.
func (i *Intent) forgives(r *role.Role, p *client.Provider, now time.Time) bool {
	return p.RefreshTokenRotation == client.RotationNever || p.RefreshInvalidatesAccessToken ||
		i.keyed(r, p) || i.inGrace(p, now)
}

// inGrace tells whether a refresh token may still be taken again that the exchange may have spent.
func (i *Intent) inGrace(p *client.Provider, now time.Time) bool {
	return now.Sub(i.At) < time.Duration(p.ReuseGrace) && !FromFuture(i.At, now)
}

// keyed tells whether the answer can be had again under the key that was sent.
func (i *Intent) keyed(r *role.Role, p *client.Provider) bool {
	return p.IdempotencyHeader != "" && i.IdempotencyKey != "" && role.Describe(r, p).IsExchange(i.Exchange)
}

// within bounds an exchange so that one whose answer does not come leaves time for another in the grace of
// the first: half of what is left, each time. The last one that the grace allows may take its time, since a
// grace asks when the refresh token arrives and not when it is answered; so a provider that is slow and
// well is heard whatever its grace.
func (i *Intent) within(t *role.Target, now time.Time) client.Options {
	o := t.Options
	p := t.Provider
	left := i.window().Add(time.Duration(p.ReuseGrace)).Sub(now)
	if !t.Role.Spends() || p.RefreshTokenRotation == client.RotationNever || i.keyed(t.Role, p) || left < provider.Quickest*3/2 || left > time.Duration(p.ReuseGrace) {
		return o
	}
	if half := max(left/2, provider.Quickest); half < o.Timeout {
		o.Timeout, o.Bound = half, "half of what was left of reuse_grace"
	}
	return o
}

// Intent announces an exchange.
type Intent struct {
	AttemptID string    `json:"attempt_id"`
	At        time.Time `json:"at"`
	// IdempotencyKey names the exchange to the provider; "" when the next one needs a new name.
	IdempotencyKey string `json:"idempotency_key,omitempty"`
	// Answered: an exchange of that name has had an answer that was no use.
	Answered bool `json:"answered,omitempty"`
	// NamedAt is when the first exchange of that name was sent; zero when this is the first.
	NamedAt time.Time `json:"named_at,omitzero"`
	// Exchange is Description.ExchangeID: the key names that one and no other.
	Exchange string `json:"exchange"`
	// UnknownSince is when the first of the exchanges was sent whose outcome is unknown; zero as
	// long as this is the only one.
	UnknownSince time.Time `json:"unknown_since,omitzero"`
	// Window is when the first exchange was sent in whose grace this one was; zero for UnknownSince, see
	// window.
	Window time.Time `json:"window,omitzero"`
	// Slides counts the windows in a row before this one, see maxSlides.
	Slides int `json:"slides,omitempty"`
	// Repeats is the earliest time at which an exchange was sent whose answer the provider may give again to
	// this one, within its grace; zero for none.
	Repeats time.Time `json:"repeats,omitzero"`
	// Refused: this exchange and those before it were answered, with refusals that leave the outcome open.
	Refused bool `json:"refused,omitempty"`
}
