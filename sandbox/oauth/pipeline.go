package oauth

import (
	"net/http"
)

// Process does the provider's work under its lock, and counts.
func (l *Ledger) Process(c *Call) (Reply, Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = c.parse() // for the journal, and to see whose it is; a refusal comes in its turn
	f := l.take(c)
	l.counts.Requests++
	if f.any() {
		l.counts.Faults++
	}
	if f.hang || f.fail {
		return f.reply, f
	}
	out := l.once(c)
	switch {
	case out.Refusal != "":
		l.counts.Refusals++
	case out.issued:
		l.counts.Successes++
	}
	if out.Replay {
		l.counts.Replays++
	}
	return out, f
}

// answer takes one request through a provider. Order matters only in that nothing is spent before
// everything else has been found good, as at the real servers.
func (l *Ledger) answer(c *Call) Reply {
	switch c.Endpoint {
	case EndpointAuthorize:
		return l.authorization(c)
	case EndpointVerify:
		return l.verification(c)
	}
	body, r := l.judge(c)
	if r != nil {
		out := c.Refused(c, r)
		out.Refusal, out.Replay = r.Code+": "+r.Why, r.Replay
		return out
	}
	status := http.StatusOK
	if c.Endpoint == EndpointPushed {
		status = http.StatusCreated // RFC 9126 section 2.2
	}
	return Reply{Status: status, Body: Encode(body), issued: c.Endpoint == EndpointToken}
}

func (l *Ledger) judge(c *Call) (map[string]any, *Refusal) {
	switch c.Endpoint {
	case EndpointMetadata:
		return c.describe()
	case EndpointKeys:
		return l.keys(c)
	}
	c.first, c.clockOffset = l.first, l.policy.clockOffset
	if c.Req.Method != http.MethodPost {
		return nil, Refuse(BadMethod, "the "+c.Endpoint+" endpoint takes POST only")
	}
	if c.Req.URL.RawQuery != "" {
		return nil, Refuse("invalid_request", "parameters in the URL: they belong in the body")
	}
	if r := c.Check(c); r != nil {
		return nil, r
	}
	if r := c.parse(); r != nil {
		return nil, r
	}
	app, r := c.Authenticate(c)
	if r != nil {
		return nil, r
	}
	c.app = app
	switch c.Endpoint {
	case EndpointRevoke:
		return l.revoke(c)
	case EndpointIntrospect:
		return l.introspect(c)
	case EndpointPushed:
		return l.push(c)
	case EndpointDevice:
		return l.beginDevice(c)
	}
	return l.token(c)
}

func (l *Ledger) token(c *Call) (map[string]any, *Refusal) {
	if c.Extra != nil {
		if r := c.Extra(c); r != nil {
			return nil, r
		}
	}
	grantType := c.Form.Get("grant_type")
	if r := c.stray(grantType); r != nil {
		return nil, r
	}
	var got *Issued
	var r *Refusal
	switch {
	case grantType == "refresh_token":
		if c.Form.Get("refresh_token") == "" {
			return nil, Refuse("invalid_request", "no refresh_token")
		}
		got, r = l.refresh(c.app, c.Form.Get("refresh_token"), c.now)
	case grantType == GrantCode && c.Authorization != nil:
		got, r = l.redeem(c)
	case grantType == GrantDevice && c.Authorization != nil && c.Authorization.Verification != nil:
		got, r = l.poll(c)
	case grantType == "client_credentials" && c.ClientCredentials:
		if c.app.Method == "none" {
			return nil, Refuse("unauthorized_client", "client_credentials needs a client that can keep a secret")
		}
		if c.Form.Has("refresh_token") {
			return nil, Refuse("invalid_request", "a refresh_token has no place in client_credentials")
		}
		got = l.clientCredentials(c.app, c.now)
	case grantType == GrantJWTBearer && c.app.Method == GrantJWTBearer:
		got = l.clientCredentials(c.app, c.now)
	case grantType == "":
		return nil, Refuse("invalid_request", "no grant_type")
	default:
		return nil, Refuse("unsupported_grant_type", "this grant_type is not offered here")
	}
	if r != nil {
		return nil, r
	}
	l.identify(c, got)
	return c.Success(c, got), nil
}

// revoke is RFC 7009 section 2: an unknown token is answered like a known one.
func (l *Ledger) revoke(c *Call) (map[string]any, *Refusal) {
	if c.Form.Get("token") == "" {
		return nil, Refuse("invalid_request", "no token to revoke")
	}
	l.revokeToken(c.Form.Get("token"))
	return map[string]any{}, nil
}

// introspect is RFC 7662 section 2.2, as little of it as a client needs.
func (l *Ledger) introspect(c *Call) (map[string]any, *Refusal) {
	if c.Form.Get("token") == "" {
		return nil, Refuse("invalid_request", "no token to introspect")
	}
	state := l.stateOf(c.Form.Get("token"), c.now)
	if !state.Active {
		return map[string]any{"active": false}, nil
	}
	scope := l.accessTokens[c.Form.Get("token")].grant.scope
	if scope == "" {
		scope = l.policy.Scope
	}
	return map[string]any{
		"active": true, "client_id": c.app.ID, "scope": scope, "token_type": "Bearer",
		"exp": state.ExpiresAt.Unix(), "iat": c.now.Unix(),
	}, nil
}
