package oauthrefresh

import (
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
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
func lost(tok *Token) bool { return tok.Intent != nil && !tok.Intent.Refused }

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
