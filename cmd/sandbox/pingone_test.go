package main

import (
	"net/url"
	"testing"
)

// One application per authentication method, each refused under another's.
func TestPingOneMethods(t *testing.T) {
	b := newBench(t)
	at := "https://" + b.env["PINGONE_CUSTOM_DOMAIN"] + "/as/token"
	grant := func(prefix string, more ...string) string {
		return form(append([]string{"grant_type", "refresh_token", "refresh_token", b.env[prefix+"_REFRESH_TOKEN"]}, more...)...)
	}
	id, secret := b.env["PINGONE_CLIENT_ID"], b.env["PINGONE_CLIENT_SECRET"]
	b.want(401, "invalid_client", request{url: at, form: grant("PINGONE"), basic: id + ":" + secret}) // not form-encoded first
	b.want(401, "invalid_client", request{url: at, form: grant("PINGONE", "client_id", id, "client_secret", secret)})
	b.want(400, "invalid_request", request{url: at, form: grant("PINGONE", "client_id", id), basic: id + ":" + url.QueryEscape(secret)})
	b.want(200, "", request{url: at, form: grant("PINGONE"), basic: id + ":" + url.QueryEscape(secret)})

	id, secret = b.env["PINGONE_POST_CLIENT_ID"], b.env["PINGONE_POST_CLIENT_SECRET"]
	b.want(401, "invalid_client", request{url: at, form: grant("PINGONE_POST"), basic: id + ":" + url.QueryEscape(secret)})
	b.want(200, "", request{url: at, form: grant("PINGONE_POST", "client_id", id, "client_secret", secret)})

	id = b.env["PINGONE_NONE_CLIENT_ID"]
	b.want(401, "invalid_client", request{url: at, form: grant("PINGONE_NONE", "client_id", id, "client_secret", "x")})
	b.want(200, "", request{url: at, form: grant("PINGONE_NONE", "client_id", id)})

	// Another application's refresh token is none.
	b.order("/reset", map[string]any{}, nil)
	b.want(400, "invalid_grant", request{url: at, form: grant("PINGONE", "client_id", id)})
	b.want(200, "", b.good("pingone", b.initial("pingone")))

	b.want(404, "", request{url: "https://auth.pingone.com/11111111-1111-4111-8111-111111111111/as/token", form: grant("PINGONE")})
	b.want(404, "", request{url: "https://auth.pingone.com/as/token", form: grant("PINGONE")})
}

func TestPingOneGrace(t *testing.T) {
	b := newBench(t)
	b.order("/control", map[string]any{"provider": "pingone", "reuse_grace": 60}, nil)
	r := b.good("pingone", b.initial("pingone"))
	b.want(200, "", r)
	b.want(200, "", r)
	b.advance(60e9)
	b.want(400, "invalid_grant", r)
}
