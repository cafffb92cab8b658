package browser

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Every page is what it must be, on a mount whose headers arrive and on one whose headers Vault drops, with scripts and
// without: it breaks no policy, asks for nothing, offers nothing to press, and can be read by everybody.
func TestEveryPageIsInertAndReadable(t *testing.T) {
	for _, tuned := range []bool{false, true} {
		l := newLab(t, tuned)
		for _, scripts := range []bool{true, false} {
			tb := newTab(t, scripts)
			for _, s := range scenes(salesforce()) {
				t.Run(fmt.Sprintf("%s tuned=%t scripts=%t", s.name, tuned, scripts), func(t *testing.T) {
					l := l.forTest(t)
					tb.t = t
					tb.forget()
					at := s.enter(l, tb)
					if at.status != s.status || !strings.HasPrefix(see[string](tb, `document.title`), s.title) {
						t.Fatalf("%d, want %d:\n%s", at.status, s.status, see[string](tb, `document.title + "\n" + document.body.innerText`))
					}
					tb.wantHeaders(at, tuned)
					tb.wantInert()
					if scripts && !tuned { // neither makes it look otherwise
						tb.wantReadable()
						tb.wantHeard()
					}
					// Once all else is done: a request that comes late would be there by now.
					if complaints, requests := tb.noise(); len(complaints)+len(requests) > 0 {
						t.Errorf("complaints %s\nrequests %s", complaints, requests)
					}
					if asked := entrance.since(); len(asked) != 1 {
						t.Errorf("the browser has asked for %s", asked)
					}
				})
			}
		}
	}
}

// wantHeaders asserts that the page's headers are there where they are let through, and only there.
func (tb *tab) wantHeaders(at arrival, tuned bool) {
	tb.t.Helper()
	for _, name := range headers {
		value, there := "", false
		for got, v := range at.header {
			if strings.EqualFold(got, name) {
				value, there = fmt.Sprint(v), true
			}
		}
		if there != tuned || name == headers[0] && tuned && !strings.HasSuffix(value, "; frame-ancestors 'none'") { // which no meta can say
			tb.t.Errorf("header %s: %q", name, value)
		}
	}
}

// wantInert asserts that there is nothing to press, to load or to run, and that the document says so itself.
func (tb *tab) wantInert() {
	tb.t.Helper()
	if pressable := tb.pressable(); len(pressable) > 0 {
		tb.t.Errorf("can be pressed: %s", pressable)
	}
	for _, name := range []string{"script", "link", "img", "base", "form"} {
		if slices.Contains(strings.Fields(tb.elements()), name) {
			tb.t.Errorf("there is a %s", name)
		}
	}
	meta := see[map[string]string](tb, `Object.fromEntries([...document.querySelectorAll("meta")].map(m => [(m.httpEquiv || m.name).toLowerCase(), m.content]))`)
	if !strings.HasPrefix(meta["content-security-policy"], "default-src 'none'; style-src 'sha256-") || meta["referrer"] != "no-referrer" {
		tb.t.Errorf("meta: %v", meta)
	}
	// Styled at all: a digest that is wrong would be a violation, one that is forgotten a page without style.
	if see[string](tb, `getComputedStyle(document.querySelector("main")).maxWidth`) == "none" {
		tb.t.Error("the page has no style")
	}
}

// wantReadable asserts that the page can be read on a telephone, magnified, and in a dark browser.
func (tb *tab) wantReadable() {
	tb.t.Helper()
	defer tb.prefer("")
	defer tb.resize(1024, 1)
	for _, window := range []struct {
		name  string
		width int64
		scale float64
	}{{"a window of 1024 px", 1024, 1}, {"the same at 200 %", 512, 2}, {"320 px", 320, 1}} {
		tb.resize(window.width, window.scale)
		if faults := tb.layout(); len(faults) > 0 {
			tb.t.Errorf("%s: %s", window.name, strings.Join(faults, "\n"))
		}
	}
	var behind []colour
	for _, scheme := range []string{"light", "dark"} {
		tb.prefer(scheme)
		if faults := tb.contrast(); len(faults) > 0 {
			tb.t.Errorf("%s: %s", scheme, strings.Join(faults, "\n"))
		}
		behind = append(behind, tb.background())
	}
	if luminance(behind[0]) < 0.5 || luminance(behind[1]) > 0.1 {
		tb.t.Errorf("the background is %v, and in a dark browser %v", behind[0], behind[1])
	}
}

// wantHeard asserts what a screen reader needs: the language, a title that is the page's one heading of the first level,
// and a code that is read as one word.
func (tb *tab) wantHeard() {
	tb.t.Helper()
	title := see[string](tb, `document.title`)
	outline := tb.outline()
	for _, want := range []heard{{"RootWebArea", title}, {"heading", title}} {
		if n := len(slices.DeleteFunc(slices.Clone(outline), func(h heard) bool { return h != want })); n != 1 {
			tb.t.Errorf("%d times %v in %v", n, want, outline)
		}
	}
	if !slices.ContainsFunc(outline, func(h heard) bool { return h.role == "main" }) {
		tb.t.Errorf("no main in %v", outline)
	}
	if lang := see[string](tb, `document.documentElement.lang`); lang != "en" {
		tb.t.Errorf("lang=%q", lang)
	}
	if h1 := see[int](tb, `document.querySelectorAll("h1").length`); h1 != 1 {
		tb.t.Errorf("%d headings of the first level", h1)
	}
	if code := tb.code(); code != "" && (!slices.Contains(outline, heard{"StaticText", code}) || see[int](tb, `document.querySelector(".code").childNodes.length`) != 1) {
		tb.t.Errorf("the code %s is not one text in %v", code, outline)
	}
}
