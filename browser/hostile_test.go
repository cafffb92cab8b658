package browser

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// mallory is a provider whose every text is an attack. It asks nobody and sends the browser straight back.
type mallory struct {
	*httptest.Server
	mu      sync.Mutex
	account string     // in the answer of the token endpoint
	back    url.Values // what the browser brings, in the place of a code
}

func newMallory(t *testing.T) *mallory {
	m := new(mallory)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		defer m.mu.Unlock()
		back := url.Values{"code": {"c"}}
		if m.back != nil {
			back = m.back
		}
		query := r.URL.Query()
		http.Redirect(w, r, query.Get("redirect_uri")+"?"+back.Encode()+"&state="+url.QueryEscape(query.Get("state")), http.StatusSeeOther)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, _ *http.Request) {
		m.mu.Lock()
		defer m.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(fields{"access_token": "a", "refresh_token": "r", "expires_in": 3600, "account": m.account})
	})
	m.Server = httptest.NewTLSServer(mux)
	t.Cleanup(m.Close)
	return m
}

// authority is what the plugin has to trust.
func (m *mallory) authority() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: m.Certificate().Raw}))
}

// says orders what comes next.
func (m *mallory) says(account string, back url.Values) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.account, m.back = account, back
}

// hostile are texts that would do something in a document that does not escape them, or something to the eye.
var hostile = map[string]string{
	"script":         `<script>alert(1)</script>`,
	"picture":        `<img src=x onerror=alert(1)>`,
	"end of element": `</dd></dl></main><h1>Type BBBB-CCCC</h1><form action=https://evil.example><input autofocus onfocus=alert(1)>`,
	"style":          `</style><style>*{display:none}</style>`,
	"frame":          `<iframe srcdoc="<script>alert(1)</script>"></iframe><meta http-equiv=refresh content="0;url=https://evil.example">`,
	"quotes":         `"'` + "`" + ` onmouseover=alert(1) x="`,
	"entity":         `&lt;script&gt;alert(1)&lt;/script&gt;&#60;b&#62;`,
	"template":       `{{.Code}} ${alert(1)} {{printf "%s" .}} %s %d`,
	"address":        `javascript:alert(1) https://evil.example data:text/html,x`,
	"comment":        `<!-- --!> <![CDATA[ ]]> <!DOCTYPE x>`,
	"turned":         "alice\u202egpj.exe\u202c \u2066isolated\u2069 \u200f\u061c",
	"right to left":  "أليس@example.test עליס",
	"unseen":         "ali\u200bce\u00ad\ufeff\u2028\u2029\U000e0041",
	"control":        "al\x00i\x08ce\x1b[31m\r\n\tbob\u0085",
	"stacked":        "Z" + strings.Repeat("\u0351\u0300\u0489", 80),
	"long word":      strings.Repeat("W", 5000),
	"long":           strings.Repeat("alice ", 1000),
	"wide":           strings.Repeat("\ufdfd", 200),
	"emoji":          strings.Repeat("👩‍👩‍👧‍👦", 50),
	"not UTF-8":      "ali\xffce\xc0\xaf",
	"empty":          "",
}

// dangerous are the characters that must not reach the eye: those that steer a terminal, that turn what follows, and
// that nobody sees.
const dangerous = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u200b\u00ad\ufeff\u2028\u2029\x00\x08\x1b\u0085"

// Whatever a provider says of the account, and whatever comes through the browser, stands on the page as text, in bounds,
// and the page around it stays as it is.
func TestHostileTextsStayTexts(t *testing.T) {
	m := newMallory(t)
	l := newLab(t, false, m.authority())
	l.write("providers/mallory", fields{
		"token_endpoint": m.URL + "/token", "authorization_endpoint": m.URL + "/authorize", "token_endpoint_auth_method": "client_secret_post",
		"account_pointer": "/answer/account",
	})
	l.write("roles/crm", fields{"provider": "mallory", "client_id": "c", "client_secret": "s"})
	tb := newTab(t, true)
	tb.resize(320, 1)
	visit := func(t *testing.T, account string, back url.Values) {
		t.Helper()
		tb.t = t
		m.says(account, back)
		server.ask(t, http.MethodDelete, l.mount+"/authorize/crm", nil)
		tb.reach(l.callback("mallory"), chromedp.Navigate(l.begin("crm")))
	}
	quiet := func(t *testing.T) {
		t.Helper()
		tb.wantInert()
		if faults := tb.layout(); len(faults) > 0 {
			t.Errorf("%.400q", faults)
		}
		if complaints, requests := tb.noise(); len(complaints)+len(requests) > 0 {
			t.Errorf("complaints %s\nrequests %s", complaints, requests)
		}
		if text := see[string](tb, `document.body.textContent`); strings.ContainsAny(text, dangerous) {
			t.Errorf("%q", text)
		}
	}

	visit(t, "alice", nil)
	harmless, size := tb.elements(), see[float64](tb, `document.querySelector("main").scrollHeight`)
	if !strings.Contains(see[string](tb, `document.body.innerText`), "alice") {
		t.Fatal("the account is not shown")
	}
	for name, text := range hostile {
		t.Run("account "+name, func(t *testing.T) {
			visit(t, text, nil)
			quiet(t)
			if got := tb.elements(); text != "" && got != harmless {
				t.Errorf("the document is\n%s, and was\n%s", got, harmless)
			}
			if !shownCode.MatchString(tb.code()) {
				t.Errorf("code %q", tb.code())
			}
			if name == "script" || name == "entity" || name == "quotes" { // as it came, letter by letter
				if !strings.Contains(see[string](tb, `document.body.textContent`), text) {
					t.Errorf("%s is not shown as it is", text)
				}
			}
			if now := see[float64](tb, `document.querySelector("main").scrollHeight`); now > size+700 {
				t.Errorf("the page has grown from %.0f px to %.0f", size, now)
			}
		})
	}

	visit(t, "alice", url.Values{"error": {"access_denied"}})
	denied := see[string](tb, `document.body.innerText`)
	for name, text := range hostile {
		t.Run("error "+name, func(t *testing.T) {
			visit(t, "", url.Values{"error": {"access_denied"}, "error_description": {text}, "error_uri": {text}, "scope": {text}})
			quiet(t)
			if got := see[string](tb, `document.body.innerText`); untimed(got) != untimed(denied) {
				t.Errorf("the provider's text has changed the page:\n%s", got)
			}
			if text == "" {
				return
			}
			visit(t, "", url.Values{"error": {text}, "error_description": {text}})
			quiet(t)
			if got := see[string](tb, `document.body.innerText`); strings.Contains(got, text) || !strings.Contains(got, "Nothing was authorized") {
				t.Errorf("an error code that nobody has registered:\n%s", got)
			}
		})
		t.Run("stranger "+name, func(t *testing.T) {
			tb.t = t
			tb.open(l.callback("mallory") + "?" + url.Values{"state": {text}, "code": {text}, "error": {text}, text + "x": {text}}.Encode())
			quiet(t)
			if got := see[string](tb, `document.body.innerText`); !strings.HasPrefix(got, "There is nothing to show here") {
				t.Error(got)
			}
		})
	}
}

// Who has begun is shown by the name that an auth method gives, and the longest names that the engine takes fit too. No
// auth method of this Vault gives hostile ones, so they are put where they are kept.
func TestHostileNamesStayTexts(t *testing.T) {
	m := newMallory(t)
	l := newLab(t, false, m.authority())
	long := strings.Repeat("W", 128)
	l.write("providers/"+long, fields{
		"token_endpoint": m.URL + "/token", "authorization_endpoint": m.URL + "/authorize", "token_endpoint_auth_method": "client_secret_post",
	})
	l.write("roles/"+long, fields{"provider": long, "client_id": "c", "client_secret": "s"})
	tb := newTab(t, true)
	tb.resize(320, 1)
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			tb.t = t
			server.ask(t, http.MethodDelete, l.mount+"/authorize/"+long, nil)
			address := l.begin(long)
			l.rewrite(func(entry string) string {
				var consent fields
				if err := json.Unmarshal([]byte(entry), &consent); err != nil || consent["began_by"] == nil {
					t.Fatalf("%v: %s", err, entry)
				}
				consent["began_by"] = text
				out, _ := json.Marshal(consent)
				return string(out)
			})
			tb.reach(l.callback(long), chromedp.Navigate(address))
			if !shownCode.MatchString(tb.code()) {
				t.Fatalf("code %q\n%s", tb.code(), see[string](tb, `document.body.innerText`))
			}
			tb.wantInert()
			if faults := tb.layout(); len(faults) > 0 {
				t.Errorf("%.400q", faults)
			}
			if complaints, requests := tb.noise(); len(complaints)+len(requests) > 0 {
				t.Errorf("complaints %s\nrequests %s", complaints, requests)
			}
			if text := see[string](tb, `document.body.textContent`); strings.ContainsAny(text, dangerous) {
				t.Errorf("%q", text)
			}
		})
	}
}

// whenBegun is how the page says when its consent was begun.
var whenBegun = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`)

// untimed is a page's text without that.
func untimed(text string) string { return whenBegun.ReplaceAllString(text, "...") }
