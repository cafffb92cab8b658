package oauth

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Order changes how a provider behaves while it runs. Every field is optional.
//
// Several roles may share a provider, and their background work comes when it likes. So a fault, a lifetime or a
// revocation can be for one grant, named by any refresh token that it ever had; a fault or a release can be for
// one client, which is a registration's client_id. Either can be for one endpoint alone: a person's browser asks too, and
// would take what is meant for the token request that follows.
type Order struct {
	RefreshToken string `json:"refresh_token"`
	Endpoint     string `json:"endpoint"` // faults for requests to this one alone: token, authorize, par, ...

	// How tokens are treated from now on. Lifetimes in seconds; what was issued keeps its own.
	ExpiresIn        *int64 `json:"expires_in"`
	RefreshExpiresIn *int64 `json:"refresh_expires_in"` // 0: never
	Rotation         *bool  `json:"rotation"`
	ReuseGrace       *int64 `json:"reuse_grace"` // how long a spent refresh token still works

	// Faults for the next requests.
	Fail        *int   `json:"fail"` // how many to refuse unprocessed
	Status      int    `json:"status"`
	Body        string `json:"body"`
	ContentType string `json:"content_type"`
	RetryAfter  int    `json:"retry_after"` // seconds
	DelayMS     *int   `json:"delay_ms"`
	DelayCount  int    `json:"delay_count"`
	Drop        *int   `json:"drop"`
	Hang        *int   `json:"hang"`
	Hold        *int   `json:"hold"`
	Release     bool   `json:"release"`

	// ClockOffset is by how many seconds the provider's clock is ahead when it judges assertions.
	ClockOffset *int64 `json:"clock_offset"`

	Registration

	User           string `json:"user"`            // somebody who can log in from now on
	DeviceInterval *int64 `json:"device_interval"` // seconds between polls, of device authorizations from now on

	// Revoke ends things behind the client's back: "access_tokens" or "grants".
	Revoke string `json:"revoke"`
}

// Check says what is wrong with the order, "" for nothing.
func (in *Order) Check() string {
	for _, n := range []*int64{in.RefreshExpiresIn, in.ReuseGrace} {
		if n != nil && *n < 0 {
			return "a lifetime can't be negative"
		}
	}
	for _, n := range []*int{in.Fail, in.DelayMS, in.Drop, in.Hang, in.Hold} {
		if n != nil && *n < 0 {
			return "a count or delay can't be negative"
		}
	}
	endpoints := []string{"", EndpointToken, EndpointRevoke, EndpointIntrospect, EndpointMetadata, EndpointAuthorize, EndpointPushed, EndpointDevice, EndpointVerify, EndpointKeys}
	switch {
	case !slices.Contains(endpoints, in.Endpoint):
		return "endpoint is none of " + strings.Join(endpoints[1:], ", ")
	case in.DeviceInterval != nil && *in.DeviceInterval <= 0:
		return "device_interval must be positive"
	case in.ClientID != "" && in.RefreshToken != "":
		return "client_id and refresh_token: whose is it?"
	case in.ClientID != "" && (in.lives() || in.Revoke != ""), in.ClientID+in.RefreshToken != "" && in.ClockOffset != nil:
		return "this goes for a whole provider, or (but the clock) for the grant of a refresh_token"
	case in.ExpiresIn != nil && *in.ExpiresIn <= 0:
		return "expires_in must be positive"
	case in.Status != 0 && (in.Status < 200 || in.Status > 599):
		return "status must be between 200 and 599"
	case in.Revoke != "" && in.Revoke != "access_tokens" && in.Revoke != "grants":
		return "revoke is access_tokens or grants"
	}
	return in.Registration.check()
}

// lives tells whether the order is about how long tokens are good.
func (in *Order) lives() bool {
	return in.ExpiresIn != nil || in.RefreshExpiresIn != nil || in.Rotation != nil || in.ReuseGrace != nil
}

// Obey does what is ordered; false means that it is about an application or a grant that the provider does not have.
func (l *Ledger) Obey(in *Order) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.grantOf(in.RefreshToken)
	if in.RefreshToken != "" && g == nil || !in.Registration.apply(l) {
		return false
	}
	in.treat(l, g)
	in.ordain(l.faultsOf(owner{g, in.ClientID, in.Endpoint}))
	if in.User != "" && l.user(in.User) == nil {
		l.users = append(l.users, newUser(in.User))
	}
	if in.Release && g == nil && in.ClientID == "" && in.Endpoint == "" {
		for _, f := range l.owned {
			f.release()
		}
	}
	return true
}

// treat changes how tokens live: of one grant, or with nil of all that have no policy of their own.
func (in *Order) treat(l *Ledger, g *grant) {
	setSeconds(&l.policy.clockOffset, in.ClockOffset)
	setSeconds(&l.policy.deviceInterval, in.DeviceInterval)
	policy, grants := &l.policy, l.grants
	if g != nil {
		own := l.policyOf(g)
		policy, grants = &own, []*grant{g}
		if in.lives() {
			g.policy = &own
		}
	}
	setSeconds(&policy.AccessTTL, in.ExpiresIn)
	setSeconds(&policy.RefreshTTL, in.RefreshExpiresIn)
	setSeconds(&policy.reuseGrace, in.ReuseGrace)
	if in.Rotation != nil {
		policy.Rotate = *in.Rotation
	}
	for _, g := range grants {
		switch in.Revoke {
		case "access_tokens":
			g.killAccess("revoked by an administrator")
		case "grants":
			g.revoke("revoked by an administrator")
		}
	}
}

// ordain takes faults down for the next requests of their owner.
func (in *Order) ordain(f *faults) {
	if in.Fail != nil {
		f.fail, f.status, f.body, f.contentType, f.retryAfter = *in.Fail, in.Status, in.Body, in.ContentType, in.RetryAfter
		if f.status == 0 {
			f.status = http.StatusServiceUnavailable
		}
		if f.contentType == "" {
			f.contentType = "application/json"
		}
	}
	if in.DelayMS != nil {
		f.delay, f.delays = time.Duration(*in.DelayMS)*time.Millisecond, max(in.DelayCount, 1)
	}
	setCount(&f.drops, in.Drop)
	setCount(&f.hangs, in.Hang)
	setCount(&f.holds, in.Hold)
	if in.Release {
		f.release()
	}
}

func setSeconds(d *time.Duration, n *int64) {
	if n != nil {
		*d = time.Duration(*n) * time.Second
	}
}

func setCount(to *int, n *int) {
	if n != nil {
		*to = *n
	}
}
