package clienttest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Answer is what a Server does with one request.
type Answer struct {
	Status int
	Header map[string]string
	Body   string
	// Gzip compresses the body, as a server does when the client accepts it.
	Gzip bool
	// Chunked sends the body in chunks instead of stating its length.
	Chunked bool
	// Raw, when set, is sent instead of a well-formed answer.
	Raw string
	// CutAfter, when above 0, sends that many bytes of the body and then hangs up.
	CutAfter int
	// Drop hangs up without a byte of an answer: the request was processed, the answer is lost.
	Drop bool
	// Gate, when set, holds the answer back until it is closed.
	Gate <-chan struct{}

	undated bool // has no Date of its own accord
}

// JSON is an answer with a JSON body.
func JSON(status int, body string) Answer {
	return Answer{Status: status, Body: body, Header: map[string]string{"Content-Type": "application/json"}}
}

// Text is an answer of any other content type.
func Text(status int, contentType, body string) Answer {
	return Answer{Status: status, Body: body, Header: map[string]string{"Content-Type": contentType}}
}

// With returns the answer with one more header.
func (a Answer) With(name, value string) Answer {
	header := map[string]string{name: value}
	for k, v := range a.Header {
		if !strings.EqualFold(k, name) {
			header[k] = v
		}
	}
	a.Header = header
	return a
}

// send writes the answer once its gate is open; when the test ends first, it hangs up.
func (a Answer) send(w io.Writer, stop <-chan struct{}) {
	if a.Gate != nil {
		select {
		case <-a.Gate:
		case <-stop:
			return
		}
	}
	if a.Drop {
		return
	}
	_, _ = w.Write(a.bytes())
}

func (a Answer) bytes() []byte {
	if a.Raw != "" {
		return []byte(a.Raw)
	}
	body := []byte(a.Body)
	header := http.Header{}
	if !a.undated {
		header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	for name, value := range a.Header {
		header.Set(name, value)
	}
	if a.Gzip {
		var compressed bytes.Buffer
		w := gzip.NewWriter(&compressed)
		_, _ = w.Write(body)
		_ = w.Close()
		body = compressed.Bytes()
		header.Set("Content-Encoding", "gzip")
	}
	response := http.Response{
		StatusCode: a.Status, ProtoMajor: 1, ProtoMinor: 1, Header: header, Close: true,
		ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
	}
	if a.Chunked {
		response.ContentLength = -1
		response.TransferEncoding = []string{"chunked"}
	}
	var out bytes.Buffer
	if err := response.Write(&out); err != nil {
		return fmt.Appendf(nil, "HTTP/1.1 500 clienttest: %v\r\n\r\n", err)
	}
	if a.CutAfter > 0 {
		head := bytes.Index(out.Bytes(), []byte("\r\n\r\n")) + len("\r\n\r\n")
		return out.Bytes()[:min(head+a.CutAfter, out.Len())]
	}
	return out.Bytes()
}
