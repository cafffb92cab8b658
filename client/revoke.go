package client

import (
	"context"

	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// The values of Revoke's hint (RFC 7009 section 2.1).
const (
	HintAccessToken  = "access_token"
	HintRefreshToken = "refresh_token"
)

// Revoke sends one RFC 7009 request to the revocation endpoint in r.Endpoint: the token, the hint
// unless it is "", and the client's authentication as at the token endpoint. Of r it uses neither
// GrantType nor RefreshToken, Scope, Params and IdempotencyKey. It returns nil when the token is
// revoked or the server does not know it, else an *Error.
func Revoke(ctx context.Context, o Options, r *Request, token Secret, hint string) error {
	return atRevocationEndpoint.failed(revoke(ctx, o, r, token, hint))
}

func revoke(ctx context.Context, o Options, r *Request, token Secret, hint string) error {
	if !token.IsSet() {
		return unsent("there is no token to revoke")
	}
	if err := r.checkClient(); err != nil {
		return err
	}
	params := []param{{"token", token.Reveal()}}
	if hint != "" {
		params = append(params, param{"token_type_hint", hint})
	}
	revocation := *r
	r, revocation.revokes = &revocation, true
	who, err := r.clientParams(clock.Now())
	if err != nil {
		return unsent(err.Error())
	}
	header := r.headers()
	body, contentType := encode(r.Provider.RequestFormat, append(params, who...), "")
	header.Set("Content-Type", contentType)
	a, err := o.post(ctx, r, body, header)
	if err != nil {
		return err
	}
	return a.revocation(r, token)
}

// revocation reads the answer. Success has no required body (RFC 7009 section 2.2), only an error
// in it counts. invalid_token is success: the RFC has servers answer 200 for a token they do not
// know, Salesforce answers 400, and either way the token is of no use any more.
func (a *answer) revocation(r *Request, token Secret) error {
	doc := parseDocument(a.body, a.cut)
	if a.status >= 200 && a.status < 300 && !doc.saysError(false) {
		return nil
	}
	for _, code := range findErrors(doc.root).codes {
		if a.status == 400 && code == "invalid_token" {
			return nil
		}
	}
	sent := *r
	sent.RefreshToken, sent.GrantType = token, "" // the secret that the request held, and no grant
	return a.failure(&sent, doc)
}
