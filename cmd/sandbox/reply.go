package main

import (
	"compress/gzip"
	"encoding/json"
	"net/http"
	"strings"
)

// refusal is why a request is not granted. code is an error code of RFC 6749 section 5.2, or one of the
// codes below; why is for the log and names no secret.
type refusal struct {
	code, why string
	replay    bool // a spent refresh token was sent
}

// Codes for what goes wrong before OAuth has a say.
const (
	badMethod      = "method_not_allowed"
	badContentType = "unsupported_media_type"
	badHeader      = "bad_header"
	badCertificate = "bad_certificate"
)

func refuse(code, why string) *refusal { return &refusal{code: code, why: why} }

// reply is what goes back over the wire.
type reply struct {
	status  int
	header  http.Header
	body    []byte
	refusal string
	replay  bool
	issued  bool // tokens were issued
	resent  bool // stored answer of an idempotency key
}

// status gives the HTTP status that most servers use for a refusal's code.
func (r *refusal) status() int {
	switch r.code {
	case badMethod:
		return http.StatusMethodNotAllowed
	case badContentType:
		return http.StatusUnsupportedMediaType
	case "invalid_client":
		return http.StatusUnauthorized
	}
	return http.StatusBadRequest
}

// oauthCode is the code for a body in the shape of RFC 6749, which has no words for transport mistakes.
func (r *refusal) oauthCode() string {
	switch r.code {
	case badMethod, badContentType, badHeader, badCertificate:
		return "invalid_request"
	}
	return r.code
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps of plain values only
	}
	return b
}

// oauthRefusal is a body of RFC 6749 section 5.2.
func oauthRefusal(_ *call, r *refusal) reply {
	h := http.Header{}
	if r.code == "invalid_client" {
		h.Set("WWW-Authenticate", `Basic realm="sandbox"`)
	}
	return reply{status: r.status(), header: h, body: encode(map[string]any{
		"error": r.oauthCode(), "error_description": r.why,
	})}
}

func (out reply) write(w http.ResponseWriter, c *call) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	sets := []http.Header{out.header}
	if c.header != nil {
		sets = []http.Header{c.header(), out.header}
	}
	for _, set := range sets {
		for name, values := range set {
			h[name] = values
		}
	}
	if !c.gzip || !strings.Contains(c.req.Header.Get("Accept-Encoding"), "gzip") {
		w.WriteHeader(out.status)
		w.Write(out.body)
		return
	}
	h.Set("Content-Encoding", "gzip")
	w.WriteHeader(out.status)
	z := gzip.NewWriter(w)
	for _, part := range [][]byte{out.body[:len(out.body)/2], out.body[len(out.body)/2:]} {
		z.Write(part)
		z.Flush()
		w.(http.Flusher).Flush() // ends a chunk
	}
	z.Close()
}
