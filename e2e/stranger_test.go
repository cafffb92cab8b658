package e2e

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Whatever a browser brings to callback/ and start/ without a token, or anything that is no browser: a page, one text for
// all that is not known, nothing stored, nothing sent. What Vault itself answers is JSON and holds no value.
func TestStrangersAtTheDoor(t *testing.T) {
	t.Parallel()
	l, alices, _ := attacked(t)
	link := alices.begins("portal", nil)
	back := l.comesBack(alice, link, "pingone")
	good := query(back)
	door, start := l.callback("pingone"), l.v.addr+"/v1/oauth/start/"
	big := strings.Repeat("a", 64<<10)
	store := openStore(t, l.v, "oauth")
	before := len(store.entries(""))

	for name, address := range map[string]string{
		"nothing":              door,
		"a parameter twice":    door + "?" + good.Encode() + "&state=" + good.Get("state"),
		"a code twice":         door + "?" + good.Encode() + "&code=another",
		"a long state":         door + "?code=x&state=" + big[:8000],
		"an unknown provider":  l.callback("nobody") + "?" + good.Encode(),
		"a provider in a path": l.callback("pingone/") + "?" + good.Encode(),
		"a namespace's path":   l.callback("ns1/pingone") + "?" + good.Encode(),
		"dots":                 l.callback("..%2f..%2froles%2fportal") + "?" + good.Encode(),
		"markup":               door + "?state=%3Cscript%3Ealert(1)%3C/script%3E&error=%3Cb%3E&error_description=%3Cimg%20src=x%3E",
		"no ticket":            start + "x",
		"a state as a ticket":  start + good.Get("state"),
	} {
		t.Run(name, func(t *testing.T) {
			got := visit(t, http.MethodGet, address, nil)
			wantUnknown(t, got)
			if strings.Contains(got.body, "<script") || strings.Contains(got.body, "<img") {
				t.Error(got.body)
			}
		})
	}
	for name, form := range map[string]url.Values{
		"a parameter twice in a form": {"code": good["code"], "state": {good.Get("state"), good.Get("state")}, "iss": good["iss"]},
		"64 KiB in a form":            {"code": {big}, "state": good["state"], "iss": good["iss"]},
		"64 KiB beside the answer":    {"code": good["code"], "state": good["state"], "iss": good["iss"], "x": {big}},
		"nothing in a form":           {},
	} {
		t.Run(name, func(t *testing.T) { wantUnknown(t, visit(t, http.MethodPost, door, form)) })
	}
	t.Run("64 KiB in the query", func(t *testing.T) {
		got := visit(t, http.MethodGet, door+"?"+good.Encode()+"&x="+big, nil)
		if got.status < 400 || got.code() != "" || strings.Contains(got.body, good.Get("code")) {
			t.Errorf("%d %.200s", got.status, got.body)
		}
	})
	for _, method := range []string{http.MethodHead, http.MethodDelete, http.MethodOptions, http.MethodPatch, "LIST"} {
		t.Run(method, func(t *testing.T) {
			got := visit(t, method, back, nil)
			if got.status < 400 || got.status >= 500 || got.code() != "" || strings.Contains(got.body, good.Get("code")) || strings.Contains(got.body, good.Get("state")) {
				t.Errorf("%d %s", got.status, got.body)
			}
		})
	}
	for _, word := range []string{"list=true", "list=nonsense", "help=1", "help=0", "read_snapshot_id=x", "recover_snapshot_id=x"} {
		t.Run(word, func(t *testing.T) {
			got := visit(t, http.MethodGet, door+"?"+word, nil)
			if got.code() != "" || strings.Contains(got.body, "nonsense") {
				t.Errorf("%d %s", got.status, got.body)
			}
		})
	}
	for name, body := range map[string][2]string{
		"JSON as a form": {"application/x-www-form-urlencoded", `{"code":"` + good.Get("code") + `","state":["` + good.Get("state") + `"]}`},
		"plain text":     {"text/plain", good.Encode()},
		"multipart":      {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"state\"\r\n\r\n" + good.Get("state") + "\r\n--x--\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if status, text := postAs(t, door, body[0], body[1]); status < 400 || shownCode.MatchString(text) || strings.Contains(text, good.Get("code")) {
				t.Errorf("%d %s", status, text)
			}
		})
	}
	for _, path := range []string{"authorize/portal", "confirm/portal", "device/portal", "creds/portal", "status/portal", "callback", "start"} {
		t.Run("without a token at "+path, func(t *testing.T) {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				if got := visit(t, method, l.v.addr+"/v1/oauth/"+path, nil); got.status != http.StatusForbidden && got.status != http.StatusNotFound {
					t.Errorf("%s: %d %s", method, got.status, got.body)
				}
			}
		})
	}
	if n := len(store.entries("")); n != before {
		t.Errorf("strangers have made %d entries in storage", n-before)
	}
	if n := l.sandbox.exchanges("pingone"); n != 0 {
		t.Errorf("strangers have made the engine send %d codes", n)
	}
	code := visit(t, http.MethodPost, door, good).code() // all of that has used nothing up
	alices.confirms("portal", code)
}

func postAs(t *testing.T, address, contentType, body string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := stranger.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// The headers of a page arrive where the mount allows them, and without that the page is as safe by itself: Vault forbids
// caches either way. What the page itself says forbids all but its own style.
func TestHeadersOfThePage(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.opens()
	wanted := map[string]string{
		"Content-Security-Policy": "frame-ancestors 'none'", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
	}
	bare := visit(t, http.MethodGet, l.callback("pingone"), nil)
	if got := bare.header.Get("Referrer-Policy"); got != "" {
		t.Errorf("Referrer-Policy arrives untuned: %q", got)
	}
	if !strings.Contains(bare.body, `http-equiv="Content-Security-Policy"`) || bare.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v\n%s", bare.header, bare.body)
	}
	var tune strings.Builder
	for name := range wanted {
		tune.WriteString(" -allowed-response-headers=" + name)
	}
	l.run("vault secrets tune" + tune.String() + " oauth/")
	tuned := visit(t, http.MethodGet, l.callback("pingone"), nil)
	for name, value := range wanted {
		if got := tuned.header.Get(name); !strings.Contains(got, value) {
			t.Errorf("%s: %q", name, got)
		}
	}
	if tuned.body != bare.body {
		t.Error("the page is another one")
	}
}

// A rate limit quota on callback/ is answered by Vault with 429, and leaves the other paths alone.
func TestQuotaOnTheCallback(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.opens()
	l.run(`vault write sys/quotas/rate-limit/callback path="oauth/callback/*" rate=3 interval=1m`)
	t.Cleanup(func() { l.run("vault delete sys/quotas/rate-limit/callback") })
	limited := 0
	for range 6 {
		if got := visit(t, http.MethodGet, l.callback("pingone"), nil); got.status == http.StatusTooManyRequests {
			limited++
		}
	}
	if limited != 3 {
		t.Errorf("%d of 6 visits were one too many", limited)
	}
	l.run("vault write oauth/roles/portal " + consentRole)
	l.run("vault write -force oauth/authorize/portal")
}
