package main

import (
	"net/url"
	"strings"
	"time"
)

// good gives a well-formed refresh request per provider, as the provider's document shows it.
func (b *bench) good(provider, refreshToken string) request {
	env := func(name string) string { return b.env[name] }
	body := func(prefix string, more ...string) string {
		return form(append([]string{
			"grant_type", "refresh_token", "client_id", env(prefix + "_CLIENT_ID"),
			"client_secret", env(prefix + "_CLIENT_SECRET"), "refresh_token", refreshToken,
		}, more...)...)
	}
	grant := form("grant_type", "refresh_token", "refresh_token", refreshToken)
	jsonAPI := map[string]string{"Accept": "application/vnd.api+json"}
	switch provider {
	case "isabel-connect":
		return request{url: "https://api.ibanity.com/isabel-connect/oauth2/token", header: jsonAPI,
			basic: env("ISABEL_CLIENT_ID") + ":" + env("ISABEL_CLIENT_SECRET"), form: grant}
	case "isabel-connect-v1":
		return request{url: "https://api.ibanity.com/isabel-connect/oauth2/token", header: jsonAPI, form: body("ISABEL")}
	case "salesforce":
		return request{url: "https://login.salesforce.com/services/oauth2/token", form: body("SALESFORCE")}
	case "pandadoc":
		return request{url: "https://api.pandadoc.com/oauth2/access_token", form: body("PANDADOC", "scope", "read+write")}
	case "pingone":
		return request{url: "https://auth.pingone.eu/" + env("PINGONE_ENVIRONMENT_ID") + "/as/token", form: grant,
			basic: env("PINGONE_CLIENT_ID") + ":" + url.QueryEscape(env("PINGONE_CLIENT_SECRET"))}
	case "keliweb":
		return request{url: "https://apiv2.keliweb.it/oauth/token", form: body("KELIWEB"),
			header: map[string]string{"X-Requested-With": "XMLHttpRequest"}}
	case "generic":
		return request{url: env("GENERIC_TOKEN_ENDPOINT"), form: grant,
			basic: url.QueryEscape(env("GENERIC_CLIENT_ID")) + ":" + url.QueryEscape(env("GENERIC_CLIENT_SECRET"))}
	}
	panic(provider)
}

// initial is the refresh token that a provider's first application starts with.
func (b *bench) initial(provider string) string {
	prefix, _, _ := strings.Cut(strings.ToUpper(provider), "-")
	return b.env[prefix+"_REFRESH_TOKEN"]
}

var dialects = []struct {
	provider    string
	life        time.Duration // of an access token
	announced   any           // expires_in as JSON decodes it; nil: not announced
	rotates     bool
	killsAccess bool
	replay      int    // status
	replayCode  string // error
	replayKills bool
	refreshLife time.Duration
}{
	{"isabel-connect", 1799 * time.Second, 1799.0, true, false, 400, "invalid_grant", false, 1800 * time.Second},
	{"isabel-connect-v1", 1799 * time.Second, 1799.0, false, false, 0, "", false, 0},
	{"salesforce", 2 * time.Hour, nil, false, false, 0, "", false, 0},
	{"pandadoc", 31535999 * time.Second, 31535999.0, true, false, 400, "invalid_grant", false, 0},
	{"pingone", time.Hour, 3600.0, true, false, 400, "invalid_grant", true, 30 * 24 * time.Hour},
	{"keliweb", time.Hour, 3600.0, true, true, 401, "invalid_request", false, 10 * 24 * time.Hour},
	{"generic", 10 * time.Minute, 600.0, true, false, 400, "invalid_grant", true, 24 * time.Hour},
}
