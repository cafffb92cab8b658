package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// discovers is a lab whose operator knows an OAuth server by its issuer, and a role there that nobody has authorized.
func discovers(t *testing.T) (*lab, *asker, caller) {
	t.Helper()
	l := newLab(t)
	server := startAsker(t, l.callback("library"))
	l.shell = l.with("ISSUER="+server.URL, "AUTHORITY="+server.authority(), "ID="+oauthClient, "SECRET="+oauthSecret)
	l.opens()
	l.run(`cat "$SANDBOX_CA" "$AUTHORITY" >both.pem && vault write oauth/config ca_certificate=@both.pem`)
	l.run(`vault write oauth/providers/library issuer="$ISSUER"`)
	l.run(`vault write oauth/roles/papers provider=library client_id="$ID" client_secret="$SECRET" scope="openid email documents"`)
	return l, server, l.v.caller(t, l.v.token)
}

// An operator knows a server's issuer and nothing else. Discovery says how people agree there, a person does, and who it
// was stands in a verified ID token: at a library that nobody here wrote, which enforces PKCE and takes each code once.
func TestConsentByDiscoveryAlone(t *testing.T) {
	t.Parallel()
	l, server, operator := discovers(t)
	l.read("oauth/providers/library").want(t, map[string]string{
		"authorization_endpoint": server.URL + "/authorize", "pushed_authorization_request_endpoint": server.URL + "/par", "jwks_uri": server.URL + "/jwks",
		"offline_scope": "offline_access", "response_mode": "form_post", "account_pointer": "/id_token/email", "authorization_response_iss_parameter_supported": "true",
	})
	for _, who := range []string{petra, mary} {
		back := server.agree(who, operator.begins("papers", nil))
		if back.form == nil || back.form.Get("iss") != server.URL {
			t.Fatalf("the answer comes as %v", back)
		}
		page := back.arrives(t)
		if page.status != http.StatusOK || !strings.Contains(page.text(), who) {
			t.Fatalf("%d %s", page.status, page.text())
		}
		wantUnknown(t, back.arrives(t))
		got := operator.confirms("papers", page.code())
		if got["account"] != who || got["account_verified"] != true || got["scope"] != "openid email documents offline_access" {
			t.Errorf("confirm says %v", got)
		}
		if first := l.read("oauth/creds/papers").token(); !server.live(first) {
			t.Error("the library does not accept the access token")
		}
		l.run("vault write -force oauth/refresh/papers")
		if next := l.read("oauth/creds/papers"); !server.live(next.token()) || next.get("generation") != "2" {
			t.Error("the library does not accept the access token of a refresh")
		}
	}
	asked := server.asked[0]
	if asked.Get("code_challenge_method") != "S256" || asked.Get("nonce") == "" || asked.Get("response_mode") != "form_post" {
		t.Errorf("asked for with %v", asked)
	}
	if got := server.tally(); got.Replays != 0 {
		t.Errorf("the library has seen %+v", got)
	}
	l.run("vault write -force oauth/revoke/papers")
}

// The same by pasting, and with an authorization code that an operator got elsewhere, with PKCE.
func TestConsentOfTheLibraryElsewhere(t *testing.T) {
	t.Parallel()
	l, server, operator := discovers(t)
	server.redirects("http://127.0.0.1:8400/")
	back := server.agree(petra, operator.begins("papers", map[string]any{"redirect_uri": "http://127.0.0.1:8400/"}))
	if back.form != nil {
		t.Fatal("a form for an address that nobody listens at")
	}
	if got := operator.write("oauth/confirm/papers", map[string]any{"redirected_to": back.address}); got["account"] != petra || got["account_verified"] != true {
		t.Errorf("%v", got)
	}
	operator.refused("oauth/confirm/papers", map[string]any{"redirected_to": back.address}, nothingBegun)

	const verifier = "a-verifier-that-another-program-has-made-canary-0123456789"
	own := server.agree(mary, server.URL+"/authorize?"+authorizationRequest(verifier, "http://127.0.0.1:8400/").Encode())
	code := query(own.address).Get("code")
	operator.refused("oauth/confirm/papers", map[string]any{"authorization_code": code}, "needs the redirect_uri")
	operator.write("oauth/confirm/papers", map[string]any{"authorization_code": code, "redirect_uri": "http://127.0.0.1:8400/", "code_verifier": verifier})
	if !server.live(l.read("oauth/creds/papers").token()) {
		t.Error("the library does not accept the access token")
	}
}

// Pushed authorization requests, at a server that takes no other: the browser begins at the mount.
func TestPushedConsent(t *testing.T) {
	t.Parallel()
	l, server, operator := discovers(t)
	server.config.IsPushedAuthorizeEnforced = true
	server.publish(with(server.describes(), "require_pushed_authorization_requests", true))
	shown := l.write("oauth/providers/library/rediscover")
	l.with("DIGEST=" + shown.get("digest")).run(`vault write oauth/providers/library/rediscover accept="$DIGEST"`)
	l.read("oauth/providers/library").want(t, map[string]string{"require_pushed_authorization_requests": "true"})

	operator.refused("oauth/authorize/papers", map[string]any{"redirect_uri": "http://127.0.0.1:8400/"}, "pushed authorization requests only")
	link := operator.begins("papers", nil)
	if !strings.HasPrefix(link, l.v.addr+"/v1/oauth/start/") {
		t.Fatalf("authorization_url is %.60s", link)
	}
	back := server.agree(petra, link)
	if asked := server.asked[0]; len(asked) != 2 || asked.Get("request_uri") == "" || asked.Get("client_id") != oauthClient {
		t.Errorf("the browser came with %v", asked)
	}
	again := server.agree(mary, link) // a second window, a mail filter that has looked first
	third := visit(t, http.MethodGet, link, nil)
	if third.status != http.StatusTemporaryRedirect {
		t.Errorf("a third time: %d", third.status)
	}
	wantUnknown(t, visit(t, http.MethodGet, link, nil))
	page := back.arrives(t)
	if page.code() == "" {
		t.Fatalf("%d %s", page.status, page.text())
	}
	operator.confirms("papers", page.code())
	wantUnknown(t, again.arrives(t)) // what was begun is over
	wantUnknown(t, visit(t, http.MethodGet, link, nil))
	if !server.live(l.read("oauth/creds/papers").token()) {
		t.Error("the library does not accept the access token")
	}
}

// An ID token with another nonce, or that another key has signed, is somebody else's: nothing is taken.
func TestAnIDTokenOfSomebodyElse(t *testing.T) {
	t.Parallel()
	l, server, operator := discovers(t)
	for name, change := range map[string]func(*asker){
		"another nonce": func(a *asker) { a.nonce = "another-nonce-altogether" },
		"another key":   func(a *asker) { a.keys = signingKey(t) },
	} {
		t.Run(name, func(t *testing.T) {
			server.changed(change)
			page := server.agree(petra, operator.begins("papers", nil)).arrives(t)
			if page.status != http.StatusBadRequest || page.code() != "" || !strings.Contains(page.text(), "ID token") {
				t.Errorf("%d %s", page.status, page.text())
			}
			operator.refused("oauth/confirm/papers", map[string]any{"confirmation_code": "BBBB-BBBB"}, "has failed")
			operator.readRefused("oauth/creds/papers", "authorize")
			server.changed(func(a *asker) { a.nonce, a.keys = "", a.key })
			if _, err := operator.client.Logical().Delete("oauth/authorize/papers"); err != nil {
				t.Fatal(err)
			}
		})
	}
	operator.confirms("papers", server.agree(petra, operator.begins("papers", nil)).arrives(t).code())
	if !server.live(l.read("oauth/creds/papers").token()) {
		t.Error("the library does not accept the access token")
	}
}

// Keys that can't be fetched cost nothing: the page names nobody yet, confirm waits for them, and names the account then.
func TestKeysThatComeLater(t *testing.T) {
	t.Parallel()
	l, server, operator := discovers(t)
	server.changed(func(a *asker) { a.keysDown = true })
	page := server.agree(petra, operator.begins("papers", nil)).arrives(t)
	if page.code() == "" || strings.Contains(page.text(), petra) {
		t.Fatalf("%d %s", page.status, page.text())
	}
	proof := map[string]any{"confirmation_code": page.code()}
	if _, err := operator.try("oauth/confirm/papers", proof); err == nil || !strings.Contains(err.Error(), "Code: 503") || !strings.Contains(err.Error(), "keys could not be fetched") {
		t.Errorf("%v", err)
	}
	operator.readRefused("oauth/creds/papers", "authorize")
	server.changed(func(a *asker) { a.keysDown = false })
	if got := operator.write("oauth/confirm/papers", proof); got["account"] != petra || got["account_verified"] != true {
		t.Errorf("%v", got)
	}
	if !server.live(l.read("oauth/creds/papers").token()) {
		t.Error("the library does not accept the access token")
	}
	server.changed(func(a *asker) { a.keysDown = true })
	page = server.agree(petra, operator.begins("papers", nil)).arrives(t)
	server.changed(func(a *asker) { a.keysDown, a.keys = false, signingKey(t) })
	operator.refused("oauth/confirm/papers", map[string]any{"confirmation_code": page.code()}, "ID token")
	if !server.live(l.read("oauth/creds/papers").token()) { // of the grant before
		t.Error("the library does not accept the access token")
	}
}
