package client

import (
	"cmp"
	"encoding/json"
	"math"
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

// commonRefreshLifetimes are where servers put a refresh token's lifetime, for which no RFC has a
// name: GitHub, LinkedIn, eBay and others; Intuit; Keycloak and Isabel Connect.
var commonRefreshLifetimes = []string{
	"/refresh_token_expires_in", "/x_refresh_token_expires_in", "/refresh_expires_in",
}

// accessLifetime is the lifetime that the answer states, 0 when it states none. Only then, a
// token that is a JWT is asked for its own exp claim. The claim is not verified, so it can only
// shorten what the definition assumes.
func accessLifetime(p *Provider, root any, token string, start time.Time) time.Duration {
	pointer := cmp.Or(p.ExpiresInPointer, defaultExpiresInPointer)
	if stated := lifetime(lookup(root, pointer), start); stated > 0 {
		return stated
	}
	claimed := jwtLifetime(token, start)
	if assumed := time.Duration(p.AssumedTokenTTL); claimed > 0 && assumed > 0 {
		return min(claimed, assumed)
	}
	return claimed
}

// refreshLifetime is the refresh token's lifetime, 0 when none is stated. Keycloak says 0 for
// tokens without an end, and has said negative numbers.
func refreshLifetime(p *Provider, root any, start time.Time) time.Duration {
	if p.RefreshTokenExpiresInPointer != "" {
		return lifetime(lookup(root, p.RefreshTokenExpiresInPointer), start)
	}
	for _, pointer := range commonRefreshLifetimes {
		if stated := lifetime(lookup(root, pointer), start); stated > 0 {
			return stated
		}
	}
	return 0
}

// lifetime reads seconds, as servers write them: 3600, 3600.0, 3.6e3, "3600", " 3600.0 ". The
// fraction is dropped. An RFC 3339 time is taken as the moment of expiry, and so is a number that
// can only be one. Everything else is 0, "not stated": zero, negative numbers,
// null, NaN, "1h". None of these means "forever", which is how a token comes to be used long
// after its end.
func lifetime(value any, start time.Time) time.Duration {
	text := strings.TrimSpace(scalar(value))
	if moment, err := time.Parse(time.RFC3339, text); err == nil {
		return clamp(moment.Sub(start).Seconds())
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(seconds, 1) || strings.ContainsAny(text, "xX_iI") {
		return 0 // "0x10", "Inf" and "infinity" parse as floats too
	}
	if seconds >= firstUnixMilli {
		seconds /= 1000
	}
	if seconds >= firstUnixSecond {
		seconds -= float64(start.UnixMilli()) / 1000
	}
	return clamp(seconds)
}

// clamp turns seconds into a duration of whole seconds between 0 and maxDuration.
func clamp(seconds float64) time.Duration {
	if math.IsNaN(seconds) || seconds < 1 {
		return 0
	}
	return time.Duration(min(math.Floor(seconds), maxDuration.Seconds())) * time.Second
}

// jwtLifetime is how long a JWT (RFC 7519) lives by its own claims, 0 when the token is none or
// has no exp. exp minus iat holds on a host whose clock is wrong; exp minus now holds where a
// server hands out a token that it issued earlier. The smaller one that makes sense counts.
func jwtLifetime(token string, now time.Time) time.Duration {
	var claims struct {
		Exp, Iat json.Number
	}
	if json.Unmarshal(jwtPayload(token), &claims) != nil {
		return 0
	}
	exp, err := claims.Exp.Float64()
	if err != nil {
		return 0
	}
	remaining := clamp(exp - float64(now.UnixMilli())/1000)
	iat, err := claims.Iat.Float64()
	if err != nil {
		return remaining
	}
	whole := clamp(exp - iat)
	if remaining == 0 || whole == 0 {
		return max(remaining, whole)
	}
	return min(remaining, whole)
}
