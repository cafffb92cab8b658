package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// secrets plants what a consent is made of, for the search in all logs when the run is over, and for this test's own in
// pages and errors.
type secrets struct{ *canarySet }

func (s secrets) plant(name, value string) {
	canaries.add(name, value)
	s.add(name, value)
}

// wantNone looks for them in a text.
func (s secrets) wantNone(t *testing.T, where, text string) {
	t.Helper()
	for _, name := range s.find([]byte(text)) {
		t.Errorf("%s holds the %s", where, name)
	}
}

// plantStored makes canaries of what is stored of consents that are under way; nobody else has it.
func (s secrets) plantStored(l *lab) (planted int) {
	l.t.Helper()
	for _, text := range openStore(l.t, l.v, "oauth").entries("consent/") {
		var e struct {
			CodeVerifier string `json:"code_verifier"`
			DeviceCode   string `json:"device_code"`
			IDToken      string `json:"id_token"`
			Nonce        string
		}
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			l.t.Fatal(err)
		}
		for name, value := range map[string]string{"code verifier": e.CodeVerifier, "device code": e.DeviceCode, "nonce": e.Nonce} {
			if s.plant(name, value); value != "" {
				planted++
			}
		}
		for _, part := range strings.Split(e.IDToken, ".") {
			s.plant("ID token", part)
		}
		if e.IDToken != "" {
			planted++
		}
	}
	return planted
}

// Code, state, verifier, nonce, ID token and confirmation code of consents that go well and of those that fail are in no
// log, no error and on no page, but for the confirmation code on the one page that shows it. The answers come as forms.
func TestSecrecyOfConsents(t *testing.T) {
	t.Parallel()
	l, server, operator := discovers(t)
	known := secrets{&canarySet{values: map[string]string{}}}
	var said []string
	fails := func(path string, fields map[string]any) {
		t.Helper()
		_, err := operator.try(path, fields)
		if err == nil {
			t.Fatalf("%s succeeds", path)
		}
		said = append(said, err.Error())
	}
	for name, change := range map[string]func(*asker){
		"all is well":   func(*asker) {},
		"keys are down": func(a *asker) { a.keysDown = true },
		"another nonce": func(a *asker) { a.nonce = "another-nonce-altogether" },
		"another key":   func(a *asker) { a.keys = signingKey(t) },
	} {
		server.changed(change)
		link := operator.begins("papers", nil)
		known.plant("state", query(link).Get("state"))
		known.plant("nonce", query(link).Get("nonce"))
		if known.plantStored(l) < 2 {
			t.Fatal("no verifier and nonce found in storage: does the test know their shape?")
		}
		back := server.agree(petra, link)
		known.plant("authorization code", back.form.Get("code"))
		page := back.arrives(t)
		if name == "keys are down" && known.plantStored(l) == 0 {
			t.Fatal("no ID token found in storage: does the test know its shape?")
		}
		known.wantNone(t, "the page", page.body)
		known.wantNone(t, "the page that is shown again", back.arrives(t).body)
		known.wantNone(t, "the read", strings.Join(textsOf(operator.read("oauth/authorize/papers")), " "))
		fails("oauth/confirm/papers", map[string]any{"confirmation_code": "BBBB-BBBB"})
		if code := page.code(); code != "" {
			known.plant("confirmation code", code)
			known.plant("confirmation code", strings.ReplaceAll(code, "-", ""))
			if name == "keys are down" {
				fails("oauth/confirm/papers", map[string]any{"confirmation_code": code})
				server.changed(func(a *asker) { a.keysDown = false })
			}
			known.wantNone(t, "confirm", strings.Join(textsOf(operator.confirms("papers", code)), " "))
		}
		fails("oauth/confirm/papers", map[string]any{"redirected_to": back.address + "?" + back.form.Encode()})
		fails("oauth/confirm/papers", map[string]any{"authorization_code": back.form.Get("code"), "redirect_uri": back.address, "code_verifier": "a-wrong-verifier-canary-of-forty-three-characters-and-more"})
		l.run("vault read oauth/status/papers && vault read oauth/explain/papers && vault delete oauth/authorize/papers")
		server.changed(func(a *asker) { a.nonce, a.keysDown, a.keys = "", false, a.key })
	}
	canaries.add("wrong verifier", "a-wrong-verifier-canary-of-forty-three-characters-and-more")
	known.wantNone(t, "an error", strings.Join(said, "\n"))
	if n := openStore(t, l.v, "oauth").plantCanaries(); n < 2 {
		t.Errorf("only %d secrets found in storage", n)
	}
}

func textsOf(fields map[string]any) (texts []string) {
	for _, value := range fields {
		if text, ok := value.(string); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

var requestURI = regexp.MustCompile(`"request_uri":"[^"]*"`)

// What comes as a GET stands in clear in the audit log, as the request's address, and nowhere else. It is spent by then:
// whoever reads it there can do nothing with the state, and the provider takes the code no more. A form leaves nothing.
func TestWhatTheAuditLogHasIsSpent(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.opens()
	operator := l.v.caller(t, l.v.token)
	for _, s := range asking {
		t.Run(s.provider, func(t *testing.T) {
			operator.t = t
			l.forTest(t).run("vault write oauth/roles/" + s.role + " " + s.fields)
			audit, log := l.v.followAudit(t), l.v.follow(t)
			link := operator.begins(s.role, nil)
			back := query(l.comesBack(alice, link, s.provider))
			var page shownPage
			if s.posts {
				page = visit(t, http.MethodPost, l.callback(s.provider), back)
			} else {
				page = visit(t, http.MethodGet, l.callback(s.provider)+"?"+back.Encode(), nil)
			}
			operator.confirms(s.role, page.code())

			spent := secrets{&canarySet{values: map[string]string{}}}
			spent.add("code", back.Get("code"))
			spent.add("state", back.Get("state"))
			text := audit.read()
			addresses := strings.Join(requestURI.FindAllString(text, -1), "\n")
			if got := len(spent.find([]byte(addresses))); got != map[bool]int{false: 2, true: 0}[s.posts] {
				t.Errorf("request_uri holds %d of code and state", got)
			}
			spent.wantNone(t, "the rest of the audit log", requestURI.ReplaceAllString(text, ""))
			spent.wantNone(t, "Vault's log", log.read())
			secrets{canaries}.wantNone(t, "the audit log", text)

			for _, params := range []url.Values{back, {"state": back["state"], "code": {"another"}}, {"state": back["state"], "error": {"access_denied"}}} {
				wantUnknown(t, visit(t, http.MethodGet, l.callback(s.provider)+"?"+params.Encode(), nil))
				wantUnknown(t, visit(t, http.MethodPost, l.callback(s.provider), params))
			}
			l.sandbox.wantLive(s.provider, l.read("oauth/creds/"+s.role).token())
			operator.refused("oauth/confirm/"+s.role, map[string]any{"authorization_code": back.Get("code"), "redirect_uri": l.callback(s.provider)}, "refused the authorization code")
		})
	}
}
