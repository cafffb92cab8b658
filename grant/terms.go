package grant

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
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

// Demand is what a caller wants of a token.
type Demand struct {
	MinTTL  time.Duration // the least that must be left of it
	Force   bool          // a new one whatever is left of the old, unless somebody else has
	Replace int64         // replaced this generation already
	Always  bool          // or even then: with the role as it is now
	Again   bool          // even if the grant was refused: somebody has lifted what caused that

	perLease   bool        // a token that nobody else has
	end        *Revocation // what would end that token; filled in by the refresh that gets it
	Background bool        // nobody asks: the guard against callers does not count

	seen *Grant // what the caller has looked up, nil for nothing
}

// By is the demand of who has looked the grant up, and watches it since (Keeper.Watch): it is looked up again if something
// was written meanwhile only.
func (d Demand) By(g *Grant) Demand {
	d.seen = g
	return d
}

// unasked tells that nobody has asked for a refresh by force: who does takes what comes of it.
func (d Demand) unasked() bool { return !d.Force || d.Background }

// Terms are what one role's tokens are judged by and handed out on.
type Terms struct {
	Settings    string        // Role.SettingsID
	asked       string        // Description.SettingsID, "" when the role has no provider that it follows
	Window      time.Duration // as configured, 0 for the default
	Invalidates bool          // a refresh kills the token before it
	Lease       bool          // role.Lease
	Longest     time.Duration // role.TTL, 0 for no bound
	fingerprint string        // of the role's client certificate, "" for none
	next        string        // of the one to come
	nextID      string        // nextCredentials.ID
	mutual      bool          // the API wants to see that certificate too
	retry       time.Time     // when a refresh that has failed may be made again; zero when nothing has, or none will be
}

// newTerms takes the provider as it is now, nil when it has been deleted: a token that lives is
// served without it.
func newTerms(r *role.Role, p *client.Provider) Terms {
	t := Terms{Settings: r.SettingsID(), Window: r.RefreshWindow, Lease: r.Lease, Longest: r.TTL, fingerprint: r.Fingerprint()}
	if r.Next.Has(role.PartCertificate) {
		t.next, t.nextID = client.Fingerprint(r.Next.CertificateChain), r.Next.ID
	}
	if p != nil {
		if r.Follows(p) {
			t.asked = role.Describe(r, p).SettingsID()
		}
		t.Invalidates, t.mutual = p.RefreshInvalidatesAccessToken, p.APIRequiresCertificate
		if t.Window == 0 {
			t.Window = time.Duration(p.RefreshWindow)
		}
	}
	return t
}

// WindowOf is the remaining life under which a token is due. A third by default, because Vault
// Agent comes back at 85 to 95 % of a lease and the Secrets Operator at 67 to 77 %; never more than
// half, since a token must be worth its refresh.
func (t Terms) WindowOf(lifetime time.Duration) time.Duration {
	window := t.Window
	if window == 0 {
		window = max(lifetime/3, minWindow)
	}
	return min(window, lifetime/2)
}

// margin is how long before its token a lease ends.
func margin(lifetime time.Duration) time.Duration { return min(maxMargin, lifetime/20) }

// usable is how long the token may still be used, 0 when it is none of this role's. One that was got in the
// future was got by a clock that was wrong, or is: when it ends nobody knows.
func (t Terms) usable(st *State, now time.Time) time.Duration {
	if !st.AccessToken.IsSet() || !t.isOf(st) || FromFuture(st.ObtainedAt, now) {
		return 0
	}
	return max(0, min(st.ExpiresAt.Sub(now), st.Lifetime())-margin(st.Lifetime()))
}

// serves tells whether the token at hand is handed out when there is no new one to be had: what is left of it, and,
// while there may be one soon, its margin too, a few seconds at a time. Some providers refuse a refresh until there is
// no more of a token than that.
func (t Terms) serves(st *State, d Demand, now time.Time) bool {
	usable := t.usable(st, now)
	switch {
	case d.perLease:
		return false
	case usable >= max(d.MinTTL, role.MinLease):
		return true
	}
	return d.MinTTL <= role.MinLease && t.intoMargin(st, now)
}

// intoMargin tells whether a lease may reach into the margin of a token, since nothing else is left of it.
func (t Terms) intoMargin(st *State, now time.Time) bool {
	return st.AccessToken.IsSet() && t.isOf(st) && !FromFuture(st.ObtainedAt, now) && st.Fault != nil && !st.Fault.Reauthorize &&
		min(st.ExpiresAt.Sub(now), st.Lifetime()) >= 2*role.MinLease
}

// meanwhile is how long a lease of the token at hand is while there is no new one to be had. Where a refresh kills it,
// that ends with the next try, but no lease is shorter than a few seconds.
func (t Terms) meanwhile(st *State, now time.Time) time.Duration {
	left := t.usable(st, now)
	if t.Invalidates && !t.retry.IsZero() {
		left = min(left, max(t.retry.Sub(now), role.MinLease))
	}
	if left < role.MinLease && t.intoMargin(st, now) {
		return role.MinLease
	}
	return left
}

// isOf tells whether a token was got with what the role and its provider say now. What the provider said when
// v0.1.0 got one is not known, and of a provider that was deleted nothing is.
func (t Terms) isOf(st *State) bool {
	return st.Settings == t.Settings && (t.asked == "" || st.Asked == "" || st.Asked == t.asked)
}

// promised is how long a reader may count on the token. Where a refresh kills it, that ends when
// the window opens.
func (t Terms) promised(st *State, now time.Time) time.Duration {
	usable := t.usable(st, now)
	window := t.WindowOf(st.Lifetime())
	if t.Invalidates && st.Lifetime()-window >= 2*role.MinLease {
		return max(0, min(usable, st.ExpiresAt.Sub(now)-window))
	}
	return usable
}

// Wait is how long a reader must wait where a refresh kills the token: what is left of the promise is
// too short for a lease, and a refresh now would break the leases that others were given.
func (t Terms) Wait(st *State, now time.Time) time.Duration {
	if promised := t.promised(st, now); promised < role.MinLease && t.usable(st, now) >= role.MinLease {
		return promised
	}
	return 0
}

// Due tells whether the demand takes a refresh. The error is a refusal: no refresh could, or may,
// give what is asked for.
func (t Terms) Due(st *State, d Demand, now time.Time) (bool, error) {
	if d.Force {
		return d.Always || st.Generation == d.Replace, nil
	}
	if d.perLease && st.AccessToken.IsSet() && st.Settings == t.Settings {
		if err := t.reachable(st, d); err != nil { // by the one before: a token that is got for nothing is nobody's
			return false, err
		}
	}
	if d.perLease || t.usable(st, now) < role.MinLease || st.ExpiresAt.Sub(now) <= t.WindowOf(st.Lifetime()) {
		return true, nil
	}
	// The token is good by itself, so its lifetime is known and tells what a new one could give.
	if err := t.reachable(st, d); err != nil {
		return false, err
	}
	if t.promised(st, now) >= d.MinTTL {
		return false, nil
	}
	if t.Invalidates {
		left := t.promised(st, now).Truncate(time.Second)
		return false, mount.Refusal(fmt.Sprintf("the token of this role is good for %s, less than min_ttl, and is not refreshed early, "+
			"because with this provider that ends the token that other readers hold: ask for less, try again after that time, or force it with refresh/<role>",
			client.Duration(left)))
	}
	return true, nil
}

// early tells whether it is for a min_ttl only that the token is due: it would do for whoever asks for nothing.
func (t Terms) early(st *State, d Demand, now time.Time) bool {
	due, err := t.Due(st, Demand{}, now)
	return d.MinTTL > 0 && !d.perLease && err == nil && !due
}

// tooEarly is said of a min_ttl that takes a new token too often, with one that never does: what a token has at
// least that is not due by itself, or that a new one has for as long as the guard wants between two.
func (t Terms) tooEarly(st *State) error {
	lifetime := st.Lifetime()
	most := min(max(t.WindowOf(lifetime), lifetime-earlyEvery)-margin(lifetime), lifetime*9/10)
	return logical.CodedError(http.StatusTooManyRequests, fmt.Sprintf(
		"min_ttl has had this role refreshed too often before its token was due: ask for less of a token's life, at most %s, or try again in half a minute",
		client.Duration(most.Truncate(time.Second))))
}

// reachable refuses a min_ttl that a fresh token does not have or has for a moment only: each read
// would then refresh.
func (t Terms) reachable(st *State, d Demand) error {
	longest := st.Lifetime() * 9 / 10
	if t.Invalidates {
		longest = min(longest, st.Lifetime()-t.WindowOf(st.Lifetime()))
	}
	if d.MinTTL <= longest {
		return nil
	}
	return mount.Refusal(fmt.Sprintf("min_ttl is longer than a reader may count on a token of this role: ask for at most %s", client.Duration(longest.Truncate(time.Second))))
}

// ShowCertificate adds to an answer of creds/<name> which client certificate has to be presented along with
// the token, and returns what to warn of. What a token is bound to goes before what the role has now: it is
// what the API will compare.
func (t Terms) ShowCertificate(st *State, data map[string]any) (warnings []string) {
	bound := st.CertificateThumbprint
	if bound == "" && !t.mutual {
		return nil
	}
	own := t.fingerprint
	if st.Next != nil && st.Next.ID == t.nextID && slices.Contains(st.Next.Parts, role.PartCertificate) {
		own = t.next // in use, though the role does not say so yet: see promote
	}
	data["client_certificate_required"] = true
	if fingerprint := cmp.Or(bound, own); fingerprint != "" {
		data["client_certificate_fingerprint"] = fingerprint
	}
	switch {
	case bound == "" || bound == own:
		return nil
	case own == "":
		return []string{"this token is bound to a client certificate, and the role has none to present: an API that checks will refuse it"}
	}
	return []string{"this token is bound to another client certificate than the role has now, so an API that checks will refuse it with the role's: " +
		"if the role's certificate was replaced, a refresh brings a token that is bound to the new one"}
}

// maxPatience is how long a reader waits for a new token while the one at hand would do. Most
// refreshes take a fraction of it; those that take longer have a provider in trouble.
const maxPatience = 2 * time.Second

// patience bounds a reader's wait where the token at hand is good enough, and outlives the refresh.
func (t Terms) patience(ctx context.Context, st *State, want Demand) (context.Context, context.CancelFunc) {
	if want.perLease || t.Invalidates || t.usable(st, clock.Now()) < max(want.MinTTL, role.MinLease)+maxPatience {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, maxPatience)
}
