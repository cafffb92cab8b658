package dialect_test

import (
	"net/url"
	"testing"

	"vault-plugin-secrets-oauthrefresh/sandbox/sandboxtest"
)

// One application per authentication method, each refused under another's.
func TestPingOneMethods(t *testing.T) {
	b := sandboxtest.New(t)
	at := "https://" + b.Env["PINGONE_CUSTOM_DOMAIN"] + "/as/token"
	grant := func(prefix string, more ...string) string {
		return sandboxtest.Form(append([]string{"grant_type", "refresh_token", "refresh_token", b.Env[prefix+"_REFRESH_TOKEN"]}, more...)...)
	}
	id, secret := b.Env["PINGONE_CLIENT_ID"], b.Env["PINGONE_CLIENT_SECRET"]
	b.Want(401, "invalid_client", sandboxtest.Request{URL: at, Form: grant("PINGONE"), Basic: id + ":" + secret}) // not form-encoded first
	b.Want(401, "invalid_client", sandboxtest.Request{URL: at, Form: grant("PINGONE", "client_id", id, "client_secret", secret)})
	b.Want(400, "invalid_request", sandboxtest.Request{URL: at, Form: grant("PINGONE", "client_id", id), Basic: id + ":" + url.QueryEscape(secret)})
	b.Want(200, "", sandboxtest.Request{URL: at, Form: grant("PINGONE"), Basic: id + ":" + url.QueryEscape(secret)})

	id, secret = b.Env["PINGONE_POST_CLIENT_ID"], b.Env["PINGONE_POST_CLIENT_SECRET"]
	b.Want(401, "invalid_client", sandboxtest.Request{URL: at, Form: grant("PINGONE_POST"), Basic: id + ":" + url.QueryEscape(secret)})
	b.Want(200, "", sandboxtest.Request{URL: at, Form: grant("PINGONE_POST", "client_id", id, "client_secret", secret)})

	id = b.Env["PINGONE_NONE_CLIENT_ID"]
	b.Want(401, "invalid_client", sandboxtest.Request{URL: at, Form: grant("PINGONE_NONE", "client_id", id, "client_secret", "x")})
	b.Want(200, "", sandboxtest.Request{URL: at, Form: grant("PINGONE_NONE", "client_id", id)})

	// Another application's refresh token is none.
	b.Order("/reset", map[string]any{}, nil)
	b.Want(400, "invalid_grant", sandboxtest.Request{URL: at, Form: grant("PINGONE", "client_id", id)})
	b.Want(200, "", b.Good("pingone", b.Initial("pingone")))

	b.Want(404, "", sandboxtest.Request{URL: "https://auth.pingone.com/11111111-1111-4111-8111-111111111111/as/token", Form: grant("PINGONE")})
	b.Want(404, "", sandboxtest.Request{URL: "https://auth.pingone.com/as/token", Form: grant("PINGONE")})
}

func TestPingOneGrace(t *testing.T) {
	b := sandboxtest.New(t)
	b.Order("/control", map[string]any{"provider": "pingone", "reuse_grace": 60}, nil)
	r := b.Good("pingone", b.Initial("pingone"))
	b.Want(200, "", r)
	b.Want(200, "", r)
	b.Advance(60e9)
	b.Want(400, "invalid_grant", r)
}
