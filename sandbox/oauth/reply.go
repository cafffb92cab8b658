package oauth

import (
	"compress/gzip"
	"encoding/json"
	"net/http"
	"strings"
)

// Refusal is why a request is not granted. Code is an error code of RFC 6749 section 5.2, or one of the
// codes below; Why is for the log and names no secret.
type Refusal struct {
	Code, Why string
	Replay    bool // a spent refresh token was sent
}

// Codes for what goes wrong before OAuth has a say.
const (
	BadMethod      = "method_not_allowed"
	BadContentType = "unsupported_media_type"
	BadHeader      = "bad_header"
	BadCertificate = "bad_certificate"
)

// Refuse is a refusal with a code and its reason.
func Refuse(code, why string) *Refusal { return &Refusal{Code: code, Why: why} }

// Reply is what goes back over the wire.
type Reply struct {
	Status  int
	Header  http.Header
	Body    []byte
	Refusal string // its code and reason, "" for none
	Replay  bool   // see Refusal.Replay
	issued  bool   // tokens were issued
	Resent  bool   // stored answer of an idempotency key
}

// Status gives the HTTP status that most servers use for a refusal's code.
func (r *Refusal) Status() int {
	switch r.Code {
	case BadMethod:
		return http.StatusMethodNotAllowed
	case BadContentType:
		return http.StatusUnsupportedMediaType
	case "invalid_client":
		return http.StatusUnauthorized
	}
	return http.StatusBadRequest
}

// OAuthCode is the code for a body in the shape of RFC 6749, which has no words for transport mistakes.
func (r *Refusal) OAuthCode() string {
	switch r.Code {
	case BadMethod, BadContentType, BadHeader, BadCertificate:
		return "invalid_request"
	}
	return r.Code
}

// Encode is the JSON of a body, which holds plain values only.
func Encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// OAuthRefusal is a body of RFC 6749 section 5.2.
func OAuthRefusal(_ *Call, r *Refusal) Reply {
	h := http.Header{}
	if r.Code == "invalid_client" {
		h.Set("WWW-Authenticate", `Basic realm="sandbox"`)
	}
	return Reply{Status: r.Status(), Header: h, Body: Encode(map[string]any{
		"error": r.OAuthCode(), "error_description": r.Why,
	})}
}

// Write answers a call, in what all answers of its provider have in common.
func (out Reply) Write(w http.ResponseWriter, c *Call) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	sets := []http.Header{out.Header}
	if c.Header != nil {
		sets = []http.Header{c.Header(), out.Header}
	}
	for _, set := range sets {
		for name, values := range set {
			h[name] = values
		}
	}
	if !c.Gzip || !strings.Contains(c.Req.Header.Get("Accept-Encoding"), "gzip") {
		w.WriteHeader(out.Status)
		w.Write(out.Body)
		return
	}
	h.Set("Content-Encoding", "gzip")
	w.WriteHeader(out.Status)
	z := gzip.NewWriter(w)
	for _, part := range [][]byte{out.Body[:len(out.Body)/2], out.Body[len(out.Body)/2:]} {
		z.Write(part)
		z.Flush()
		w.(http.Flusher).Flush() // ends a chunk
	}
	z.Close()
}
