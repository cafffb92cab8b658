package oauth

import (
	"crypto/rand"
	"time"
)

// pushedLife is how long a pushed request waits for its person: PingOne's 60 seconds.
const pushedLife = time.Minute

// pushed is an authorization request that came ahead of its person.
type pushed struct {
	*request
	until time.Time
}

// push is RFC 9126 section 2: the request is judged here and now. That its sender is the client that it names was
// found when that was authenticated.
func (l *Ledger) push(c *Call) (map[string]any, *Refusal) {
	q, r := l.readRequest(c)
	if r != nil {
		return nil, r
	}
	uri := "urn:ietf:params:oauth:request_uri:" + rand.Text()
	l.pushed[uri] = pushed{q, c.now.Add(pushedLife)}
	return map[string]any{"request_uri": uri, "expires_in": seconds(pushedLife)}, nil
}

// pushedOrRead gives the request that a person came with: one that was pushed, once, or the one in the URL.
func (l *Ledger) pushedOrRead(c *Call) (*request, *Refusal) {
	if !c.Form.Has("request_uri") {
		return l.readRequest(c)
	}
	if len(c.Form) != 2 || !c.Form.Has("client_id") {
		return nil, Refuse("invalid_request", "with a request_uri comes the client_id and nothing else")
	}
	uri := c.Form.Get("request_uri")
	p, ok := l.pushed[uri]
	if !ok || p.app.ID != c.Form.Get("client_id") {
		return nil, Refuse("invalid_request", "this client has pushed no such request, or it was used already")
	}
	delete(l.pushed, uri)
	if !c.now.Before(p.until) {
		return nil, Refuse("invalid_request", "the request_uri has expired")
	}
	return p.request, nil
}
