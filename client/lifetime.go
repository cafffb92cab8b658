package client

import (
	"cmp"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// From these numbers on, a value is a Unix time and no lifetime: 10^9 seconds is 2001 as a time
// and 31 years as a lifetime, and 10^11 as seconds would be the year 5138, so it is milliseconds.
const (
	firstUnixSecond = 1e9
	firstUnixMilli  = 1e11
)

var (
	// commonLifetimes are where servers put an access token's end when they have no expires_in.
	commonLifetimes = []string{"/expires_at", "/expires_on", "/expires"}
	// commonRefreshLifetimes are where servers put a refresh token's lifetime, for which no RFC has a
	// name: GitHub, LinkedIn, eBay and others; Intuit; Keycloak and Isabel Connect.
	commonRefreshLifetimes = []string{
		"/refresh_token_expires_in", "/x_refresh_token_expires_in", "/refresh_expires_in",
	}
)

// end is when a token ends, as an answer states it.
type end struct {
	known bool
	left  time.Duration // in whole seconds, at most maxDuration; 0 when the end is past
}

// over tells that an end is stated and past.
func (e end) over() bool { return e.known && e.left == 0 }

// earlier is the earlier of two ends, as far as they are known.
func (e end) earlier(other end) end {
	if !e.known || other.known && other.left < e.left {
		return other
	}
	return e
}

// within is the end in so many seconds.
func within(seconds float64) end {
	if math.IsNaN(seconds) {
		return end{}
	}
	if seconds < 1 {
		return end{known: true}
	}
	return end{true, time.Duration(min(math.Floor(seconds), maxDuration.Seconds())) * time.Second}
}

// maxSkew is by how much the clocks of two hosts may differ, and an answer may take, without meaning that one
// of them is wrong.
const maxSkew = 30 * time.Second

// clock is what the server's clock says when this host's says start: that from the answer's Date header when
// the two differ by much. Ends that are stated as moments are of the server's clock.
func (a *answer) clock(start time.Time) time.Time {
	date, err := http.ParseTime(a.header.Get("Date"))
	if err != nil || date.Sub(start).Abs() <= maxSkew {
		return start
	}
	return date
}

// accessLifetime is the earlier of what the answer states and what the token, if it is a JWT, says itself. The
// claim is not verified, so without a statement it can only shorten what the definition assumes.
func accessLifetime(p *Provider, root any, token string, now time.Time) end {
	claimed := jwtLifetime(token, now)
	pointer := cmp.Or(p.ExpiresInPointer, defaultExpiresInPointer)
	stated := lifetime(lookup(root, pointer), now)
	for i := 0; !stated.known && pointer == defaultExpiresInPointer && i < len(commonLifetimes); i++ {
		stated = lifetime(lookup(root, commonLifetimes[i]), now)
	}
	if stated.known {
		return stated.earlier(claimed)
	}
	if assumed := time.Duration(p.AssumedTokenTTL); claimed.known && assumed > 0 {
		claimed.left = min(claimed.left, assumed)
	}
	return claimed
}

// refreshLifetime is the refresh token's lifetime, 0 when none is stated. Keycloak says 0 for
// tokens without an end, and has said negative numbers.
func refreshLifetime(p *Provider, root any, now time.Time) time.Duration {
	if p.RefreshTokenExpiresInPointer != "" {
		return lifetime(lookup(root, p.RefreshTokenExpiresInPointer), now).left
	}
	for _, pointer := range commonRefreshLifetimes {
		if stated := lifetime(lookup(root, pointer), now); stated.left > 0 {
			return stated.left
		}
	}
	return 0
}

// lifetime reads seconds, as servers write them: 3600, 3600.0, 3.6e3, "3600", " 3600.0 ". The
// fraction is dropped. A date is taken as the moment of expiry, and so is a number that
// can only be one. Zero, negative numbers and moments of the past are an end that is past. Everything else
// is "not stated": null, NaN, "1h". None of these means "forever", which is how a token comes to be used long
// after its end.
func lifetime(value any, now time.Time) end {
	text := strings.TrimSpace(scalar(value))
	if stated := dated(text, now); stated.known {
		return stated
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(seconds, 0) || strings.ContainsAny(text, "xX_iI") {
		return end{} // "0x10", "Inf" and "infinity" parse as floats too
	}
	if seconds = inSeconds(seconds); seconds >= firstUnixSecond {
		seconds -= float64(now.UnixMilli()) / 1000
	}
	return within(seconds)
}

// inSeconds undoes milliseconds.
func inSeconds(number float64) float64 {
	if number >= firstUnixMilli {
		return number / 1000
	}
	return number
}

// zoned and zoneless are the layouts of dates, RFC 3339 and what servers make of it.
var (
	zoned = []string{
		time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z0700",
		"2006-01-02 15:04:05 Z07:00", "2006-01-02 15:04:05 Z0700", "2006-01-02 15:04:05 UTC", "2006-01-02T15:04Z07:00",
	}
	zoneless = []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", time.DateOnly}
)

// dated reads a date. One without a zone is taken for UTC when it is ahead. When it is past it may be the local
// time of a server west of there, whose tokens would all look as if they had ended, so it says nothing.
func dated(text string, now time.Time) end {
	for _, layout := range zoned {
		if moment, err := time.Parse(layout, text); err == nil {
			return within(moment.Sub(now).Seconds())
		}
	}
	if moment, err := http.ParseTime(text); err == nil {
		return within(moment.Sub(now).Seconds())
	}
	for _, layout := range zoneless {
		if moment, err := time.Parse(layout, text); err == nil && moment.After(now) {
			return within(moment.Sub(now).Seconds())
		}
	}
	return end{}
}

// jwtLifetime is how long a JWT (RFC 7519) lives by its own claims; not known when the token is none or
// has no exp. exp minus iat bounds it on a host whose clock is behind; exp minus now holds where a
// server hands out a token that it issued earlier. The smaller one counts.
func jwtLifetime(token string, now time.Time) end {
	var claims struct {
		Exp, Iat json.Number
	}
	if json.Unmarshal(jwtPayload(token), &claims) != nil {
		return end{}
	}
	exp, err := claims.Exp.Float64()
	if err != nil || exp <= 0 {
		return end{} // 0 is how some say "never"
	}
	remaining := within(inSeconds(exp) - float64(now.UnixMilli())/1000)
	if iat, err := claims.Iat.Float64(); err == nil && iat > 0 {
		return remaining.earlier(within(inSeconds(exp) - inSeconds(iat)))
	}
	return remaining
}
