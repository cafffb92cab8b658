package client

import (
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"time"
)

// userAgent names the product at providers that block anonymous clients. Without a version: what
// a server sees must not change with an upgrade.
const userAgent = "vault-plugin-secrets-oauthrefresh"

// param is one body parameter. Parameters are a list and not url.Values, so that they leave in
// the order in which the provider documents them.
type param struct{ name, value string }

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
	own := map[string]string{}
	maps.Copy(own, r.Provider.TokenParams)
	maps.Copy(own, r.Params)
	if r.GrantType == GrantAuthorizationCode {
		delete(own, "redirect_uri") // some want one on a refresh too; here it is the one that the code was got with
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		params = append(params, param{name, own[name]})
	}
	r.sort(params)
	return params, nil
}

// grantParams say what is asked for, and on what grounds.
func (r *Request) grantParams(now time.Time) (params []param, err error) {
	inAssertion := r.GrantType == GrantJWTBearer && r.Provider.AssertionScopeClaim
	if r.Scope != "" && !inAssertion && (!r.spends() || r.GrantType == GrantRefreshToken && r.Provider.SendScope) {
		params = append(params, param{"scope", r.Scope})
	}
	switch r.GrantType {
	case GrantRefreshToken:
		params = append(params, param{"refresh_token", r.RefreshToken.Reveal()})
	case GrantJWTBearer:
		var assertion string
		assertion, err = r.grantAssertion(now)
		params = append(params, param{"assertion", assertion})
	case GrantAuthorizationCode, GrantDeviceCode:
		params = append(params, r.codeParams()...)
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

// tokenHeaders are those of a token request.
func (r *Request) tokenHeaders() http.Header {
	header := r.headers()
	// The other grants have nothing that a second request could spend, and a device code is asked for many times.
	named := r.GrantType == GrantRefreshToken || r.GrantType == GrantAuthorizationCode
	if r.Provider.IdempotencyHeader != "" && r.IdempotencyKey != "" && named {
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
