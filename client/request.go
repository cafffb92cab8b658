package client

import (
	"cmp"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// userAgent names the product at providers that block anonymous clients. Without a version: what
// a server sees must not change with an upgrade.
const userAgent = "vault-plugin-secrets-oauthrefresh"

// param is one body parameter. Parameters are a list and not url.Values, so that they leave in
// the order in which the provider documents them.
type param struct{ name, value string }

// check refuses a request that can't succeed, before anything is sent.
func (r *Request) check() error {
	switch {
	case r.GrantType != GrantRefreshToken && r.GrantType != GrantClientCredentials && r.GrantType != GrantJWTBearer:
		return unsent("grant_type must be refresh_token, client_credentials or jwt-bearer")
	case r.GrantType == GrantRefreshToken && !r.RefreshToken.IsSet():
		return unsent("there is no refresh token; write one")
	case r.GrantType == GrantJWTBearer && r.Assertion.Key == nil:
		return unsent("there is no key to sign the assertion with; write assertion_private_key, or pfx")
	}
	return r.checkClient()
}

// checkClient refuses credentials that are incomplete.
func (r *Request) checkClient() error {
	switch {
	case r.ClientID == "":
		return unsent("client_id is missing; write it")
	case r.Provider.NeedsCertificate() && r.Identity == nil:
		return unsent("this provider requires a client certificate; write pfx, or client_certificate and client_private_key")
	case r.authMethod() == AuthKeyJWT && r.Assertion.Key == nil:
		return unsent("private_key_jwt needs a key; write assertion_private_key, or pfx")
	}
	return nil
}

// tokenParams are the body of a token request that is sent now. The default order is that of most
// providers' documents: who asks, then what for. The error is that of a signature.
func (r *Request) tokenParams(now time.Time) ([]param, error) {
	params := []param{{"grant_type", r.GrantType}}
	if r.GrantType != GrantJWTBearer || r.authMethod() != AuthNone { // there the assertion says who asks
		who, err := r.clientParams(now)
		if err != nil {
			return nil, err
		}
		params = append(params, who...)
	}
	what, err := r.grantParams(now)
	if err != nil {
		return nil, err
	}
	params = append(params, what...)
	own := maps.Clone(r.Provider.TokenParams)
	if own == nil {
		own = map[string]string{}
	}
	maps.Copy(own, r.Params)
	for _, name := range slices.Sorted(maps.Keys(own)) {
		params = append(params, param{name, own[name]})
	}
	r.sort(params)
	return params, nil
}

// grantParams say what is asked for, and on what grounds.
func (r *Request) grantParams(now time.Time) (params []param, err error) {
	inAssertion := r.GrantType == GrantJWTBearer && r.Provider.AssertionScopeClaim
	if r.Scope != "" && !inAssertion && (r.Provider.SendScope || r.GrantType != GrantRefreshToken) {
		params = append(params, param{"scope", r.Scope})
	}
	switch r.GrantType {
	case GrantRefreshToken:
		params = append(params, param{"refresh_token", r.RefreshToken.Reveal()})
	case GrantJWTBearer:
		var assertion string
		assertion, err = r.grantAssertion(now)
		params = append(params, param{"assertion", assertion})
	}
	return params, err
}

// sort puts the parameters that ParamOrder names first and leaves the others as they are.
func (r *Request) sort(params []param) {
	place := func(p param) int {
		if i := slices.Index(r.Provider.ParamOrder, p.name); i >= 0 {
			return i
		}
		return len(r.Provider.ParamOrder)
	}
	slices.SortStableFunc(params, func(a, b param) int { return place(a) - place(b) })
}

// authMethod is how the client authenticates. A JWT bearer grant whose client has no secret is proof
// enough of itself (RFC 7523 section 3.1).
func (r *Request) authMethod() string {
	method := cmp.Or(r.Provider.TokenEndpointAuthMethod, AuthBasic)
	needsSecret := method == AuthBasic || method == AuthPost || method == AuthSecretJWT
	if needsSecret && r.GrantType == GrantJWTBearer && !r.ClientSecret.IsSet() {
		return AuthNone
	}
	return method
}

// clientParams say in the body who the client is. With Basic authentication it is in the header
// and nowhere else: RFC 6749 section 2.3 allows one method per request, and servers check.
func (r *Request) clientParams(now time.Time) ([]param, error) {
	params := []param{{"client_id", r.ClientID}} // RFC 8705 section 2: with certificates too
	switch r.authMethod() {
	case AuthBasic:
		return nil, nil
	case AuthPost:
		if r.ClientSecret.IsSet() {
			params = append(params, param{"client_secret", r.ClientSecret.Reveal()})
		}
	case AuthKeyJWT, AuthSecretJWT:
		assertion, err := r.clientAssertion(now)
		return append(params, param{"client_assertion_type", clientAssertionType}, param{"client_assertion", assertion}), err
	}
	return params, nil
}

// tokenHeaders are those of a token request.
func (r *Request) tokenHeaders() http.Header {
	header := r.headers()
	// The other grants have nothing that a second request could spend.
	if r.Provider.IdempotencyHeader != "" && r.IdempotencyKey != "" && r.GrantType == GrantRefreshToken {
		header.Set(r.Provider.IdempotencyHeader, r.IdempotencyKey)
	}
	return header
}

// headers are those of every request; Content-Type comes with the body.
func (r *Request) headers() http.Header {
	header := http.Header{"Accept": {"application/json"}, "User-Agent": {userAgent}}
	for _, own := range []map[string]string{r.Provider.TokenHeaders, r.Headers} {
		for _, name := range slices.Sorted(maps.Keys(own)) {
			header.Set(name, own[name])
		}
	}
	if r.authMethod() == AuthBasic {
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(r.basic())))
	}
	return header
}

// basic joins id and secret. RFC 6749 section 2.3.1 has both form-encoded first, and servers
// that follow it need that for '+', '%' and ':'; others compare the encoded bytes and then refuse
// any credential that holds one of these, hence the choice. Both are UTF-8 either way.
func (r *Request) basic() string {
	id, secret := r.ClientID, r.ClientSecret.Reveal()
	if r.Provider.BasicEncoding != BasicRaw {
		id, secret = url.QueryEscape(id), url.QueryEscape(secret)
	}
	return id + ":" + secret
}
