package dialect_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"vault-plugin-secrets-oauthrefresh/sandbox/oauth"
	"vault-plugin-secrets-oauthrefresh/sandbox/sandboxtest"
)

// claims of an ID token, verified with the keys that its issuer shows.
func claims(b *sandboxtest.Bench, issuer, token string) map[string]any {
	b.T.Helper()
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(b.Page(sandboxtest.Request{Method: "GET", URL: issuer})), &keys); err != nil {
		b.T.Fatal(err)
	}
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		b.T.Fatal(err)
	}
	found := keys.Key(signed.Signatures[0].Header.KeyID)
	if len(found) != 1 || !found[0].IsPublic() {
		b.T.Fatalf("%d keys", len(found))
	}
	payload, err := signed.Verify(found[0])
	if err != nil {
		b.T.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(payload, &out); err != nil {
		b.T.Fatal(err)
	}
	return out
}

// With openid comes an ID token that can be verified; the nonce is in the first one alone. A refresh token comes with
// offline_access.
func TestPingOneTokens(t *testing.T) {
	b := sandboxtest.New(t)
	back := b.Agree(b.Ask("pingone"))
	if back.Get("iss") != b.Env["PINGONE_ISSUER"] {
		t.Errorf("%v", back)
	}
	got := b.Want(200, "", b.CodeRequest("pingone", back.Get("code")))
	if got.Body["expires_in"] != 3600.0 || got.Text("scope") != "openid offline_access" {
		t.Errorf("%v", got.Body)
	}
	said := claims(b, b.Env["PINGONE_ISSUER"]+"/jwks", got.Text("id_token"))
	if said["iss"] != "https://auth.pingone.eu/"+b.Env["PINGONE_ENVIRONMENT_ID"]+"/as" || said["aud"] != b.Env["PINGONE_CLIENT_ID"] ||
		said["nonce"] != "a-nonce" || said["email"] != "alice@example.test" || said["sub"] == "" || said["exp"].(float64) <= said["iat"].(float64) {
		t.Errorf("%v", said)
	}
	again := claims(b, b.Env["PINGONE_ISSUER"]+"/jwks", b.Want(200, "", b.Good("pingone", got.Text("refresh_token"))).Text("id_token"))
	if again["nonce"] != nil || again["sub"] != said["sub"] {
		t.Errorf("after a refresh: %v", again)
	}
	got = b.Want(200, "", b.CodeRequest("pingone", b.Agree(b.Ask("pingone", "scope", "email")).Get("code")))
	if got.Body["refresh_token"] != nil || got.Body["id_token"] != nil || !b.Live("pingone", got.Text("access_token")) {
		t.Errorf("%v", got.Body)
	}
	if back := b.Deny(b.Ask("pingone")); back.Get("iss") != b.Env["PINGONE_ISSUER"] {
		t.Errorf("an error without iss: %v", back)
	}
	for name, c := range map[string][]string{
		"no scope": {"scope", "", "invalid_scope"}, "prompt none": {"prompt", "none", "login_required"},
		"unknown prompt": {"prompt", "x", "invalid_request"}, "fragment": {"response_mode", "fragment", "invalid_request"},
	} {
		if back := b.Agree(b.Ask("pingone", c[0], c[1])); back.Get("error") != c[2] {
			t.Errorf("%s: %v", name, back)
		}
	}
	r := b.CodeRequest("pingone", b.Agree(b.Ask("pingone")).Get("code"), "scope", "openid")
	b.Want(400, "invalid_request", r)
}

// The form that carries the answer works by itself, and by a button where scripts are off.
func TestPingOneFormPost(t *testing.T) {
	b := sandboxtest.New(t)
	end := b.Visit("alice@example.test", b.Ask("pingone", "response_mode", "form_post"))
	if end.Opened || end.URL != sandboxtest.Redirect || end.Posted.Get("code") == "" || end.Posted.Get("state") != "a-state" || end.Posted.Get("iss") == "" {
		t.Fatalf("%+v", end)
	}
	b.Want(200, "", b.CodeRequest("pingone", end.Posted.Get("code")))
	page := b.Page(sandboxtest.Request{Method: "GET", URL: b.Ask("pingone", "response_mode", "form_post", "scope", "everything")})
	if !strings.Contains(page, "submit()") || !strings.Contains(page, "<button") || !strings.Contains(page, `value="invalid_scope"`) {
		t.Error(page)
	}
}

// A pushed request: by its client, judged at once, used once within a minute, with nothing beside it.
func TestPingOnePushedRequests(t *testing.T) {
	b := sandboxtest.New(t)
	push := func(more ...string) sandboxtest.Request {
		r := b.Good("pingone", "")
		_, query, _ := strings.Cut(b.Ask("pingone", more...), "?")
		r.URL, r.Form = b.Env["PINGONE_ISSUER"]+"/par", query
		return r
	}
	open := func(uri string, more ...string) string {
		return b.Env["PINGONE_ISSUER"] + "/authorize?" + sandboxtest.Form(append([]string{"client_id", b.Env["PINGONE_CLIENT_ID"], "request_uri", uri}, more...)...)
	}
	pushed := b.Want(201, "", push())
	if pushed.Body["expires_in"] != 60.0 {
		t.Errorf("%v", pushed.Body)
	}
	refused := func(what, address string) {
		t.Helper()
		if end := b.Visit("alice@example.test", address); !end.Opened || end.Status != 400 {
			t.Errorf("%s: %+v", what, end)
		}
	}
	uri := pushed.Text("request_uri")
	refused("a parameter beside it", open(uri, "state", "x"))
	refused("another client", strings.Replace(open(uri), b.Env["PINGONE_CLIENT_ID"], b.Env["PINGONE_POST_CLIENT_ID"], 1))
	end := b.Visit("alice@example.test", open(uri))
	b.Want(200, "", b.CodeRequest("pingone", end.Params().Get("code")))
	refused("used twice", open(uri))
	refused("never pushed", open("urn:ietf:params:oauth:request_uri:x"))
	late := b.Want(201, "", push()).Text("request_uri")
	b.Advance(time.Minute)
	refused("too late", open(late))

	b.Want(400, "invalid_request", push("client_id", ""))
	b.Want(400, "invalid_request", push("client_id", b.Env["PINGONE_POST_CLIENT_ID"]))
	b.Want(400, "invalid_request", push("redirect_uri", "https://evil.example/"))
	b.Want(400, "invalid_scope", push("scope", "everything"))
	b.Want(400, "invalid_request", push("request_uri", uri))
	stranger := push()
	stranger.Basic = b.Env["PINGONE_CLIENT_ID"] + ":wrong"
	b.Want(401, "invalid_client", stranger)
	other := push()
	other.Basic, other.Form = "", other.Form+"&client_secret=x"
	b.Want(401, "invalid_client", other)
}

// The metadata are below the issuer, name endpoints that exist, and say what is offered.
func TestPingOneMetadata(t *testing.T) {
	b := sandboxtest.New(t)
	for _, issuer := range []string{
		b.Env["PINGONE_ISSUER"], "https://" + b.Env["PINGONE_CUSTOM_DOMAIN"] + "/as",
		b.Env["SANDBOX_URL"] + "/pingone/" + b.Env["PINGONE_ENVIRONMENT_ID"] + "/as",
	} {
		doc := b.Want(200, "", sandboxtest.Request{Method: "GET", URL: issuer + "/.well-known/openid-configuration"})
		if doc.Text("issuer") != issuer || doc.Body["authorization_response_iss_parameter_supported"] != true {
			t.Errorf("%v", doc.Body)
		}
		for field, endpoint := range map[string]string{
			"authorization_endpoint": oauth.EndpointAuthorize, "token_endpoint": oauth.EndpointToken, "jwks_uri": oauth.EndpointKeys,
			"pushed_authorization_request_endpoint": oauth.EndpointPushed, "device_authorization_endpoint": oauth.EndpointDevice,
		} {
			b.SendStill(sandboxtest.Request{Method: "PUT", URL: doc.Text(field)})
			if e := b.Last(); e.Endpoint != endpoint || e.Status != 405 {
				t.Errorf("%s: %+v", field, e)
			}
		}
		begun := deviceAt(b, issuer)
		if want := strings.TrimSuffix(issuer, "/as") + "/device"; begun.Text("verification_uri") != want {
			t.Errorf("%v", begun.Body)
		}
	}
	b.Want(404, "", sandboxtest.Request{Method: "GET", URL: "https://auth.pingone.com" + oauth.MetadataPath})
	b.Want(400, "", sandboxtest.Request{Method: "GET", URL: b.Env["PINGONE_ISSUER"] + "/jwks?a=b"})
}

func deviceAt(b *sandboxtest.Bench, issuer string) sandboxtest.Result {
	b.T.Helper()
	r := b.Good("pingone", "")
	r.URL, r.Form = issuer+"/device_authorization", sandboxtest.Form("scope", "openid")
	return b.Want(200, "", r)
}
