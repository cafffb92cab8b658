package client

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
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

// unstated is no lifetime at all, 0 an end that is past.
const unstated = -1

func inWords(e end) time.Duration {
	if !e.known {
		return unstated
	}
	return e.left
}

// Servers write lifetimes as numbers, numeric strings, floats and with exponents. What is none of
// these is "not stated" and never "forever"; what is not above zero is past.
func TestExpiresIn(t *testing.T) {
	for value, want := range map[string]time.Duration{
		`3600`: time.Hour, `"3600"`: time.Hour, `3600.0`: time.Hour, `"3600.0"`: time.Hour, `3.6e3`: time.Hour,
		`" 3600 "`: time.Hour, `3599.99`: 3599 * time.Second, `"3.6E3"`: time.Hour, `1`: time.Second,
		`31535999`: 31535999 * time.Second,
		`0`:        0, `-1`: 0, `"0"`: 0, `0.5`: 0, `-103`: 0, `-1e400`: 0,
		`""`: unstated, `null`: unstated, `"NaN"`: unstated, `"Inf"`: unstated, `"-Infinity"`: unstated, `"infinity"`: unstated,
		`"1h"`: unstated, `"soon"`: unstated, `true`: unstated, `{}`: unstated, `[3600]`: unstated,
		`"0x10"`: unstated, `"1_000"`: unstated, `"3600 seconds"`: unstated,
		`1e400`: maxDuration, `9223372036854775807`: maxDuration, `1772370000`: time.Hour, `1772366399`: 0, `99999999999999999999999`: maxDuration,
		`"2026-03-01T13:00:00Z"`: time.Hour, `"2026-03-01T14:00:00.5+01:00"`: time.Hour, `"2026-03-01T11:00:00Z"`: 0, `"2026-03-01"`: unstated, `"2026-03-02"`: 12 * time.Hour, `"2026-03-01T13:00Z"`: time.Hour,
		`"2026-03-01 13:00:00"`: time.Hour, `"2026-03-01T13:00:00"`: time.Hour, `"2026-03-01T13:00:00+0000"`: time.Hour, `"2026-03-01 15:00:00 +02:00"`: time.Hour,
		`"2026-03-01 13:00:00 UTC"`: time.Hour, `"Sun, 01 Mar 2026 13:00:00 GMT"`: time.Hour, `"Sun, 01 Mar 2026 11:00:00 GMT"`: 0,
		`"2026-03-01T11:00:00+0000"`: 0, `"2026-03-01 11:00:00"`: unstated, // that may be the time of a place where it is 11 o'clock
	} {
		root := decoded(t, `{"expires_in":`+value+`}`)
		if got := inWords(accessLifetime(&Provider{}, root, "opaque", fixed)); got != want {
			t.Errorf("%s: %v, want %v", value, got, want)
		}
	}
	if got := inWords(accessLifetime(&Provider{}, decoded(t, `{}`), "opaque", fixed)); got != unstated {
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
		if got := accessLifetime(p, root, "opaque", fixed); got.left != want || !got.known {
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
// shortens the assumed or stated lifetime and never lengthens it.
func TestLifetimeInTheToken(t *testing.T) {
	now := fixed.Unix()
	for name, c := range map[string]struct {
		token   string
		assumed time.Duration
		want    time.Duration // where nothing is stated
		besides time.Duration // beside 90 seconds that are stated
	}{
		"exp and iat":             {jwt(map[string]any{"iat": now, "exp": now + 600}), 0, 10 * time.Minute, 90 * time.Second},
		"exp only":                {jwt(map[string]any{"exp": now + 600}), 0, 10 * time.Minute, 90 * time.Second},
		"exp before what is said": {jwt(map[string]any{"iat": now, "exp": now + 60}), 0, time.Minute, time.Minute},
		"issued a while ago":      {jwt(map[string]any{"iat": now - 500, "exp": now + 100}), 0, 100 * time.Second, 90 * time.Second},
		"over":                    {jwt(map[string]any{"iat": now - 3660, "exp": now - 60}), 0, 0, 0},
		"our clock is behind":     {jwt(map[string]any{"iat": now + 7200, "exp": now + 10800}), 0, time.Hour, 90 * time.Second},
		"shorter than assumed":    {jwt(map[string]any{"iat": now, "exp": now + 600}), time.Hour, 10 * time.Minute, 90 * time.Second},
		"longer than assumed":     {jwt(map[string]any{"iat": now, "exp": now + 7200}), time.Hour, time.Hour, 90 * time.Second},
		"fraction":                {jwt(map[string]any{"iat": float64(now), "exp": float64(now) + 600.7}), 0, 10 * time.Minute, 90 * time.Second},
		"milliseconds":            {jwt(map[string]any{"iat": now * 1000, "exp": (now + 600) * 1000}), 0, 10 * time.Minute, 90 * time.Second},
		"exp before iat":          {jwt(map[string]any{"iat": now + 100, "exp": now + 50}), time.Hour, 0, 0},
		"exp before iat, past":    {jwt(map[string]any{"iat": now, "exp": now - 1}), time.Hour, 0, 0},
		"no exp":                  {jwt(map[string]any{"iat": now}), time.Hour, unstated, 90 * time.Second},
		"exp is 0":                {jwt(map[string]any{"exp": 0}), time.Hour, unstated, 90 * time.Second},
		"exp is text":             {jwt(map[string]any{"exp": "tomorrow"}), time.Hour, unstated, 90 * time.Second},
		"not base64":              {"a.$$$.b", time.Hour, unstated, 90 * time.Second},
		"not JSON":                {"a.YQ.b", time.Hour, unstated, 90 * time.Second},
		"opaque":                  {"opaque", time.Hour, unstated, 90 * time.Second},
		"five parts (encrypted)":  {"a.b.c.d.e", time.Hour, unstated, 90 * time.Second},
	} {
		p := &Provider{AssumedTokenTTL: Duration(c.assumed)}
		if got := inWords(accessLifetime(p, decoded(t, `{}`), c.token, fixed)); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		if got := inWords(accessLifetime(p, decoded(t, `{"expires_in":90}`), c.token, fixed)); got != c.besides {
			t.Errorf("%s: %v where 90s are stated, want %v", name, got, c.besides)
		}
	}
}

func unix(moment time.Time) string { return strconv.FormatInt(moment.Unix(), 10) }

// began is when the tests began, so that a JWT is the same whenever it is made.
var began = time.Now()

// lasting is a JWT that was issued and ends so long from now.
func lasting(issued, ends time.Duration) string {
	return jwt(map[string]any{"iat": began.Add(issued).Unix(), "exp": began.Add(ends).Unix()})
}

// A moment in an answer is of the server's clock. On a host whose clock is wrong, a good token would look as if it
// had ended, or be used for as long again.
func TestMomentsAreOfTheServersClock(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	for _, off := range []time.Duration{-26 * time.Hour, -2 * time.Hour, 0, 2 * time.Hour, 26 * time.Hour} {
		server := now.Add(off)
		for name, body := range map[string]string{
			"a JWT":             `{"access_token":"` + jwt(map[string]any{"iat": server.Unix(), "exp": server.Add(time.Hour).Unix()}) + `"}`,
			"a JWT without iat": `{"access_token":"` + jwt(map[string]any{"exp": server.Add(time.Hour).Unix()}) + `"}`,
			"expires_at":        `{"access_token":"a1","expires_at":` + unix(server.Add(time.Hour)) + `}`,
			"expires_in":        `{"access_token":"a1","expires_in":3600}`,
		} {
			token := mustExchange(t, &Provider{}, clienttest.JSON(200, body).With("Date", server.UTC().Format(http.TimeFormat)))
			if missing := time.Hour - token.Lifetime; missing < 0 || missing > 10*time.Second || token.Ended {
				t.Errorf("%s at a server that is off by %s: %s, ended %t", name, off, token.Lifetime, token.Ended)
			}
		}
		ended := jwt(map[string]any{"iat": server.Add(-time.Hour).Unix(), "exp": server.Add(-time.Minute).Unix()})
		token := mustExchange(t, &Provider{}, clienttest.JSON(200, `{"access_token":"`+ended+`"}`).With("Date", server.UTC().Format(http.TimeFormat)))
		if !token.Ended || token.Lifetime != 0 {
			t.Errorf("a token that has ended, at a server that is off by %s: %s", off, token.Lifetime)
		}
	}
}

// Some seconds between two clocks are nothing.
func TestASmallDifferenceOfClocksIsIgnored(t *testing.T) {
	for off, want := range map[time.Duration]time.Time{
		-29 * time.Second: fixed, 29 * time.Second: fixed, -31 * time.Second: fixed.Add(-31 * time.Second), 31 * time.Second: fixed.Add(31 * time.Second),
	} {
		a := &answer{header: http.Header{"Date": {fixed.Add(off).Format(http.TimeFormat)}}}
		if got := a.clock(fixed); !got.Equal(want) {
			t.Errorf("%s: %s", off, got)
		}
	}
	for _, header := range []http.Header{{}, {"Date": {"yesterday"}}} {
		if got := (&answer{header: header}).clock(fixed); !got.Equal(fixed) {
			t.Errorf("%v: %s", header, got)
		}
	}
}
