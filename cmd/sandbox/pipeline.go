package main

import (
	"net/http"
)

// process does the provider's work under its lock, and counts.
func (l *ledger) process(c *call) (reply, fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = c.parse() // for the journal, and to see whose it is; a refusal comes in its turn
	f := l.take(c)
	l.stats.Requests++
	if f.any() {
		l.stats.Faults++
	}
	if f.hang || f.fail {
		return f.reply, f
	}
	out := l.once(c)
	switch {
	case out.refusal != "":
		l.stats.Refusals++
	case out.issued:
		l.stats.Successes++
	}
	if out.replay {
		l.stats.Replays++
	}
	return out, f
}

// answer takes one request through a provider. Order matters only in that nothing is spent before
// everything else has been found good, as at the real servers.
func (l *ledger) answer(c *call) reply {
	body, r := l.judge(c)
	if r != nil {
		out := c.refused(c, r)
		out.refusal, out.replay = r.code+": "+r.why, r.replay
		return out
	}
	return reply{status: http.StatusOK, body: encode(body), issued: c.endpoint == endpointToken}
}

func (l *ledger) judge(c *call) (map[string]any, *refusal) {
	if c.endpoint == endpointMetadata {
		return c.describe()
	}
	c.first, c.clockOffset = l.first, l.policy.clockOffset
	if c.req.Method != http.MethodPost {
		return nil, refuse(badMethod, "the "+c.endpoint+" endpoint takes POST only")
	}
	if c.req.URL.RawQuery != "" {
		return nil, refuse("invalid_request", "parameters in the URL: they belong in the body")
	}
	if r := c.check(c); r != nil {
		return nil, r
	}
	if r := c.parse(); r != nil {
		return nil, r
	}
	app, r := c.authenticate(c)
	if r != nil {
		return nil, r
	}
	c.app = app
	switch c.endpoint {
	case endpointRevoke:
		return l.revoke(c)
	case endpointIntrospect:
		return l.introspect(c)
	}
	return l.token(c)
}

func (l *ledger) token(c *call) (map[string]any, *refusal) {
	if c.extra != nil {
		if r := c.extra(c); r != nil {
			return nil, r
		}
	}
	var got *issued
	var r *refusal
	switch grantType := c.form.Get("grant_type"); {
	case grantType == "refresh_token":
		if c.form.Get("refresh_token") == "" {
			return nil, refuse("invalid_request", "no refresh_token")
		}
		got, r = l.refresh(c.app, c.form.Get("refresh_token"), c.now)
	case grantType == "client_credentials" && c.clientCredentials:
		if c.app.method == "none" {
			return nil, refuse("unauthorized_client", "client_credentials needs a client that can keep a secret")
		}
		if c.form.Has("refresh_token") {
			return nil, refuse("invalid_request", "a refresh_token has no place in client_credentials")
		}
		got = l.clientCredentials(c.app, c.now)
	case grantType == grantJWTBearer && c.app.method == grantJWTBearer:
		got = l.clientCredentials(c.app, c.now)
	case grantType == "":
		return nil, refuse("invalid_request", "no grant_type")
	default:
		return nil, refuse("unsupported_grant_type", "this grant_type is not offered here")
	}
	if r != nil {
		return nil, r
	}
	return c.success(c, got), nil
}

// revoke is RFC 7009 section 2: an unknown token is answered like a known one.
func (l *ledger) revoke(c *call) (map[string]any, *refusal) {
	if c.form.Get("token") == "" {
		return nil, refuse("invalid_request", "no token to revoke")
	}
	l.revokeToken(c.form.Get("token"))
	return map[string]any{}, nil
}

// introspect is RFC 7662 section 2.2, as little of it as a client needs.
func (l *ledger) introspect(c *call) (map[string]any, *refusal) {
	if c.form.Get("token") == "" {
		return nil, refuse("invalid_request", "no token to introspect")
	}
	state := l.stateOf(c.form.Get("token"), c.now)
	if !state.Active {
		return map[string]any{"active": false}, nil
	}
	return map[string]any{
		"active": true, "client_id": c.app.id, "scope": l.policy.scope, "token_type": "Bearer",
		"exp": state.ExpiresAt.Unix(), "iat": c.now.Unix(),
	}, nil
}
