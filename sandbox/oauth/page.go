package oauth

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// defaultUser is the name that a page's form begins with.
const defaultUser = "alice@example.test"

// page is what a person sees: a question, an answer to be carried on, or a sentence. Every form works without a script.
type page struct {
	Kind   string // ask, device, post or said
	Title  string
	Text   string
	Wrong  string // what was wrong with the last try
	Client string
	Scope  []string
	To     string
	Action string // of the form; "" without one
	Hidden []field
	Name   string // of the user, to begin with
	Code   string // of the device, to begin with
}

type field struct{ Name, Value string }

// showPage is the page as an answer.
func showPage(status int, p page) Reply {
	var body bytes.Buffer
	if err := pageTemplate.Execute(&body, p); err != nil {
		panic(err) // the template takes every page
	}
	return Reply{Status: status, Body: body.Bytes(), Header: http.Header{
		"Content-Type": {"text/html; charset=utf-8"}, "Referrer-Policy": {"no-referrer"}, "X-Frame-Options": {"DENY"},
	}}
}

// refusedOnPage is for what must not be told by a redirect.
func refusedOnPage(r *Refusal) Reply {
	status := http.StatusBadRequest
	if r.Code == BadMethod || r.Code == BadContentType {
		status = r.Status()
	}
	out := showPage(status, page{Kind: "said", Title: "This can't be done", Text: r.OAuthCode() + ": " + r.Why})
	out.Refusal = r.Code + ": " + r.Why
	return out
}
