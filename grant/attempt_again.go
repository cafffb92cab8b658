package grant

import (
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/role"
)

// mayResend tells whether an exchange that brought no answer at all may be repeated at once, one
// time: where the provider takes the same refresh token twice, and where there is none.
func (a *Attempt) mayResend(e *client.Error, i *Intent) bool {
	if a.resent || e.MaybeCertificate && e.Status != 0 || e.Class != client.OutcomeUnknown || e.RefreshToken.IsSet() || len(e.Candidates) > 0 || a.K.Work.Ending() {
		return false
	}
	if a.inGrace() {
		return !e.Own // a gateway's answer is none, and the grace may be over before the next reader comes
	}
	return e.Status == 0 && a.harmless(i)
}

// harmless tells whether the provider takes the same request twice, or there is nothing that it could spend.
func (a *Attempt) harmless(i *Intent) bool {
	r, p := a.Target.Role, a.Target.Provider
	return !r.Spends() || i.keyed(r, p) || p.RefreshTokenRotation == client.RotationNever
}

// inGrace tells whether the provider still takes what was just sent, if it was this exchange that has spent it. If
// an earlier one has, and its grace is over, the grant has ended with this one already. The stopwatch is
// asked: a wall clock that was put right while the provider was asked says nothing of how long ago it was.
func (a *Attempt) inGrace() bool {
	return a.Target.Role.Spends() && a.sent.Elapsed() < time.Duration(a.Target.Provider.ReuseGrace)
}

// maySignAnew tells whether what was refused is an assertion that the server has seen before: the request
// was repeated as it was, since its key names its bytes, and a server that remembers assertions (jti, RFC
// 7523 section 3) refuses that. It says nothing of the client's credentials.
func (a *Attempt) maySignAnew(e *client.Error) bool {
	_, ofClient := a.Target.RefusedPart(e)
	return a.repeat && !a.anew && (ofClient || e.Own && e.Code == "invalid_request") && a.request.Signed() && !a.K.Work.Ending()
}

// refusesKey tells whether a provider refuses the key of a request that was sent again, and not what it asks
// for: providers that compare the requests of a key answer 422 or 400. Kept, such a key would be
// refused for ever.
func (a *Attempt) refusesKey(e *client.Error, i *Intent) bool {
	_, ofClient := a.Target.RefusedPart(e)
	return !i.NamedAt.IsZero() && i.IdempotencyKey != "" && !ofClient && refusesRequest(e)
}

// refusesRequest tells a 4xx about the request from one about its time (408, 409, 429) or from somebody else.
func refusesRequest(e *client.Error) bool {
	switch e.Status {
	case 422:
		return true
	case 408, 409, 429:
		return false
	}
	return e.Own && e.Status >= 400 && e.Status < 500
}

// mayRenew tells whether the token that an attempt has brought is to be replaced at once: the provider
// has repeated an answer that it first gave before, so long ago that its token has ended. The refresh
// token of that answer is good, and stored; where it is one of several, nobody knows which.
func (a *Attempt) mayRenew(st *State) bool {
	_, unsure := st.pointed(a.Target.Provider)
	return a.older && unsure == nil && clock.Until(st.ExpiresAt) < role.MinLease && a.K.Held.Get(a.Key) == nil && !a.K.Work.Ending()
}

// maySwap tells whether to try other credentials, and picks them: each that there are, once. Only a refusal
// of the client says that these were wrong and, by its nature, that nothing else was looked at: after any
// other error a second exchange would be a second use of the refresh token. Servers that spend it before
// they look at the client exist all the same; see fault.ClientFirst.
//
// Two kinds of refusal leave a doubt, which stays with the attempt: words that are said of a used refresh token too,
// and an answer that may be about the certificate.
func (a *Attempt) maySwap(e *client.Error, i *Intent) bool {
	if a.K.Work.Ending() || !a.choices.After(a.Target, e, a.harmless(i) || a.inGrace()) {
		return false
	}
	a.repeat = false
	if a.doubted == nil && (e.Ambiguous || e.MaybeCertificate) {
		a.doubted = e
	}
	return true
}

// unsettles tells whether an exchange that is followed by one with other credentials may have spent the refresh
// token all the same.
func (a *Attempt) unsettles(e *client.Error) bool {
	return a.Target.Role.Spends() && e.Class == client.OutcomeUnknown
}

// alike is the error of an attempt whose last exchange was refused as the one before, which left a doubt: the doubt is
// what people should hear of, and that other credentials did not help. An outcome that is unknown stays so.
func (a *Attempt) alike(e *client.Error) *client.Error {
	if a.doubted == nil {
		return e
	}
	first := new(*a.doubted)
	switch {
	case first.Ambiguous && e.Unauthenticated:
		first.Reason += "; the credentials that wait in this role were tried and are refused too, so it may well be the refresh token"
	case first.MaybeCertificate && (e.Certificate || e.MaybeCertificate && (e.Status != 0 || e.Class == client.NotProcessed)):
		first.Reason += "; the certificate that waits in this role was tried and is refused too"
	default:
		return e
	}
	if e.Class == client.OutcomeUnknown && first.Class != e.Class {
		last := new(*e)
		last.Reason += "; the certificate in use was tried before and is refused too"
		return last
	}
	return first
}
