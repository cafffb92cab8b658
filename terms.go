package oauthrefresh

import (
	"fmt"
	"net/http"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
)

const (
	// assumedLifetime is for providers that state no lifetime and have none assumed. An hour is
	// what most tokens live for (RFC 6749 itself uses it as its example).
	assumedLifetime = time.Hour
	// minWindow is the floor of the default window: a reader that comes back at 85 to 95 % of a
	// short lease must still find the window open.
	minWindow = time.Minute
	// maxMargin is how long before its token a lease ends at most, for clocks that differ and for
	// requests under way.
	maxMargin = 30 * time.Second
)

// demand is what a caller wants of a token.
type demand struct {
	minTTL  time.Duration // the least that must be left of it
	force   bool          // a new one whatever is left of the old, unless somebody else has
	replace int64         // replaced this generation already
	always  bool          // or even then: with the role as it is now
	again   bool          // even if the grant was refused: somebody has lifted what caused that

	own        bool        // a token that nobody else has
	end        *revocation // what would end that token; filled in by the refresh that gets it
	background bool        // nobody asks: the guard against callers does not count

	seen *look // what the caller has looked up, nil for nothing
}

// unasked tells that nobody has asked for a refresh by force: who does takes what comes of it.
func (d demand) unasked() bool { return !d.force || d.background }

// terms are what one role's tokens are judged by and handed out on.
type terms struct {
	settings    string        // role.settings
	asked       string        // description.settings, "" when the role has no provider that it follows
	window      time.Duration // as configured, 0 for the default
	invalidates bool          // a refresh kills the token before it
	lease       bool          // role.Lease
	longest     time.Duration // role.TTL, 0 for no bound
	fingerprint string        // of the role's client certificate, "" for none
	next        string        // of the one to come
	nextID      string        // nextCredentials.ID
	mutual      bool          // the API wants to see that certificate too
	retry       time.Time     // when a refresh that has failed may be made again; zero when nothing has, or none will be
}

// newTerms takes the provider as it is now, nil when it has been deleted: a token that lives is
// served without it.
func newTerms(r *role, p *client.Provider) terms {
	t := terms{settings: r.settings(), window: r.RefreshWindow, lease: r.Lease, longest: r.TTL, fingerprint: r.fingerprint()}
	if r.Next.has(partCertificate) {
		t.next, t.nextID = client.Fingerprint(r.Next.CertificateChain), r.Next.ID
	}
	if p != nil {
		if r.follows(p) {
			t.asked = describe(r, p).settings()
		}
		t.invalidates, t.mutual = p.RefreshInvalidatesAccessToken, p.APIRequiresCertificate
		if t.window == 0 {
			t.window = time.Duration(p.RefreshWindow)
		}
	}
	return t
}

// windowOf is the remaining life under which a token is due. A third by default, because Vault
// Agent comes back at 85 to 95 % of a lease and the Secrets Operator at 67 to 77 %; never more than
// half, since a token must be worth its refresh.
func (t terms) windowOf(lifetime time.Duration) time.Duration {
	window := t.window
	if window == 0 {
		window = max(lifetime/3, minWindow)
	}
	return min(window, lifetime/2)
}

// margin is how long before its token a lease ends.
func margin(lifetime time.Duration) time.Duration { return min(maxMargin, lifetime/20) }

// usable is how long the token may still be used, 0 when it is none of this role's. One that was got in the
// future was got by a clock that was wrong, or is: when it ends nobody knows.
func (t terms) usable(tok *token, now time.Time) time.Duration {
	if !tok.AccessToken.IsSet() || !t.isOf(tok) || fromFuture(tok.ObtainedAt, now) {
		return 0
	}
	return max(0, min(tok.ExpiresAt.Sub(now), tok.lifetime())-margin(tok.lifetime()))
}

// serves tells whether the token at hand is handed out when there is no new one to be had: what is left of it, and,
// while there may be one soon, its margin too, a few seconds at a time. Some providers refuse a refresh until there is
// no more of a token than that.
func (t terms) serves(tok *token, d demand, now time.Time) bool {
	usable := t.usable(tok, now)
	switch {
	case d.own:
		return false
	case usable >= max(d.minTTL, minLease):
		return true
	}
	return d.minTTL <= minLease && t.intoMargin(tok, now)
}

// intoMargin tells whether a lease may reach into the margin of a token, since nothing else is left of it.
func (t terms) intoMargin(tok *token, now time.Time) bool {
	return tok.AccessToken.IsSet() && t.isOf(tok) && !fromFuture(tok.ObtainedAt, now) && tok.Fault != nil && !tok.Fault.Reauthorize &&
		min(tok.ExpiresAt.Sub(now), tok.lifetime()) >= 2*minLease
}

// meanwhile is how long a lease of the token at hand is while there is no new one to be had. Where a refresh kills it,
// that ends with the next try, but no lease is shorter than a few seconds.
func (t terms) meanwhile(tok *token, now time.Time) time.Duration {
	left := t.usable(tok, now)
	if t.invalidates && !t.retry.IsZero() {
		left = min(left, max(t.retry.Sub(now), minLease))
	}
	if left < minLease && t.intoMargin(tok, now) {
		return minLease
	}
	return left
}

// isOf tells whether a token was got with what the role and its provider say now. What the provider said when
// v0.1.0 got one is not known, and of a provider that was deleted nothing is.
func (t terms) isOf(tok *token) bool {
	return tok.Settings == t.settings && (t.asked == "" || tok.Asked == "" || tok.Asked == t.asked)
}

// promised is how long a reader may count on the token. Where a refresh kills it, that ends when
// the window opens.
func (t terms) promised(tok *token, now time.Time) time.Duration {
	usable := t.usable(tok, now)
	window := t.windowOf(tok.lifetime())
	if t.invalidates && tok.lifetime()-window >= 2*minLease {
		return max(0, min(usable, tok.ExpiresAt.Sub(now)-window))
	}
	return usable
}

// gap is how long a reader must wait where a refresh kills the token: what is left of the promise is
// too short for a lease, and a refresh now would break the leases that others were given.
func (t terms) gap(tok *token, now time.Time) time.Duration {
	if promised := t.promised(tok, now); promised < minLease && t.usable(tok, now) >= minLease {
		return promised
	}
	return 0
}

// due tells whether the demand takes a refresh. The error is a refusal: no refresh could, or may,
// give what is asked for.
func (t terms) due(tok *token, d demand, now time.Time) (bool, error) {
	if d.force {
		return d.always || tok.Generation == d.replace, nil
	}
	if d.own && tok.AccessToken.IsSet() && tok.Settings == t.settings {
		if err := t.reachable(tok, d); err != nil { // by the one before: a token that is got for nothing is nobody's
			return false, err
		}
	}
	if d.own || t.usable(tok, now) < minLease || tok.ExpiresAt.Sub(now) <= t.windowOf(tok.lifetime()) {
		return true, nil
	}
	// The token is good by itself, so its lifetime is known and tells what a new one could give.
	if err := t.reachable(tok, d); err != nil {
		return false, err
	}
	if t.promised(tok, now) >= d.minTTL {
		return false, nil
	}
	if t.invalidates {
		left := t.promised(tok, now).Truncate(time.Second)
		return false, refusal(fmt.Sprintf("the token of this role is good for %s, less than min_ttl, and is not refreshed early, "+
			"because with this provider that ends the token that other readers hold: ask for less, try again after that time, or force it with refresh/<role>",
			client.Duration(left)))
	}
	return true, nil
}

// early tells whether it is for a min_ttl only that the token is due: it would do for whoever asks for nothing.
func (t terms) early(tok *token, d demand, now time.Time) bool {
	due, err := t.due(tok, demand{}, now)
	return d.minTTL > 0 && !d.own && err == nil && !due
}

// tooEarly is said of a min_ttl that takes a new token too often, with one that never does: what a token has at
// least that is not due by itself, or that a new one has for as long as the guard wants between two.
func (t terms) tooEarly(tok *token) error {
	lifetime := tok.lifetime()
	most := min(max(t.windowOf(lifetime), lifetime-earlyEvery)-margin(lifetime), lifetime*9/10)
	return logical.CodedError(http.StatusTooManyRequests, fmt.Sprintf(
		"min_ttl has had this role refreshed too often before its token was due: ask for less of a token's life, at most %s, or try again in half a minute",
		client.Duration(most.Truncate(time.Second))))
}

// reachable refuses a min_ttl that a fresh token does not have or has for a moment only: each read
// would then refresh.
func (t terms) reachable(tok *token, d demand) error {
	longest := tok.lifetime() * 9 / 10
	if t.invalidates {
		longest = min(longest, tok.lifetime()-t.windowOf(tok.lifetime()))
	}
	if d.minTTL <= longest {
		return nil
	}
	return refusal(fmt.Sprintf("min_ttl is longer than a reader may count on a token of this role: ask for at most %s", client.Duration(longest.Truncate(time.Second))))
}
