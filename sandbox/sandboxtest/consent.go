package sandboxtest

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"

	"vault-plugin-secrets-oauthrefresh/sandbox/browse"
)

// Verifier is the code_verifier of the requests that Ask makes.
const Verifier = "a-verifier-of-43-characters-at-least-0123456"

// Challenge is that of Verifier.
func Challenge() string {
	sum := sha256.Sum256([]byte(Verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Redirect is where the people of Ask come back to; nobody listens there.
const Redirect = "http://127.0.0.1:1/callback"

// Asking are the providers that ask people.
var Asking = []string{"salesforce", "pingone", "pandadoc"}

// Ask is a well-formed authorization URL of a provider's first application, with PKCE. More names and values, which take
// turns, replace its own; "" takes one away.
func (b *Bench) Ask(provider string, more ...string) string {
	q := url.Values{
		"response_type": {"code"}, "client_id": {b.Env[prefix(provider)+"_CLIENT_ID"]}, "redirect_uri": {Redirect},
		"state": {"a-state"}, "code_challenge": {Challenge()}, "code_challenge_method": {"S256"},
	}
	var at string
	switch provider {
	case "salesforce":
		at = "https://login.salesforce.com/services/oauth2/authorize"
		q.Set("scope", "api refresh_token openid")
	case "pingone":
		at = b.Env["PINGONE_ISSUER"] + "/authorize"
		q.Set("scope", "openid offline_access")
		q.Set("nonce", "a-nonce")
	case "pandadoc":
		at = "https://app.pandadoc.com/oauth2/authorize"
		q.Set("scope", "read write")
	default:
		panic(provider)
	}
	for pair := range slices.Chunk(more, 2) {
		if q.Set(pair[0], pair[1]); pair[1] == "" {
			q.Del(pair[0])
		}
	}
	return at + "?" + q.Encode()
}

// Browser is one that reaches the sandbox, and whatever listens on loopback with a certificate of its authority or in
// plain HTTP.
func (b *Bench) Browser(user string) *browse.Browser {
	b.T.Helper()
	out, err := browse.New(b.Env["SANDBOX_PROXY"], b.Roots, user)
	if err != nil {
		b.T.Fatal(err)
	}
	return out
}

// Visit opens an address as a user who allows everything, and goes on to the end.
func (b *Bench) Visit(user, address string) *browse.End {
	b.T.Helper()
	return b.open(b.Browser(user), address)
}

// Agree opens an authorization URL as alice, clicks Allow, and gives what comes back, without going there: code and
// state, or error.
func (b *Bench) Agree(authorizationURL string) url.Values {
	b.T.Helper()
	return b.answer("alice@example.test", authorizationURL, false)
}

// AgreeAs is Agree as another user.
func (b *Bench) AgreeAs(user, authorizationURL string) url.Values {
	b.T.Helper()
	return b.answer(user, authorizationURL, false)
}

// Deny is Agree with a click on Deny.
func (b *Bench) Deny(authorizationURL string) url.Values {
	b.T.Helper()
	return b.answer("alice@example.test", authorizationURL, true)
}

func (b *Bench) answer(user, address string, deny bool) url.Values {
	b.T.Helper()
	u, err := url.Parse(address)
	if err != nil {
		b.T.Fatal(err)
	}
	browser := b.Browser(user)
	browser.Deny, browser.StopAt = deny, u.Query().Get("redirect_uri")
	end := b.open(browser, address)
	if end.Opened {
		b.T.Fatalf("the browser ended with %d at a page that says\n%s\n%s", end.Status, end.Text, b.Log)
	}
	return end.Params()
}

// Type types a device's user code on a verification page and clicks Allow there as alice, or Deny.
func (b *Bench) Type(verificationURI, userCode string, deny bool) *browse.End {
	b.T.Helper()
	browser := b.Browser("alice@example.test")
	browser.UserCode, browser.Deny = userCode, deny
	return b.open(browser, verificationURI)
}

func (b *Bench) open(browser *browse.Browser, address string) *browse.End {
	b.T.Helper()
	end, err := browser.Open(b.T.Context(), address)
	if err != nil {
		b.T.Fatalf("%v\n%s", err, b.Log)
	}
	return end
}

// CodeRequest is the well-formed token request for a code that Ask has led to. More names and values are as in Ask.
func (b *Bench) CodeRequest(provider, code string, more ...string) Request {
	r := b.Good(provider, "")
	v, err := url.ParseQuery(r.Form)
	if err != nil {
		b.T.Fatal(err)
	}
	v.Del("refresh_token")
	v.Del("scope")
	pairs := append([]string{"grant_type", "authorization_code", "code", code, "redirect_uri", Redirect, "code_verifier", Verifier}, more...)
	for pair := range slices.Chunk(pairs, 2) {
		if v.Set(pair[0], pair[1]); pair[1] == "" {
			v.Del(pair[0])
		}
	}
	r.Form = v.Encode()
	return r
}

// Register adds a redirect URI to a provider's first application: that of a Vault on https, or at another mount than oauth/.
func (b *Bench) Register(provider, redirectURI string) {
	b.T.Helper()
	order := map[string]any{"provider": provider, "client_id": b.Env[prefix(provider)+"_CLIENT_ID"], "redirect_uri": redirectURI}
	if status := b.Order("/control", order, nil); status != 200 {
		b.T.Fatalf("registering a redirect URI: %d", status)
	}
}

// prefix is what a provider's names in the environment begin with.
func prefix(provider string) string {
	first, _, _ := strings.Cut(strings.ToUpper(provider), "-")
	return first
}
