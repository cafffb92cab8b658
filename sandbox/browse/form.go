package browse

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// form is the first form of a page.
type form struct {
	action, method string
	fields         url.Values // as the page has them filled in
	typed          []string   // those that a person fills in
	buttons        []button
}

type button struct{ name, value string }

// firstForm finds it; nil on a page without one.
func firstForm(page string) *form {
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return nil
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "form" {
			f := &form{action: attribute(n, "action"), method: strings.ToUpper(attribute(n, "method")), fields: url.Values{}}
			for in := range n.Descendants() {
				f.add(in)
			}
			return f
		}
	}
	return nil
}

func (f *form) add(n *html.Node) {
	name, value, kind := attribute(n, "name"), attribute(n, "value"), attribute(n, "type")
	switch {
	case n.Type != html.ElementNode:
	case n.Data == "button" && (kind == "" || kind == "submit"), n.Data == "input" && kind == "submit":
		f.buttons = append(f.buttons, button{name, value})
	case n.Data == "input" && name != "":
		f.fields.Add(name, value)
		if kind != "hidden" {
			f.typed = append(f.typed, name)
		}
	}
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// submit fills the form in, clicks what the person means to, and gives the request that comes of it.
func (f *form) submit(at *url.URL, b *Browser) (*step, error) {
	for _, name := range f.typed {
		switch name {
		case "username":
			f.fields.Set(name, b.User)
		case "user_code":
			if b.UserCode != "" {
				f.fields.Set(name, b.UserCode)
			}
		default:
			return nil, errors.New("a page asks for something that this browser's person does not know: " + name)
		}
	}
	if !f.click(b.Deny) {
		return nil, errors.New("a page asks, and has no button for the answer")
	}
	to, err := at.Parse(f.action)
	if err != nil {
		return nil, errors.New("a form for no address")
	}
	if f.method == http.MethodPost {
		return &step{http.MethodPost, to.String(), f.fields}, nil
	}
	to.RawQuery = f.fields.Encode()
	return &step{method: http.MethodGet, url: to.String()}, nil
}

// click presses Allow or Deny, or on a page with neither, which only carries something on, the first button. It gives
// false where only the other answer can be given.
func (f *form) click(deny bool) bool {
	wanted, other := "allow", "deny"
	if deny {
		wanted, other = other, wanted
	}
	at := func(value string) int {
		return slices.IndexFunc(f.buttons, func(b button) bool { return b.value == value })
	}
	i := at(wanted)
	switch {
	case i < 0 && at(other) >= 0:
		return false
	case i < 0 && len(f.buttons) > 0:
		i = 0
	}
	if i >= 0 && f.buttons[i].name != "" {
		f.fields.Set(f.buttons[i].name, f.buttons[i].value)
	}
	return true
}
