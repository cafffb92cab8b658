package browse_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/sandbox/browse"
)

// serve is a server of pages on loopback.
func serve(t *testing.T, pages map[string]http.HandlerFunc) string {
	t.Helper()
	mux := http.NewServeMux()
	for path, page := range pages {
		mux.HandleFunc(path, page)
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

func html(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, body)
	}
}

// said shows what a request carried.
func said(w http.ResponseWriter, r *http.Request) {
	r.ParseForm()
	html(fmt.Sprintf("<p>%s %s", r.Method, r.Form.Encode()))(w, r)
}

func browser(t *testing.T) *browse.Browser {
	t.Helper()
	b, err := browse.New("http://127.0.0.1:1", nil, "alice")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A browser goes on as browsers do: what a redirect keeps, what a button says, what a page remembers.
func TestWhatABrowserDoes(t *testing.T) {
	at := serve(t, map[string]http.HandlerFunc{
		"/said":   said,
		"/button": html(`<form method="post" action="/307?c=d"><input type="hidden" name="a" value="b"><button>Go on</button></form>`),
		"/307": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/said?e=f", http.StatusTemporaryRedirect)
		},
		"/seen": html(`<form method="post" action="/303"><input type="hidden" name="a" value="b"></form>`),
		"/303":  func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/said?e=f", http.StatusSeeOther) },
		"/get":  html(`<form action="/said?gone=1"><input name="username"><input type="submit" name="decision" value="allow"></form>`),
		"/two":  html(`<form method="post" action="/consent"><input name="username"><button>Log in</button></form>`),
		"/consent": html(`<form method="post" action="/said"><button name="decision" value="deny">No</button>
			<button name="decision" value="allow">Yes</button></form>`),
		"/cookie": func(w http.ResponseWriter, r *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "session", Value: "s"})
			http.Redirect(w, r, "/cookied", http.StatusFound)
		},
		"/cookied": func(w http.ResponseWriter, r *http.Request) { html(r.Header.Get("Cookie"))(w, r) },
		"/plain":   func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<p>as it is", http.StatusOK) },
		"/text":    html("<title>no</title><style>no</style><h1>One\n two</h1><ul><li>a<li>b</ul><p>c <code>D-E</code><script>no</script>"),
	})
	for path, want := range map[string]string{
		"/button": "POST a=b&e=f", "/seen": "GET e=f", "/get": "GET decision=allow&username=alice", "/two": "POST decision=allow",
		"/cookie": "session=s", "/plain": "<p>as it is\n", "/text": "One two\na\nb\nc D-E",
	} {
		end, err := browser(t).Open(t.Context(), at+path)
		if err != nil || !end.Through() || end.Text != want {
			t.Errorf("%s: %+v %v", path, end, err)
		}
	}
	b := browser(t)
	b.Deny = true
	if end, err := b.Open(t.Context(), at+"/consent"); err != nil || end.Text != "POST decision=deny" {
		t.Errorf("denied: %+v %v", end, err)
	}
}

// Nothing goes on for ever or by guessing, and the first address must be one that somebody is at.
func TestWhatABrowserDoesNot(t *testing.T) {
	at := serve(t, map[string]http.HandlerFunc{
		"/round":    func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/round", http.StatusFound) },
		"/password": html(`<form method="post"><input name="username"><input name="password"></form>`),
		"/yes":      html(`<form method="post"><button name="decision" value="allow">Yes</button></form>`),
		"/away": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://vault.example.com/?error=x", http.StatusFound)
		},
	})
	b := browser(t)
	b.Deny = true
	for _, address := range []string{at + "/round", at + "/password", at + "/yes", "http://127.0.0.1:1/", "http://example.com/"} {
		if end, err := b.Open(t.Context(), address); err == nil {
			t.Errorf("%s: %+v", address, end)
		}
	}
	end, err := b.Open(t.Context(), at+"/away")
	if err != nil || end.Opened || end.Through() || !strings.HasPrefix(end.Address(), "http://vault.example.com/") {
		t.Errorf("%+v %v", end, err)
	}
}
