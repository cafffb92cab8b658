package oauth

import (
	"net/http"
	"strings"
	"time"
)

// BadToken is a refusal of the API behind the tokens (RFC 6750 section 3.1).
const BadToken = "invalid_token"

// AnswerAPI answers a call to a provider's API, which is what the tokens are for. It wants what the provider's token
// endpoint wants of headers and certificates, and a live token. Spoilt answers are for the endpoints of tokens
// only: a test that orders one means those.
func (l *Ledger) AnswerAPI(c *Call) Reply {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts.APICalls++
	if r := l.refuseAPI(c); r != nil {
		l.counts.APIRefused++
		out := c.Refused(c, r)
		out.Refusal = r.Code + ": " + r.Why
		return out
	}
	return l.API()
}

func (l *Ledger) refuseAPI(c *Call) *Refusal {
	switch {
	case c.Req.Method != http.MethodGet:
		return Refuse(BadMethod, "this resource takes GET only")
	case len(c.body) > 0:
		return Refuse(BadContentType, "a GET has no body")
	case c.Req.URL.RawQuery != "":
		return Refuse(BadHeader, "this list has one page and takes no parameters")
	}
	if r := c.Check(c); r != nil {
		return r
	}
	token, ok := BearerToken(c.Req.Header)
	if !ok {
		return Refuse(BadToken, "not one Authorization header with a Bearer token")
	}
	if state := l.stateOf(token, c.now); !state.Active {
		return Refuse(BadToken, "the access token is not live: "+state.Reason)
	}
	return nil
}

// BearerToken gives the token of the one Authorization header there may be (RFC 6750 section 2.1).
func BearerToken(h http.Header) (token string, ok bool) {
	headers := h.Values("Authorization")
	if len(headers) != 1 {
		return "", false
	}
	scheme, token, ok := strings.Cut(headers[0], " ")
	return token, ok && strings.EqualFold(scheme, "Bearer") && token != ""
}

// Present shows an access token to the provider as a call to its API does; ok says that it is good right now.
func (l *Ledger) Present(h http.Header, now time.Time) (state TokenState, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts.APICalls++
	scheme, token, _ := strings.Cut(h.Get("Authorization"), " ")
	state = l.stateOf(token, now)
	if ok = state.Active && strings.EqualFold(scheme, "Bearer"); !ok {
		l.counts.APIRefused++
	}
	return state, ok
}

// knows tells whether an access token was issued here.
func (l *Ledger) knows(accessToken string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.accessTokens[accessToken] != nil
}
