package oauth

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"unicode/utf8"
)

// MaxBody is far above any honest token request.
const MaxBody = 64 << 10

// parse reads the body strictly: the right media type, every parameter known, once, and not empty-named.
// RFC 6749 section 3.2: "Request and response parameters MUST NOT be included more than once."
func (c *Call) parse() *Refusal {
	if c.isPage() && c.Req.Method == http.MethodGet {
		var err error
		if c.Form, err = url.ParseQuery(c.Req.URL.RawQuery); err != nil {
			return Refuse("invalid_request", "the query is not well-formed")
		}
		return c.checkParams()
	}
	kind, args, err := mime.ParseMediaType(c.Req.Header.Get("Content-Type"))
	if err != nil {
		return Refuse(BadContentType, "no readable Content-Type")
	}
	switch {
	case kind == "application/x-www-form-urlencoded":
		c.Form, err = url.ParseQuery(string(c.body))
	case kind == "multipart/form-data" && c.Multipart:
		c.Form, err = parseMultipart(c.body, args["boundary"])
	default:
		return Refuse(BadContentType, "this endpoint does not take "+kind)
	}
	if err != nil {
		return Refuse("invalid_request", "the body is not well-formed "+kind)
	}
	return c.checkParams()
}

func (c *Call) checkParams() *Refusal {
	for name, values := range c.Form {
		if !c.known(name) {
			return Refuse("invalid_request", "a parameter that this endpoint does not know: "+Printable(name))
		}
		if len(values) != 1 {
			return Refuse("invalid_request", "parameter sent more than once: "+name)
		}
	}
	return nil
}

func parseMultipart(body []byte, boundary string) (url.Values, error) {
	form := url.Values{}
	r := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := r.NextPart()
		if err == io.EOF {
			return form, nil
		}
		if err != nil {
			return nil, err
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		form.Add(part.FormName(), string(value))
	}
}

// Printable cuts a name that a client made up to something fit for a log line.
func Printable(s string) string {
	out := make([]rune, 0, 40)
	for _, r := range s {
		if len(out) == 40 {
			break
		}
		if r < ' ' || r == utf8.RuneError || r == 0x7f {
			r = '?'
		}
		out = append(out, r)
	}
	return string(out)
}
