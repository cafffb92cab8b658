package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// mayConsent is the policy of somebody who may give a role another grant and use it.
const mayConsent = `path "oauth/authorize/+" { capabilities = ["create", "read", "update", "delete"] }
path "oauth/confirm/+" { capabilities = ["create", "update"] }
path "oauth/device/+" { capabilities = ["create", "update"] }
path "oauth/creds/+" { capabilities = ["read", "update"] }
path "oauth/refresh/+" { capabilities = ["update"] }
path "oauth/status/+" { capabilities = ["read"] }`

// logIn makes people of Vault, each an entity of their own, and logs them in: they may all do the same.
func (l *lab) logIn(names ...string) map[string]caller {
	l.t.Helper()
	l.allows("consent", mayConsent)
	people := map[string]caller{}
	for _, name := range names {
		people[name] = l.enters(name, "consent").caller
	}
	return people
}

// attacked is a mount with roles that nobody has authorized, and two people who may: Alice, and Mallory who means no good.
func attacked(t *testing.T) (l *lab, alices, mallorys caller) {
	t.Helper()
	l = newLab(t)
	l.opens()
	for _, s := range asking {
		l.run("vault write oauth/roles/" + s.role + " " + s.fields)
	}
	people := l.logIn("alice", "mallory")
	return l, people["alice"], people["mallory"]
}

// exchanges are the codes that a provider was asked to exchange.
func (s *sandbox) exchanges(provider string) (n int) {
	s.t.Helper()
	for _, r := range s.next(0, 0) {
		if r.Provider == provider && r.Params["grant_type"] == "authorization_code" {
			n++
		}
	}
	return n
}

const nothingBegun = "you have begun nothing for this role"

// Consent phishing: Mallory begins and sends the link to Alice, who is logged in at the provider and agrees. Mallory has
// nothing of it: not by polling, reading or refreshing, not by confirming without a code or with guesses. Alice, who is talked into
// typing the command that the page shows, finishes nothing that Mallory began. And after five guesses the code itself is
// worth nothing.
func TestMalloryGetsNothingOfWhatAliceAgreesTo(t *testing.T) {
	t.Parallel()
	l, alices, mallorys := attacked(t)
	for _, s := range asking {
		t.Run(s.provider, func(t *testing.T) {
			alices.t, mallorys.t = t, t
			link := mallorys.begins(s.role, nil)
			l.forTest(t)
			shown, through := l.browse(alice, link)
			code := shownCode.FindString(shown)
			if !through || code == "" {
				t.Fatalf("the page shows no code: %s", shown)
			}
			for _, says := range []string{"userpass-mallory", s.role} { // whoever reads it can tell that it was not they
				if !strings.Contains(shown, says) {
					t.Errorf("the page does not say %q: %s", says, shown)
				}
			}
			if got := mallorys.read("oauth/authorize/" + s.role); got["state"] != "granted" || strings.Contains(fmt.Sprint(got), code) {
				t.Errorf("authorize/ shows %v", got)
			}
			mallorys.read("oauth/status/" + s.role)
			mallorys.readRefused("oauth/creds/"+s.role, "authorize")
			mallorys.refused("oauth/refresh/"+s.role, nil, "authorize")
			mallorys.refused("oauth/confirm/"+s.role, nil, "confirm takes one of")
			alices.refused("oauth/confirm/"+s.role, map[string]any{"confirmation_code": code}, nothingBegun)
			for range 5 {
				mallorys.refused("oauth/confirm/"+s.role, map[string]any{"confirmation_code": "BBBB-BBBB"}, "not the confirmation code")
			}
			mallorys.refused("oauth/confirm/"+s.role, map[string]any{"confirmation_code": code}, "five confirmation codes were wrong")
			mallorys.readRefused("oauth/creds/"+s.role, "authorize")
			l.read("oauth/status/"+s.role).want(t, map[string]string{"state": "unauthorized"})
		})
	}
}

// With a link that ends at an address of Alice's own machine, the address is worth nothing to whoever has not begun.
func TestAnAddressIsWorthNothingToOthers(t *testing.T) {
	t.Parallel()
	l, alices, mallorys := attacked(t)
	link := mallorys.begins("portal", map[string]any{"redirect_uri": "http://127.0.0.1:8400/"})
	ended, _ := l.browse(alice, link, "-stop-at", "http://127.0.0.1:8400/")
	alices.refused("oauth/confirm/portal", map[string]any{"redirected_to": ended}, nothingBegun)
	mallorys.refused("oauth/confirm/contracts", map[string]any{"redirected_to": ended}, "you have begun nothing for this role")
	mallorys.refused("oauth/confirm/portal", map[string]any{"redirected_to": "http://127.0.0.1:8401/?" + query(ended).Encode()}, "redirected_to is not the redirect_uri")
	if n := l.sandbox.exchanges("pingone"); n != 0 {
		t.Errorf("%d codes were exchanged", n)
	}
}

// Login CSRF: Mallory has agreed with an account of hers, and gets hold of the state of what Alice has begun. Her code
// answers another request's challenge, and Alice confirms nothing.
func TestMallorysCodeUnderAlicesState(t *testing.T) {
	t.Parallel()
	l, alices, mallorys := attacked(t)
	for _, s := range asking {
		t.Run(s.provider, func(t *testing.T) {
			alices.t, mallorys.t = t, t
			l.forTest(t)
			state := query(alices.begins(s.role, nil)).Get("state")
			brought := query(l.comesBack(mallory, mallorys.begins(s.role, nil), s.provider))
			brought.Set("state", state)
			got := visit(t, http.MethodGet, l.callback(s.provider)+"?"+brought.Encode(), nil)
			if got.status != http.StatusBadRequest || got.code() != "" || !got.isPage() {
				t.Errorf("%d %s", got.status, got.text())
			}
			alices.refused("oauth/confirm/"+s.role, map[string]any{"confirmation_code": "BBBB-BBBB"}, "has failed")
			alices.readRefused("oauth/creds/"+s.role, "authorize")
			if n := l.sandbox.stats(s.provider).Successes; n != 0 {
				t.Errorf("%s has exchanged the code", s.provider)
			}
		})
	}
}

// Mix-up: one server's answer is brought where another's is awaited, or says that it comes from another issuer. No code is
// sent to anybody for it.
func TestAnAnswerOfAnotherProviderIsNotTaken(t *testing.T) {
	t.Parallel()
	l, alices, _ := attacked(t)
	back := l.comesBack(alice, alices.begins("portal", nil), "pingone")
	_, answer, _ := strings.Cut(back, "?")
	for _, other := range []string{"salesforce", "pandadoc", "unheard-of"} {
		wantUnknown(t, visit(t, http.MethodGet, l.callback(other)+"?"+answer, nil))
	}
	if code := visit(t, http.MethodGet, back, nil).code(); code == "" { // the wrong doors have not used it up
		t.Error("its own callback shows no code")
	}
	l.run(`vault write oauth/providers/named issuer="$PINGONE_ISSUER" token_endpoint_auth_method=client_secret_basic`)
	l.run(`vault write oauth/roles/named provider=named client_id="$PINGONE_CLIENT_ID" client_secret="$PINGONE_CLIENT_SECRET" scope="openid email"`)
	l.registerRedirect("pingone", l.callback("named"))
	for _, iss := range []string{"https://evil.example", ""} {
		params := query(l.comesBack(alice, alices.begins("named", nil), "named"))
		if params.Get("iss") != l.sandbox.env["PINGONE_ISSUER"] {
			t.Fatalf("the provider says that it is %q", params.Get("iss"))
		}
		if params.Set("iss", iss); iss == "" {
			params.Del("iss")
		}
		before := l.sandbox.exchanges("pingone")
		got := visit(t, http.MethodGet, l.callback("named")+"?"+params.Encode(), nil)
		if got.status != http.StatusBadRequest || !strings.Contains(got.text(), "issuer") || got.code() != "" {
			t.Errorf("iss %q: %d %s", iss, got.status, got.text())
		}
		if n := l.sandbox.exchanges("pingone") - before; n != 0 {
			t.Errorf("iss %q: %d codes were sent", iss, n)
		}
	}
}

// Phishing by definition: whoever may edit providers points the authorization endpoint at a look-alike. Nobody is sent
// there, and no code is exchanged of what was begun before.
func TestADefinitionLeadsNobodyElsewhere(t *testing.T) {
	t.Parallel()
	l, alices, _ := attacked(t)
	define := func(host string) {
		l.with("AT=https://" + host + "/" + l.sandbox.env["PINGONE_ENVIRONMENT_ID"] + "/as").run(`vault write oauth/providers/mine token_endpoint="$PINGONE_ISSUER/token"
			authorization_endpoint="$AT/authorize" offline_scope=offline_access token_endpoint_auth_method=client_secret_basic`)
	}
	define("auth.pingone.com")
	l.run(`vault write oauth/roles/mine provider=mine client_id="$PINGONE_CLIENT_ID" client_secret="$PINGONE_CLIENT_SECRET" scope=openid`)
	l.registerRedirect("pingone", l.callback("mine"))
	back := l.comesBack(alice, alices.begins("mine", nil), "mine")
	define("auth.pingone.example")
	alices.refused("oauth/authorize/mine", nil, "at another place than when this role was written")
	got := visit(t, http.MethodGet, back, nil)
	if got.status != http.StatusBadRequest || !strings.Contains(got.text(), "has changed") {
		t.Errorf("%d %s", got.status, got.text())
	}
	if n := l.sandbox.exchanges("pingone"); n != 0 {
		t.Errorf("%d codes were sent", n)
	}
	define("auth.pingone.com")
	alices.confirms("mine", l.codeFrom(alice, alices.begins("mine", nil)))
}

// Replay: what was used, what has expired with its role, and what nobody ever began with is one page in one text. Nobody
// who is no caller makes an entry in storage.
func TestUsedAndForeignStatesAreOnePage(t *testing.T) {
	t.Parallel()
	l, alices, mallorys := attacked(t)
	back := l.comesBack(alice, alices.begins("portal", nil), "pingone")
	first := visit(t, http.MethodGet, back, nil)
	again := visit(t, http.MethodGet, back, nil)
	wantUnknown(t, again)
	posted := visit(t, http.MethodPost, l.callback("pingone"), query(back))
	foreign := query(back)
	foreign.Set("state", strings.Repeat("a", 32)+strings.Repeat("A", 43))
	store := openStore(t, l.v, "oauth")
	before := len(store.entries(""))
	strange := visit(t, http.MethodGet, l.callback("pingone")+"?"+foreign.Encode(), nil)
	if again.body != posted.body || again.body != strange.body {
		t.Error("whether a state was used or never there can be told from the page")
	}
	if n := len(store.entries("")); n != before {
		t.Errorf("a stranger has made %d entries in storage", n-before)
	}
	if n := l.sandbox.exchanges("pingone"); n != 1 {
		t.Errorf("%d exchanges of one code", n)
	}
	dropped := l.comesBack(alice, mallorys.begins("portal", nil), "pingone")
	if _, err := mallorys.client.Logical().DeleteWithContext(t.Context(), "oauth/authorize/portal"); err != nil {
		t.Fatal(err)
	}
	wantUnknown(t, visit(t, http.MethodGet, dropped, nil))
	alices.confirms("portal", first.code()) // what another drops is not hers

	orphaned := l.comesBack(alice, alices.begins("crm", nil), "salesforce")
	l.run("vault delete oauth/roles/crm")
	if got := visit(t, http.MethodGet, orphaned, nil); got.status != http.StatusBadRequest || got.code() != "" {
		t.Errorf("of a role that was deleted: %d %s", got.status, got.text())
	}
}

// wantUnknown asserts the page for what is not known here.
func wantUnknown(t *testing.T, got shownPage) {
	t.Helper()
	if got.status != http.StatusBadRequest || !got.isPage() || got.code() != "" || !strings.Contains(got.text(), "used already, has expired, or is not known here") {
		t.Errorf("%d %s", got.status, got.text())
	}
}

// query are the parameters of an address.
func query(address string) url.Values {
	u, err := url.Parse(address)
	if err != nil {
		return url.Values{}
	}
	return u.Query()
}

// Five consents of one caller and role, and no more: who fills them up locks nobody else out.
func TestNobodyIsLockedOut(t *testing.T) {
	t.Parallel()
	l, alices, mallorys := attacked(t)
	for range 5 {
		mallorys.begins("portal", nil)
	}
	mallorys.refused("oauth/authorize/portal", nil, "you have begun 5 consents of this role")
	mallorys.begins("contracts", nil)
	alices.confirms("portal", l.codeFrom(alice, alices.begins("portal", nil)))
}

// Tokens that belong to no entity finish what they began, and nothing that another of their kind did.
func TestTokensWithoutAnEntity(t *testing.T) {
	t.Parallel()
	l, alices, _ := attacked(t)
	created := func(flags string) caller {
		return l.v.caller(t, l.run("vault token create -policy=consent -field=token "+flags))
	}
	others := map[string]caller{
		"root": l.v.caller(t, l.v.token), "made by root": created(""), "orphan": created("-orphan"), "another orphan": created("-orphan"), "batch": created("-type=batch"),
	}
	for name, one := range others {
		code := l.codeFrom(bob, one.begins("portal", nil))
		for other, two := range others {
			if other != name {
				two.refused("oauth/confirm/portal", map[string]any{"confirmation_code": code}, nothingBegun)
			}
		}
		alices.refused("oauth/confirm/portal", map[string]any{"confirmation_code": code}, nothingBegun)
		if got := one.confirms("portal", code); got["account"] != bob {
			t.Errorf("%s: %v", name, got)
		}
	}
}
