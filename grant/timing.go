package grant

import (
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/role"
)

// Timing is when a refresh token may, should and must be presented. There are many ends that count: the
// grace's, the key's, the refresh token's own, the access token's, what the provider asked for, the
// back-off. Each is right by itself, and a grant is lost where one of them forgets another. So they meet
// here and nowhere else: reads, background work, explain and status ask this.
type Timing struct {
	// May is the end of the pause after a failure, whoever asks; zero for no pause.
	May time.Time
	// Rest is the same for background work.
	Rest time.Time
	// Settle is when an exchange whose outcome is unknown is made again while the token at hand is good;
	// zero for at once, or when nothing is unknown.
	Settle time.Time
	// Must is the moment from which waiting can only lose: shortly before the refresh token ends by
	// itself; zero when it has no end that is known, or that is over.
	Must time.Time
	// corrected: the last failure was of a role or a provider that was written since.
	corrected bool
	second    secondUse
	// Ends are what these go by.
	Ends Ends
}

// secondUse says, after an exchange whose outcome is unknown, what is known of another one with the same refresh token;
// "" where nothing is unknown.
type secondUse string

const (
	secondMayEnd   secondUse = "; whether the provider has spent the refresh token is unknown, and if it has, a second use may end the grant"
	secondHarmless secondUse = "; the refresh token is still good, since this provider never replaces it"
	secondKeyed    secondUse = "; whether the provider has spent the refresh token is unknown, but its answer can be had again under the same idempotency key"
	secondInGrace  secondUse = "; whether the provider has spent the refresh token is unknown, but within its reuse_grace it takes it once more"
	secondEnds     secondUse = "; whether the provider has spent the refresh token is unknown; if it has, the token at hand has ended with it, so another try loses nothing"
	secondNoLoss   secondUse = "; whether the provider has spent the refresh token is unknown, and with no token at hand another try is all that there is"
)

// secondUseOf is what is known of another use of the refresh token at hand.
func secondUseOf(r *role.Role, p *client.Provider, st *State, now time.Time) secondUse {
	i := st.Intent
	switch {
	case i == nil || !r.Spends():
		return ""
	case p.RefreshTokenRotation == client.RotationNever:
		return secondHarmless
	case i.keyed(r, p):
		return secondKeyed
	case i.inGrace(p, now):
		return secondInGrace
	case !st.AccessToken.IsSet() || !st.ExpiresAt.After(now):
		return secondNoLoss
	case p.RefreshInvalidatesAccessToken:
		return secondEnds
	}
	return secondMayEnd
}

// tolerance is how far a stored time may lie ahead of the clock: what clocks of two nodes differ by. A time
// further ahead is of a clock that was wrong then or is wrong now, and did not happen when it says.
const tolerance = time.Minute

// FromFuture tells whether a stored time did not happen when it says, by a clock that shows now.
func FromFuture(t, now time.Time) bool { return t.Sub(now) > tolerance }

// keyLife is how long an answer can be had again under its idempotency key. The shortest that a provider
// documents is half an hour, most keep it for a day.
const keyLife = 30 * time.Minute

// Ends are the moments after which a presentation comes too late.
type Ends struct {
	grace  time.Time     // of the reuse grace, or of the key, of the first exchange whose outcome is unknown; zero for none
	last   time.Time     // of the reuse grace of the last such exchange, which may be what has spent the token
	reuse  time.Duration // how long a reuse grace is
	seldom bool          // many tries have been in vain
	life   time.Time     // of the refresh token by itself: the earlier of its stated and its idle end; zero when unknown, or over
	Used   time.Time     // when the refresh token came, or was last used: its life is counted from then
	// Stated is the end that the provider has named; zero for none, or for one that is over and was wrong.
	Stated time.Time
}

// timingOf puts together what is known of a grant at one moment. The provider must be there.
func timingOf(r *role.Role, p *client.Provider, st *State, now time.Time) Timing {
	e := endsOf(r, p, st, now)
	t := Timing{Ends: e, Must: e.lastCall(), second: secondUseOf(r, p, st, now)}
	if f := st.Fault; f != nil && (f.corrected || f.Of != "" && f.Of != role.Describe(r, p).DefinitionID()) {
		t.corrected = true // whoever corrects something wants to see at once whether it helps
	} else {
		t.May = f.pause(e, st, now)
		if t.Rest = t.May; !t.May.IsZero() && !f.Rest.IsZero() {
			t.Rest = Later(t.May, e.pace(f.At, f.Rest, false, st))
		}
	}
	if st.Intent == nil || !r.Spends() || st.Intent.forgives(r, p, now) || FromFuture(st.ObtainedAt, now) {
		return t
	}
	// Nothing forgives a second use: it may end the grant, and the tokens that readers hold with it. Once
	// these have ended there is nothing to lose, and once the refresh token is about to there is nothing
	// to gain by waiting.
	if t.Settle = st.ExpiresAt; !t.Must.IsZero() {
		t.Settle = Earlier(t.Settle, t.Must)
	}
	return t
}

func endsOf(r *role.Role, p *client.Provider, st *State, now time.Time) (e Ends) {
	if !r.Spends() {
		return e
	}
	if i := st.Intent; i != nil && p.RefreshTokenRotation != client.RotationNever { // which is in no hurry
		if grace := time.Duration(p.ReuseGrace); grace > 0 && !FromFuture(i.At, now) {
			e.reuse, e.last, e.seldom = grace, i.At.Add(grace), i.Slides == maxSlides
			if !e.seldom {
				e.grace = i.window().Add(grace)
			}
		}
		if i.keyed(r, p) && !FromFuture(i.named(), now) {
			e.grace = Later(e.grace, i.named().Add(keyLife))
		}
	}
	e.Used = st.used(r)
	if st.RefreshTokenExpiresAt.After(now) {
		e.Stated = st.RefreshTokenExpiresAt
	}
	e.life = e.Stated
	if !e.Used.IsZero() && !FromFuture(e.Used, now) {
		switch idle := time.Duration(p.RefreshTokenIdleTTL); {
		case idle > 0:
			e.life = earliest(e.life, e.Used.Add(idle))
		case r.KeepalivePeriod > 0: // the operator knows of some end: twice as long must not be risked
			e.life = earliest(e.life, e.Used.Add(2*r.KeepalivePeriod))
		}
	}
	if !e.life.After(now) {
		e.life = time.Time{}
	}
	return e
}

// lastCall leaves a tenth of the refresh token's life for tries that fail.
func (e Ends) lastCall() time.Time {
	if e.life.IsZero() || !e.life.After(e.Used) {
		return e.life
	}
	return e.life.Add(-e.life.Sub(e.Used) / 10)
}

// longestPause bounds what a stored failure can hold off, whatever it says; shortestPause keeps the tries
// before an end apart.
const (
	longestPause  = time.Hour
	shortestPause = time.Second
	// seldom keeps the tries within a grace apart when many have been in vain.
	seldom = 25 * time.Second
)

// pace shortens a pause that began at a time, so that it outlasts nothing that counts. Two thirds of what is
// left of a grace, or of the refresh token's life, leave time for another try, and after that one for another.
// The back-off that is our own ends with the token at hand too, when its margin begins, when no lease can be made
// of that either (see terms.serves), and at its end: its readers have nothing else then. What the provider has asked
// for does not.
func (e Ends) pace(at, until time.Time, asked bool, st *State) time.Time {
	until = Earlier(until, at.Add(longestPause))
	until = Earlier(until, e.tryWithin(at, until))
	if left := e.life.Sub(at); left > 2*shortestPause {
		until = Earlier(until, at.Add(left*2/3))
	}
	if lifetime := st.Lifetime(); !asked && st.AccessToken.IsSet() && lifetime-margin(lifetime) >= role.MinLease {
		for _, end := range []time.Time{st.ExpiresAt.Add(-margin(lifetime)), st.ExpiresAt.Add(-2 * role.MinLease), st.ExpiresAt} {
			if end.After(at) {
				until = Earlier(until, end)
			}
		}
	}
	return Later(until, at.Add(shortestPause))
}

// tryWithin shortens a pause for a try within a grace: a few in that of the first exchange that may have spent the
// token, and one in the last one's, so that none is without another after it. When it is too late, the pause has its
// own length.
func (e Ends) tryWithin(at, until time.Time) time.Time {
	switch left := e.grace.Sub(at); {
	case left > max(2*shortestPause, e.reuse/6): // less than what two exchanges leave that hang, see within
		until = Earlier(until, at.Add(left*2/3))
	case left > 0:
		until = Earlier(until, e.grace) // for what was sent between the first and the last
	}
	next := at.Add(e.last.Sub(at) * 2 / 3)
	if e.seldom {
		sent := e.last.Add(-e.reuse)
		next = Later(sent.Add(e.reuse*9/20), sent.Add(seldom)) // leaves time for two
	}
	if next.Before(e.last.Add(-shortestPause / 2)) {
		until = Earlier(until, next)
	}
	return until
}

// Hurry shortens a rest that has nothing to do with the provider, as while storage takes no writes: a grace does
// not wait for that.
func (t Timing) Hurry(now time.Time, rest time.Duration) time.Duration {
	left := Later(t.Ends.grace, t.Ends.last).Sub(now)
	if left <= 0 {
		return rest
	}
	return max(shortestPause, min(rest, left/3))
}

// pause is when the next exchange may be made after this failure; zero when it holds nothing off.
func (f *Fault) pause(e Ends, st *State, now time.Time) time.Time {
	if f == nil || f.Until.IsZero() || FromFuture(f.At, now) {
		return time.Time{}
	}
	return e.pace(f.At, f.Until, f.Asked, st)
}

// used is when the refresh token at hand came, or was last presented with success: an idle one ages from
// then on.
func (st *State) used(r *role.Role) time.Time {
	switch {
	case !st.RefreshedAt.IsZero():
		return st.RefreshedAt
	case !st.ObtainedAt.IsZero():
		return Later(st.ObtainedAt, r.GrantedAt)
	}
	return r.GrantedAt
}

// Later is the later of two times.
func Later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Earlier is the earlier of two times.
func Earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// earliest is earlier for times of which the zero one means never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() {
		return b
	}
	if b.IsZero() {
		return a
	}
	return Earlier(a, b)
}
