package browser

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// With pushed authorization requests (RFC 9126) the browser begins at the mount, which sends it on without a page of its
// own. The fourth visit gets one, as does whoever comes with an address that is none.
func TestTheStartPageSendsTheBrowserOn(t *testing.T) {
	l := newLab(t, false)
	s := pingone()
	issuer := "https://auth.pingone.com/" + provider.env["PINGONE_ENVIRONMENT_ID"] + "/as"
	l.write("providers/pushed", fields{
		"issuer": issuer, "token_endpoint": issuer + "/token", "authorization_endpoint": issuer + "/authorize", "jwks_uri": issuer + "/jwks",
		"pushed_authorization_request_endpoint": issuer + "/par", "require_pushed_authorization_requests": true,
		"token_endpoint_auth_method": "client_secret_basic", "offline_scope": "offline_access",
	})
	client := provider.env[s.prefix+"_CLIENT_ID"]
	provider.order(t, "/control", fields{"provider": s.name, "client_id": client, "redirect_uri": l.callback("pushed")})
	l.write("roles/crm", fields{"provider": "pushed", "client_id": client, "client_secret": provider.env[s.prefix+"_CLIENT_SECRET"], "scope": "openid"})

	address := l.begin("crm")
	start := entrance.URL + "/v1/" + l.mount + "/start/"
	if !strings.HasPrefix(address, start) {
		t.Fatalf("authorization_url is %s", address)
	}
	tb := newTab(t, true)
	for range 3 {
		if at := tb.reach("", chromedp.Navigate(address)); !strings.HasPrefix(at.url, issuer+"/authorize?") {
			t.Fatalf("the browser is at %s:\n%s", at.url, see[string](tb, `document.body.innerText`))
		}
	}
	tb.do(chromedp.SetValue(chromedp.CSS(`input[name=username]`), alice))
	tb.reach(l.callback("pushed"), chromedp.Click(chromedp.CSS(`button[value=allow]`)))
	code := tb.code()
	if !shownCode.MatchString(code) {
		t.Fatal(see[string](tb, `document.body.innerText`))
	}
	entrance.since()

	for _, over := range []string{address, start + "nobody-has-begun-with-this"} {
		tb.forget()
		if at := tb.open(over); at.status != http.StatusBadRequest || !strings.HasPrefix(see[string](tb, `document.title`), "There is nothing") {
			t.Errorf("%d %s", at.status, see[string](tb, `document.body.innerText`))
		}
		tb.wantInert()
		if complaints, requests := tb.noise(); len(complaints)+len(requests) > 0 {
			t.Errorf("complaints %s\nrequests %s", complaints, requests)
		}
	}
	if asked := entrance.since(); len(asked) != 2 || slices.ContainsFunc(asked, func(a string) bool { return !strings.HasPrefix(a, "GET ") }) {
		t.Errorf("the browser has asked for %s", asked)
	}
	l.write("confirm/crm", fields{"confirmation_code": code})
}
