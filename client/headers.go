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
// windows that end earlier.
const maxRetryAfter = time.Hour

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

// retryAfter reads Retry-After (RFC 9110 section 10.2.3), a number of seconds or a date, which
// counts from the local clock. It returns 0 when there is none, or none in the future. Of several, which a proxy
// on the way may have joined to one, the longest counts.
func retryAfter(header http.Header) time.Duration {
	longest := time.Duration(0)
	for _, line := range header.Values("Retry-After") {
		longest = max(longest, wait(line))
		for _, value := range strings.Split(joined.ReplaceAllString(line, "$1\n"), "\n") {
			longest = max(longest, wait(value))
		}
	}
	return longest
}

// joined finds the commas between values, not the one within a date.
var joined = regexp.MustCompile(`([0-9]|GMT)\s*,`)

func wait(value string) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		if !(seconds > 0) {
			return 0
		}
		return time.Duration(min(seconds, maxRetryAfter.Seconds()) * float64(time.Second))
	}
	if date, err := http.ParseTime(value); err == nil {
		return min(max(clock.Until(date), 0), maxRetryAfter)
	}
	return 0
}
