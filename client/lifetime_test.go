package client

import (
	"encoding/base64"
	"encoding/json"
	"testing"
	"time"
)

// fixed is the moment at which the tests' requests were sent.
var fixed = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func decoded(t *testing.T, text string) any {
	t.Helper()
	doc := parseDocument([]byte(text), false)
	if !doc.whole {
		t.Fatalf("%s is no JSON", text)
	}
	return doc.root
}

// Servers write lifetimes as numbers, numeric strings, floats and with exponents. What is none of
// these, or not above zero, is "not stated" and never "forever".
func TestExpiresIn(t *testing.T) {
	for value, want := range map[string]time.Duration{
		`3600`: time.Hour, `"3600"`: time.Hour, `3600.0`: time.Hour, `"3600.0"`: time.Hour, `3.6e3`: time.Hour,
		`" 3600 "`: time.Hour, `3599.99`: 3599 * time.Second, `"3.6E3"`: time.Hour, `1`: time.Second,
		`31535999`: 31535999 * time.Second,
		`0`:        0, `-1`: 0, `"0"`: 0, `""`: 0, `null`: 0, `"NaN"`: 0, `"Inf"`: 0, `"-Infinity"`: 0, `"infinity"`: 0, `"1h"`: 0, `"soon"`: 0, `true`: 0,
		`{}`: 0, `[3600]`: 0, `0.5`: 0, `"0x10"`: 0, `"1_000"`: 0, `-1e400`: 0, `"3600 seconds"`: 0,
		`1e400`: maxDuration, `9223372036854775807`: maxDuration, `1772370000`: time.Hour, `1772366399`: 0, `99999999999999999999999`: maxDuration,
		`"2026-03-01T13:00:00Z"`: time.Hour, `"2026-03-01T14:00:00.5+01:00"`: time.Hour, `"2026-03-01T11:00:00Z"`: 0, `"2026-03-01"`: 0,
	} {
		root := decoded(t, `{"expires_in":`+value+`}`)
		if got := accessLifetime(&Provider{}, root, "opaque", fixed); got != want {
			t.Errorf("%s: %v, want %v", value, got, want)
		}
	}
	if got := accessLifetime(&Provider{}, decoded(t, `{}`), "opaque", fixed); got != 0 {
		t.Errorf("missing: %v", got)
	}
}

// A number too large for a lifetime is a moment: Strava's expires_at, in seconds, others' in
// milliseconds. At /expires_in servers write it by mistake; read as a lifetime it would never end.
func TestExpiresAt(t *testing.T) {
	for value, want := range map[string]time.Duration{
		`1772370000`: time.Hour, `"1772370000"`: time.Hour, `1772370000000`: time.Hour, `1772362800`: 0, `600`: 10 * time.Minute,
		`"2026-03-01T13:00:00Z"`: time.Hour,
	} {
		p := &Provider{ExpiresInPointer: "/expires_at", RefreshTokenExpiresInPointer: "/expires_at"}
		root := decoded(t, `{"expires_at":`+value+`}`)
		if got := accessLifetime(p, root, "opaque", fixed); got != want {
			t.Errorf("%s: %v, want %v", value, got, want)
		}
		if got := refreshLifetime(p, root, fixed); got != want {
			t.Errorf("%s, of the refresh token: %v, want %v", value, got, want)
		}
	}
}

func TestRefreshTokenLifetimeNames(t *testing.T) {
	for body, want := range map[string]time.Duration{
		`{"refresh_token_expires_in":60}`: time.Minute, `{"x_refresh_token_expires_in":"60"}`: time.Minute,
		`{"refresh_expires_in":60.9}`: time.Minute, `{"refresh_expires_in":0}`: 0, `{"refresh_expires_in":-300}`: 0, `{}`: 0,
		`{"refresh_token_expires_in":0,"refresh_expires_in":60}`: time.Minute,
	} {
		if got := refreshLifetime(&Provider{}, decoded(t, body), fixed); got != want {
			t.Errorf("%s: %v, want %v", body, got, want)
		}
	}
	p := &Provider{RefreshTokenExpiresInPointer: "/mine"}
	if got := refreshLifetime(p, decoded(t, `{"refresh_expires_in":60}`), fixed); got != 0 {
		t.Errorf("a configured place is not there: %v, and the common names count", got)
	}
}

func jwt(claims map[string]any) string {
	payload, _ := json.Marshal(claims)
	return "eyJhbGciOiJub25lIn0." + base64.RawURLEncoding.EncodeToString(payload) + ".c2ln"
}

// Some servers state the lifetime only inside the token (Jobber). The claim is unverified, so it
// shortens the assumed lifetime and never lengthens it, and a stated one wins.
func TestLifetimeInTheToken(t *testing.T) {
	now := fixed.Unix()
	for name, c := range map[string]struct {
		token   string
		assumed time.Duration
		want    time.Duration
	}{
		"exp and iat":            {jwt(map[string]any{"iat": now, "exp": now + 600}), 0, 10 * time.Minute},
		"exp only":               {jwt(map[string]any{"exp": now + 600}), 0, 10 * time.Minute},
		"issued a while ago":     {jwt(map[string]any{"iat": now - 500, "exp": now + 100}), 0, 100 * time.Second},
		"our clock is ahead":     {jwt(map[string]any{"iat": now - 7200, "exp": now - 3600}), 0, time.Hour},
		"our clock is behind":    {jwt(map[string]any{"iat": now + 7200, "exp": now + 10800}), 0, time.Hour},
		"shorter than assumed":   {jwt(map[string]any{"iat": now, "exp": now + 600}), time.Hour, 10 * time.Minute},
		"longer than assumed":    {jwt(map[string]any{"iat": now, "exp": now + 7200}), time.Hour, time.Hour},
		"fraction":               {jwt(map[string]any{"iat": float64(now), "exp": float64(now) + 600.7}), 0, 10 * time.Minute},
		"no exp":                 {jwt(map[string]any{"iat": now}), time.Hour, 0},
		"exp is text":            {jwt(map[string]any{"exp": "tomorrow"}), time.Hour, 0},
		"exp before iat, past":   {jwt(map[string]any{"iat": now, "exp": now - 1}), time.Hour, 0},
		"not base64":             {"a.$$$.b", time.Hour, 0},
		"not JSON":               {"a.YQ.b", time.Hour, 0},
		"opaque":                 {"opaque", time.Hour, 0},
		"five parts (encrypted)": {"a.b.c.d.e", time.Hour, 0},
	} {
		p := &Provider{AssumedTokenTTL: Duration(c.assumed)}
		if got := accessLifetime(p, decoded(t, `{}`), c.token, fixed); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		if got := accessLifetime(p, decoded(t, `{"expires_in":90}`), c.token, fixed); got != 90*time.Second {
			t.Errorf("%s: %v although 90s are stated", name, got)
		}
	}
}
