package sandboxtest

import (
	"net/url"
	"time"
)

// Good gives a well-formed refresh request per provider, as the provider's document shows it.
func (b *Bench) Good(provider, refreshToken string) Request {
	env := func(name string) string { return b.Env[name] }
	body := func(prefix string, more ...string) string {
		return Form(append([]string{
			"grant_type", "refresh_token", "client_id", env(prefix + "_CLIENT_ID"),
			"client_secret", env(prefix + "_CLIENT_SECRET"), "refresh_token", refreshToken,
		}, more...)...)
	}
	grant := Form("grant_type", "refresh_token", "refresh_token", refreshToken)
	jsonAPI := map[string]string{"Accept": "application/vnd.api+json"}
	switch provider {
	case "isabel-connect":
		return Request{URL: "https://api.ibanity.com/isabel-connect/oauth2/token", Header: jsonAPI,
			Basic: env("ISABEL_CLIENT_ID") + ":" + env("ISABEL_CLIENT_SECRET"), Form: grant}
	case "isabel-connect-v1":
		return Request{URL: "https://api.ibanity.com/isabel-connect/oauth2/token", Header: jsonAPI, Form: body("ISABEL")}
	case "salesforce":
		return Request{URL: "https://login.salesforce.com/services/oauth2/token", Form: body("SALESFORCE")}
	case "pandadoc":
		return Request{URL: "https://api.pandadoc.com/oauth2/access_token", Form: body("PANDADOC", "scope", "read+write")}
	case "pingone":
		return Request{URL: "https://auth.pingone.eu/" + env("PINGONE_ENVIRONMENT_ID") + "/as/token", Form: grant,
			Basic: env("PINGONE_CLIENT_ID") + ":" + url.QueryEscape(env("PINGONE_CLIENT_SECRET"))}
	case "keliweb":
		return Request{URL: "https://apiv2.keliweb.it/oauth/token", Form: body("KELIWEB"),
			Header: map[string]string{"X-Requested-With": "XMLHttpRequest"}}
	case "generic":
		return Request{URL: env("GENERIC_TOKEN_ENDPOINT"), Form: grant,
			Basic: url.QueryEscape(env("GENERIC_CLIENT_ID")) + ":" + url.QueryEscape(env("GENERIC_CLIENT_SECRET"))}
	}
	panic(provider)
}

// Initial is the refresh token that a provider's first application starts with.
func (b *Bench) Initial(provider string) string {
	return b.Env[prefix(provider)+"_REFRESH_TOKEN"]
}

// Dialect is in what a provider differs from the others over the life of a grant.
type Dialect struct {
	Provider    string
	Life        time.Duration // of an access token
	Announced   any           // expires_in as JSON decodes it; nil: not announced
	Rotates     bool
	KillsAccess bool
	Replay      int    // status
	ReplayCode  string // error
	ReplayKills bool
	RefreshLife time.Duration
}

// Dialects are the lives of all providers.
var Dialects = []Dialect{
	{"isabel-connect", 1799 * time.Second, 1799.0, true, false, 400, "invalid_grant", false, 1800 * time.Second},
	{"isabel-connect-v1", 1799 * time.Second, 1799.0, false, false, 0, "", false, 0},
	{"salesforce", 2 * time.Hour, nil, false, false, 0, "", false, 0},
	{"pandadoc", 31535999 * time.Second, 31535999.0, true, false, 400, "invalid_grant", false, 0},
	{"pingone", time.Hour, 3600.0, true, false, 400, "invalid_grant", true, 30 * 24 * time.Hour},
	{"keliweb", time.Hour, 3600.0, true, true, 401, "invalid_request", false, 10 * 24 * time.Hour},
	{"generic", 10 * time.Minute, 600.0, true, false, 400, "invalid_grant", true, 24 * time.Hour},
}
