package client

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// maxRetryAfter bounds how long a provider can make a grant wait: some send days in maintenance
// windows that end earlier. minRetryAfter is what "at once" counts as.
const minRetryAfter, maxRetryAfter = time.Second, time.Hour

// requestIDHeaders are where providers put the id that their support asks for: Ibanity, Intuit,
// Slack, Microsoft, GitHub, Salesforce, AWS, and the common ones. Special names go first, since a
// proxy on the way may add a common one.
var requestIDHeaders = []string{
	"ibanity-request-id", "intuit_tid", "x-slack-req-id", "x-ms-request-id", "x-github-request-id",
	"x-sfdc-request-id", "x-amzn-requestid", "x-request-id", "request-id", "x-correlation-id", "correlation-id",
}

// minKey is the shortest text that could be an API key; shorter ones are part of many an id.
const minKey = 8

// cleanID is what an id may be, so that it can go into a log or a terminal.
var cleanID = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,128}$`)

// requestID returns the provider's id for the exchange, "" when there is none that is fit to be
// shown. One that holds a secret is not: headers have been seen to echo what was sent.
//
// Parameters and headers of the request may be API keys, which some gateways give back.
func (r *Request) requestID(header http.Header, secrets ...string) string {
	secrets = append(secrets, r.secrets()...)
	for _, values := range []map[string]string{r.Params, r.Headers} {
		for _, value := range values {
			if len(value) >= minKey {
				secrets = append(secrets, value)
			}
		}
	}

	for _, name := range requestIDHeaders {
		id := strings.TrimSpace(header.Get(name))
		if cleanID.MatchString(id) && !containsAny(id, secrets) {
			return id
		}
	}
	return ""
}

// retryAfter reads Retry-After (RFC 9110 section 10.2.3), a number of seconds or a date, which is by the clock of whoever
// wrote the answer's own Date. It returns 0 when there is none, or a date that is past, and never less than a second. Of several, which a proxy on the way may have joined to one, the longest counts.
func retryAfter(header http.Header) time.Duration {
	longest, asked := longestWait(header)
	if !asked {
		return 0
	}
	return max(longest, minRetryAfter)
}

// longestWait is the longest that was asked for, which may be 0, and whether anything was.
func longestWait(header http.Header) (longest time.Duration, asked bool) {
	for _, line := range header.Values("Retry-After") {
		for _, value := range append(strings.Split(joined.ReplaceAllString(line, "$1\n"), "\n"), line) {
			if d, ok := wait(value, header.Get("Date")); ok {
				longest, asked = max(longest, d), true
			}
		}
	}
	return longest, asked
}

// joined finds the commas between values, not the one within a date.
var joined = regexp.MustCompile(`([0-9]|GMT)\s*,`)

func wait(value, answered string) (d time.Duration, ok bool) {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		if !(seconds >= 0) { // what is not a number is not either
			return 0, false
		}
		return time.Duration(min(seconds, maxRetryAfter.Seconds()) * float64(time.Second)), true
	}
	until, err := http.ParseTime(value)
	now, unknown := http.ParseTime(answered)
	if unknown != nil {
		now = clock.Now()
	}
	if err != nil || !until.After(now) {
		return 0, false
	}
	return min(until.Sub(now), maxRetryAfter), true
}
