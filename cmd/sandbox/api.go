package main

import (
	"net/http"
	"strings"
	"time"
)

// badToken is a refusal of the API behind the tokens (RFC 6750 section 3.1).
const badToken = "invalid_token"

// answerAPI answers a call to a provider's API, which is what the tokens are for. It wants what the provider's token
// endpoint wants of headers and certificates, and a live token. Spoilt answers are for the endpoints of tokens
// only: a test that orders one means those.
func (l *ledger) answerAPI(c *call) reply {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.APICalls++
	if r := l.refuseAPI(c); r != nil {
		l.stats.APIRefused++
		out := c.refused(c, r)
		out.refusal = r.code + ": " + r.why
		return out
	}
	return l.api()
}

func (l *ledger) refuseAPI(c *call) *refusal {
	switch {
	case c.req.Method != http.MethodGet:
		return refuse(badMethod, "this resource takes GET only")
	case len(c.body) > 0:
		return refuse(badContentType, "a GET has no body")
	case c.req.URL.RawQuery != "":
		return refuse(badHeader, "this list has one page and takes no parameters")
	}
	if r := c.check(c); r != nil {
		return r
	}
	token, ok := bearer(c.req.Header)
	if !ok {
		return refuse(badToken, "not one Authorization header with a Bearer token")
	}
	if state := l.stateOf(token, c.now); !state.Active {
		return refuse(badToken, "the access token is not live: "+state.Reason)
	}
	return nil
}

// bearer gives the token of the one Authorization header there may be (RFC 6750 section 2.1).
func bearer(h http.Header) (token string, ok bool) {
	headers := h.Values("Authorization")
	if len(headers) != 1 {
		return "", false
	}
	scheme, token, ok := strings.Cut(headers[0], " ")
	return token, ok && strings.EqualFold(scheme, "Bearer") && token != ""
}

// present shows an access token to the provider as a call to its API does; ok says that it is good right now.
func (l *ledger) present(h http.Header, now time.Time) (state tokenState, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.APICalls++
	scheme, token, _ := strings.Cut(h.Get("Authorization"), " ")
	state = l.stateOf(token, now)
	if ok = state.Active && strings.EqualFold(scheme, "Bearer"); !ok {
		l.stats.APIRefused++
	}
	return state, ok
}

// knows tells whether an access token was issued here.
func (l *ledger) knows(accessToken string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.accessTokens[accessToken] != nil
}
