package main

import (
	"encoding/json"
	"net/http"
	"strings"
)

// badToken is a refusal of the API behind the tokens (RFC 6750 section 3.1).
const badToken = "invalid_token"

// serveAPI answers a call to a provider's API, which is what the tokens are for. Spoilt answers are for the
// endpoints of tokens only: a test that orders one means those.
func (s *sandbox) serveAPI(w http.ResponseWriter, l *ledger, c *call, e entry) {
	r := l.judgeAPI(c)
	out := reply{status: http.StatusOK}
	if r == nil {
		out.header = http.Header{"Content-Type": {jsonAPI}}
		out.body, _ = json.MarshalIndent(l.api(), "", "  ") // plain values
	} else {
		out = c.refused(c, r)
		e.Refusal = r.code + ": " + r.why
	}
	e.Status = out.status
	s.record(e)
	out.write(w, c)
}

// judgeAPI wants what the provider's token endpoint wants of headers and certificates, and a live token.
func (l *ledger) judgeAPI(c *call) *refusal {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.APICalls++
	r := l.refuseAPI(c)
	if r != nil {
		l.stats.APIRefused++
	}
	return r
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
	if state := l.inspect(token, c.now); !state.Active {
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

// knows tells whether an access token was issued here.
func (l *ledger) knows(accessToken string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.accessTokens[accessToken] != nil
}
