package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// request is a token request; the zero value of a field is the well-formed one.
type request struct {
	method, url string
	form        string // encoded
	basic       string // the Authorization header's value after "Basic ", before base64
	header      map[string]string
	contentType string
	ctx         context.Context // nil: the test's
}

func (r request) within(ctx context.Context) request {
	r.ctx = ctx
	return r
}

type result struct {
	status int
	header http.Header
	body   map[string]any
}

func (r result) text(field string) string {
	s, _ := r.body[field].(string)
	return s
}

func (b *bench) do(c *http.Client, r request) (result, error) {
	if r.method == "" {
		r.method = http.MethodPost
	}
	if r.contentType == "" {
		r.contentType = "application/x-www-form-urlencoded"
	}
	if r.ctx == nil {
		r.ctx = b.t.Context()
	}
	req, err := http.NewRequestWithContext(r.ctx, r.method, r.url, strings.NewReader(r.form))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", r.contentType)
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	if id, secret, ok := strings.Cut(r.basic, ":"); ok {
		req.SetBasicAuth(id, secret)
	}
	resp, err := c.Do(req)
	if err != nil {
		return result{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return result{}, err
	}
	out := result{status: resp.StatusCode, header: resp.Header}
	json.Unmarshal(raw, &out.body) // not every refusal is JSON
	return out, nil
}

// send is do where an answer is expected.
func (b *bench) send(r request) result {
	b.t.Helper()
	out, err := b.do(b.client, r)
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// want sends a request and insists on the status and, unless empty, the error code.
func (b *bench) want(status int, code string, r request) result {
	b.t.Helper()
	out := b.send(r)
	if out.status != status || code != "" && out.text("error") != code {
		b.t.Fatalf("status %d, body %v; want %d %s\n%s", out.status, out.body, status, code, b.log)
	}
	return out
}

func form(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

// asMultipart sends the same parameters as multipart/form-data.
func (r *request) asMultipart() {
	v, _ := url.ParseQuery(r.form)
	var body strings.Builder
	for name := range v {
		body.WriteString("--xx\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + v.Get(name) + "\r\n")
	}
	r.form, r.contentType = body.String()+"--xx--\r\n", "multipart/form-data; boundary=xx"
}
