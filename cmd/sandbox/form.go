package main

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"unicode/utf8"
)

// maxBody is far above any honest token request.
const maxBody = 64 << 10

// parse reads the body strictly: the right media type, every parameter known, once, and not empty-named.
// RFC 6749 section 3.2: "Request and response parameters MUST NOT be included more than once."
func (c *call) parse() *refusal {
	kind, args, err := mime.ParseMediaType(c.req.Header.Get("Content-Type"))
	if err != nil {
		return refuse(badContentType, "no readable Content-Type")
	}
	switch {
	case kind == "application/x-www-form-urlencoded":
		c.form, err = url.ParseQuery(string(c.body))
	case kind == "multipart/form-data" && c.multipart:
		c.form, err = parseMultipart(c.body, args["boundary"])
	default:
		return refuse(badContentType, "this endpoint does not take "+kind)
	}
	if err != nil {
		return refuse("invalid_request", "the body is not well-formed "+kind)
	}
	return c.checkParams()
}

func (c *call) checkParams() *refusal {
	for name, values := range c.form {
		if !c.known(name) {
			return refuse("invalid_request", "a parameter that this endpoint does not know: "+printable(name))
		}
		if len(values) != 1 {
			return refuse("invalid_request", "parameter sent more than once: "+name)
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

// printable cuts a name that a client made up to something fit for a log line.
func printable(s string) string {
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
