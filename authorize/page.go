package authorize

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"strings"
	"time"
	"unicode"
)

// Page is what a browser is shown: one document without script, link, image or form, so that there is nothing to press
// and nothing to load, and it is safe where none of its headers arrive. Vault drops them unless the mount allows them.
type Page struct {
	Status int
	Body   []byte
}

// view is what the page's template is filled from. Whatever comes from elsewhere stands in texts that it escapes.
type view struct {
	Title      string
	Paragraphs []string
	Granted    *granted
	Policy     string
	Style      template.CSS
}

// granted is what the page says of a consent that waits for its caller.
type granted struct {
	Provider, Account, Role, BeganBy, Code, Command string
	BeganAt                                         time.Time
	Verified                                        bool
}

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// style follows the browser's own colours, light or dark, and fits a window of 320 px.
const style = `:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;margin:0;padding:1rem;overflow-wrap:anywhere}` +
	`main{max-width:40rem;margin:0 auto}h1{font-size:1.5rem;line-height:1.25}h2{font-size:1.15rem;margin:1.75rem 0 .25rem}p{margin:.5rem 0}` +
	`dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.25rem 1rem;margin:1rem 0}dt{opacity:.8}dd{margin:0;font-weight:600;unicode-bidi:isolate}small{font-weight:400}` +
	`.code{font:700 clamp(1.75rem,10vw,3rem)/1.3 ui-monospace,monospace;letter-spacing:.05em;text-align:center;border:2px solid;border-radius:.5rem;padding:.5rem;margin:1rem 0;user-select:all;white-space:nowrap}` +
	`code{font:.9rem ui-monospace,monospace;user-select:all}`

// policy forbids all but the style that stands in the page.
var policy = func() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
}()

// Header is what should come with every page, for mounts whose allowed_response_headers let it through.
func Header() http.Header {
	return http.Header{
		"Content-Security-Policy": {policy + "; frame-ancestors 'none'"},
		"Referrer-Policy":         {"no-referrer"},
		"X-Content-Type-Options":  {"nosniff"},
		"X-Frame-Options":         {"DENY"},
	}
}

func (v view) page(status int) *Page {
	v.Policy, v.Style = policy, template.CSS(style)
	var body bytes.Buffer
	if err := pageTemplate.Execute(&body, v); err != nil {
		return &Page{http.StatusInternalServerError, []byte("<!DOCTYPE html><title>Trouble</title><p>The page could not be made.")}
	}
	return &Page{status, body.Bytes()}
}

// grantedPage shows the code, once.
func (c *Consents) grantedPage(con *Consent, code string) *Page {
	return view{
		Title: "One step is left: confirm where you began",
		Granted: &granted{
			Provider: con.Provider, Account: legible(con.Account), Verified: con.AccountVerified, Role: con.Grant.Path(),
			BeganBy: legible(con.BeganBy), BeganAt: con.BeganAt.UTC(),
			Code: shownCode(code), Command: c.grants.Command("", "confirm", con.Grant) + " confirmation_code=" + shownCode(code),
		},
	}.page(http.StatusOK)
}

// maxMarks is how many marks one letter may carry: Vietnamese and Hebrew need two, pointed Arabic three.
const maxMarks = 3

// legible is what may be shown of a name that somebody else has given, see printable, without the marks that pile up on a
// letter until they cover the lines around it.
func legible(name string) string {
	marks := 0
	return strings.Map(func(c rune) rune {
		if marks++; !unicode.In(c, unicode.M) {
			marks = 0
		}
		if marks > maxMarks {
			return -1
		}
		return c
	}, printable(name))
}

// UnknownPage is one text for all that is not to be told apart: a state that nobody has begun with, one that was used,
// that has expired, or that is another provider's.
func UnknownPage() *Page {
	return view{Title: "There is nothing to show here", Paragraphs: []string{
		"This address was used already, has expired, or is not known here.",
		"A confirmation code is shown once. If you have seen it, type it where you began; if you have lost it, begin again there.",
		"If somebody has sent you here, close this page, and tell nobody a code that it has shown: without it nobody gets anything.",
	}}.page(http.StatusBadRequest)
}

// failedPage says why a consent has failed.
func failedPage(con *Consent, reason string) *Page {
	status, title := http.StatusBadRequest, "Nothing was authorized"
	if reason == reasonLost || strings.HasSuffix(reason, reasonBusy) {
		status = http.StatusBadGateway
	}
	return view{Title: title, Paragraphs: []string{
		upper(strings.TrimSuffix(reason, ".")) + ".",
		"This was for the role " + con.Grant.Path() + " at " + con.Provider + ", begun at " + con.BeganAt.UTC().Format(time.DateTime) + " UTC.",
		"If you did not begin it, close this page: nothing was given to anybody.",
	}}.page(status)
}

// TroublePage is for trouble of ours before anything was sent: the address may be opened once more.
func TroublePage() *Page {
	return view{Title: "This can't be done right now", Paragraphs: []string{
		"Vault could not look this up or store it, so nothing was sent to the provider and nothing is lost.",
		"Reload this page in a moment. If that does not help, begin again, and tell whoever runs Vault.",
	}}.page(http.StatusServiceUnavailable)
}

// pageOf is the page of a consent whose answer was not taken.
func pageOf(con *Consent, err error) *Page {
	if why, ok := errors.AsType[refused](err); ok {
		return failedPage(con, string(why))
	}
	return TroublePage()
}

func upper(sentence string) string {
	if sentence == "" {
		return ""
	}
	return strings.ToUpper(sentence[:1]) + sentence[1:]
}
