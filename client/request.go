package client

import (
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
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
	case r.GrantType != GrantRefreshToken && r.GrantType != GrantClientCredentials:
		return unsent("grant_type must be refresh_token or client_credentials")
	case r.GrantType == GrantRefreshToken && !r.RefreshToken.IsSet():
		return unsent("there is no refresh token; write one")
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
	}
	return nil
}

// tokenParams are the body of a token request. The default order is that of most providers'
// documents: who asks, then what for.
func (r *Request) tokenParams() []param {
	params := append([]param{{"grant_type", r.GrantType}}, r.clientParams()...)
	if r.Scope != "" && (r.Provider.SendScope || r.GrantType == GrantClientCredentials) {
		params = append(params, param{"scope", r.Scope})
	}
	if r.GrantType == GrantRefreshToken {
		params = append(params, param{"refresh_token", r.RefreshToken.Reveal()})
	}
	own := maps.Clone(r.Provider.TokenParams)
	if own == nil {
		own = map[string]string{}
	}
	maps.Copy(own, r.Params)
	for _, name := range slices.Sorted(maps.Keys(own)) {
		params = append(params, param{name, own[name]})
	}
	r.sort(params)
	return params
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

// clientParams say in the body who the client is. With Basic authentication it is in the header
// and nowhere else: RFC 6749 section 2.3 allows one method per request, and servers check.
func (r *Request) clientParams() []param {
	switch r.Provider.TokenEndpointAuthMethod {
	case AuthBasic, "":
		return nil
	case AuthPost:
		if r.ClientSecret.IsSet() {
			return []param{{"client_id", r.ClientID}, {"client_secret", r.ClientSecret.Reveal()}}
		}
	}
	return []param{{"client_id", r.ClientID}} // RFC 8705 section 2: with certificates too
}

// tokenHeaders are those of a token request.
func (r *Request) tokenHeaders() http.Header {
	header := r.headers()
	// client_credentials has nothing that a second request could spend.
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
	if method := r.Provider.TokenEndpointAuthMethod; method == AuthBasic || method == "" {
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
