package sandboxtest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Request is a token request; the zero value of a field is the well-formed one.
type Request struct {
	Method, URL string
	Form        string // encoded
	Basic       string // the Authorization header's value after "Basic ", before base64
	Header      map[string]string
	ContentType string
	ctx         context.Context // nil: the test's
}

// Within is the same request, given up when ctx ends.
func (r Request) Within(ctx context.Context) Request {
	r.ctx = ctx
	return r
}

// Result is an answer; Body stays nil when it is not JSON.
type Result struct {
	Status int
	Header http.Header
	Body   map[string]any
	raw    string
}

// Text is a field of the body that holds text, else "".
func (r Result) Text(field string) string {
	s, _ := r.Body[field].(string)
	return s
}

// Do sends a request; an error means that no answer came.
func (b *Bench) Do(c *http.Client, r Request) (Result, error) {
	if r.Method == "" {
		r.Method = http.MethodPost
	}
	if r.ContentType == "" {
		r.ContentType = "application/x-www-form-urlencoded"
	}
	if r.ctx == nil {
		r.ctx = b.T.Context()
	}
	req, err := http.NewRequestWithContext(r.ctx, r.Method, r.URL, strings.NewReader(r.Form))
	if err != nil {
		b.T.Fatal(err)
	}
	req.Header.Set("Content-Type", r.ContentType)
	for name, value := range r.Header {
		req.Header.Set(name, value)
	}
	if id, secret, ok := strings.Cut(r.Basic, ":"); ok {
		req.SetBasicAuth(id, secret)
	}
	resp, err := c.Do(req)
	if err != nil {
		return Result{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return Result{}, err
	}
	out := Result{Status: resp.StatusCode, Header: resp.Header, raw: string(raw)}
	json.Unmarshal(raw, &out.Body) // not every refusal is JSON
	return out, nil
}

// Send is Do with the client that has a certificate, where an answer is expected.
func (b *Bench) Send(r Request) Result {
	b.T.Helper()
	out, err := b.Do(b.Client, r)
	if err != nil {
		b.T.Fatal(err)
	}
	return out
}

// SendStill is Send that follows no redirect.
func (b *Bench) SendStill(r Request) Result {
	b.T.Helper()
	still := *b.Client
	still.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	out, err := b.Do(&still, r)
	if err != nil {
		b.T.Fatal(err)
	}
	return out
}

// Page sends a request and gives the page that comes, as it is on the wire.
func (b *Bench) Page(r Request) string {
	b.T.Helper()
	return b.SendStill(r).raw
}

// Want sends a request and insists on the status and, unless empty, the error code.
func (b *Bench) Want(status int, code string, r Request) Result {
	b.T.Helper()
	out := b.Send(r)
	if out.Status != status || code != "" && out.Text("error") != code {
		b.T.Fatalf("status %d, body %v; want %d %s\n%s", out.Status, out.Body, status, code, b.Log)
	}
	return out
}

// Form encodes names and values, which take turns.
func Form(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

// AsMultipart makes the request send the same parameters as multipart/form-data.
func (r *Request) AsMultipart() {
	v, _ := url.ParseQuery(r.Form)
	var body strings.Builder
	for name := range v {
		body.WriteString("--xx\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + v.Get(name) + "\r\n")
	}
	r.Form, r.ContentType = body.String()+"--xx--\r\n", "multipart/form-data; boundary=xx"
}
