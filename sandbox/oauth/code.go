package oauth

import "time"

// codeLife is the shortest that is documented anywhere, PingFederate's.
const codeLife = time.Minute

// code is an authorization code, kept after its use so that a second use is known for what it is.
type code struct {
	*request
	user  *User
	until time.Time
	grant *grant // that it brought; nil while it is good
}

// newCode is what a person's Allow brings.
func (l *Ledger) newCode(q *request, u *User, now time.Time) string {
	text := q.Code()
	l.codes[text] = &code{request: q, user: u, until: now.Add(codeLife)}
	return text
}

// redeem is RFC 6749 section 4.1.3.
func (l *Ledger) redeem(c *Call) (*Issued, *Refusal) {
	if c.Form.Get("code") == "" {
		return nil, Refuse("invalid_request", "no code")
	}
	k := l.codes[c.Form.Get("code")]
	switch {
	case k == nil:
		return nil, Refuse("invalid_grant", "unknown code")
	case k.app.ID != c.app.ID:
		return nil, Refuse("invalid_grant", "this code belongs to another client")
	case k.grant != nil: // RFC 6749 section 4.1.2: whoever has it, somebody else has it too
		k.grant.revoke("its code was used twice")
		return nil, Refuse("invalid_grant", "this code was already used; its grant is now revoked")
	case !c.now.Before(k.until):
		return nil, Refuse("invalid_grant", "the code has expired")
	case c.Form.Get("redirect_uri") == "":
		return nil, Refuse("invalid_request", "no redirect_uri: the authorization request had one")
	case c.Form.Get("redirect_uri") != k.redirectURI:
		return nil, Refuse("invalid_grant", "the redirect_uri is not that of the authorization request")
	}
	if r := k.judgeVerifier(c.Form); r != nil {
		return nil, r
	}
	out := l.agreed(c.app, k.user, k.scope, c.now)
	k.grant, out.nonce = out.grant, k.nonce
	return out, nil
}

// agreed starts the grant that a person has agreed to, and issues what it begins with.
func (l *Ledger) agreed(a *App, u *User, scope string, now time.Time) *Issued {
	g := &grant{app: a, user: u, scope: scope}
	l.grants = append(l.grants, g)
	out := l.issue(g, now)
	if l.Authorization.offline(scope) {
		out.RefreshToken = l.policy.RefreshToken()
		out.RefreshExpiresIn = seconds(l.policyOf(g).RefreshTTL)
		l.addRefreshToken(g, out.RefreshToken, now)
	}
	return out
}

// stray refuses a parameter that belongs to another grant type than the request's.
func (c *Call) stray(grantType string) *Refusal {
	for param, of := range map[string]string{
		"code": GrantCode, "redirect_uri": GrantCode, "code_verifier": GrantCode, "device_code": GrantDevice,
	} {
		if c.Form.Has(param) && grantType != of {
			return Refuse("invalid_request", param+" has no place in this grant")
		}
	}
	if c.Form.Has("refresh_token") && (grantType == GrantCode || grantType == GrantDevice) {
		return Refuse("invalid_request", "a refresh_token has no place in this grant")
	}
	return nil
}
