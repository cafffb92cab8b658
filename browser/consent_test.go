package browser

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// shownCode is the code as it stands on the page, four letters, a dash, four letters.
var shownCode = regexp.MustCompile(`^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$`)

// code reads the confirmation code from the page, "" where there is none.
func (tb *tab) code() string {
	tb.t.Helper()
	return see[string](tb, `document.querySelector(".code")?.textContent ?? ""`)
}

// Alice agrees at each provider in a browser, with scripts and without, and whoever has begun types the code that her
// page shows: then tokens can be read, and not before.
func TestAPersonConsentsInABrowser(t *testing.T) {
	l := newLab(t, false)
	for _, s := range systems() {
		for _, scripts := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s scripts=%t", s.name, scripts), func(t *testing.T) {
				l := l.forTest(t)
				role := fmt.Sprintf("%s-%t", s.name, scripts)
				l.newRole(role, s)
				tb := newTab(t, scripts)
				l.atProvider(tb, role)
				at := l.decide(tb, s, "allow")

				method := http.MethodGet
				if s.form {
					method = http.MethodPost
				}
				if asked, want := entrance.since(), []string{method + " /v1/" + l.mount + "/callback/" + s.name}; !slices.Equal(asked, want) {
					t.Errorf("the browser has asked for %s, want %s", asked, want)
				}
				if s.form && strings.Contains(at.url, "?") {
					t.Errorf("the browser's history has %s", at.url)
				}
				code := tb.code()
				if at.status != http.StatusOK || !shownCode.MatchString(code) {
					t.Fatalf("%d, code %q:\n%s", at.status, code, see[string](tb, `document.body.innerText`))
				}
				if status, _, err := call(http.MethodGet, server.addr+"/v1/"+l.mount+"/creds/"+role, server.token, nil); err != nil || status != http.StatusBadRequest {
					t.Errorf("before the code is confirmed creds answers %d %v", status, err)
				}

				confirmed := l.write("confirm/"+role, fields{"confirmation_code": code})
				if s.name == "pingone" && confirmed["account"] != alice {
					t.Errorf("confirm: %v", confirmed)
				}
				if token, _ := l.read("creds/" + role)["access_token"].(string); token == "" {
					t.Error("there is no access token")
				}
			})
		}
	}
}

// A page that is reloaded, or gone back to, shows no code and says why, whether the answer came in the address or as a
// form.
func TestTheCodeIsShownOnce(t *testing.T) {
	l := newLab(t, false)
	for _, s := range systems()[:2] {
		t.Run(s.name, func(t *testing.T) {
			l := l.forTest(t)
			l.newRole(s.name, s)
			tb := newTab(t, true)
			l.atProvider(tb, s.name)
			l.decide(tb, s, "allow")
			code := tb.code()
			at := tb.reach(l.callback(s.name), chromedp.Reload())
			if text := see[string](tb, `document.body.innerText`); at.status != http.StatusBadRequest || strings.Contains(text, code) || !strings.Contains(text, "shown once") {
				t.Errorf("reload: %d\n%s", at.status, text)
			}
			// Away and back: what a cache had kept would be shown once more. Of a form Chromium asks first whether it should be
			// sent again, which is an error page here.
			tb.open("about:blank")
			if err := chromedp.Do(tb.ctx, chromedp.NavigateBack()); err != nil && !errors.Is(err, chromedp.ErrPageLoad) {
				t.Fatal(err)
			}
			if html := see[string](tb, `document.documentElement.outerHTML`); strings.Contains(html, code) {
				t.Errorf("back:\n%s", html)
			}
			l.write("confirm/"+s.name, fields{"confirmation_code": code})
		})
	}
}
