package main

import (
	"io"
	"net"
	"net/http"
	"strings"
)

// ServeHTTP answers what comes over TLS: the providers' endpoints.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(host)
	e := entry{
		Time: f.now(), Via: wireOf(r).via, Method: r.Method, Host: host, Path: r.URL.Path, Headers: redactHeaders(r.Header),
	}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		e.ClientCert = r.TLS.PeerCertificates[0].Subject.String()
	}
	if name := wireOf(r).host; name != "" && name != host {
		f.turnAway(w, e, http.StatusMisdirectedRequest, "the Host header and the connection's host differ")
		return
	}
	l, path := route(f.ledgers, host, r.URL.Path, r.Header)
	if l == nil {
		f.turnAway(w, e, http.StatusNotFound, "no provider here")
		return
	}
	e.Provider = l.name
	e.Endpoint = l.endpointAt(host, path)
	if e.Endpoint == "" {
		f.turnAway(w, e, http.StatusNotFound, "this provider has no such path")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		f.turnAway(w, e, http.StatusRequestEntityTooLarge, "the body is too long or was cut off")
		return
	}
	c := l.newCall(r, host, e.Endpoint, body, e.Time)
	if e.Endpoint == endpointAPI {
		f.serveAPI(w, l, c, e)
		return
	}
	f.serveEndpoint(w, r, l, c, e)
}

// turnAway refuses what no provider is asked about.
func (f *front) turnAway(w http.ResponseWriter, e entry, status int, why string) {
	e.Status, e.Refusal = status, why
	f.journal.record(e)
	http.Error(w, http.StatusText(status), status)
}

// serveAPI answers a call to a provider's API.
func (f *front) serveAPI(w http.ResponseWriter, l *ledger, c *call, e entry) {
	out := l.answerAPI(c)
	e.Status, e.Refusal = out.status, out.refusal
	f.journal.record(e)
	out.write(w, c)
}

// serveEndpoint processes a call, spoilt as ordered, and writes it down before the client can see the answer: a
// test that has its answer finds the request in the journal.
func (f *front) serveEndpoint(w http.ResponseWriter, r *http.Request, l *ledger, c *call, e entry) {
	out, spoilt := l.process(c)
	e.Params, e.ClientID = redactParams(c.form), c.claimed()
	e.Status, e.Refusal, e.Replay, e.Resent, e.Fault = out.status, out.refusal, out.replay, out.resent, spoilt.String()
	if spoilt.unanswered() {
		e.Status = 0
	}
	f.journal.record(e)
	if !spoilt.wait(r.Context(), f.stop) {
		panic(http.ErrAbortHandler) // closes the connection, says nothing
	}
	out.write(w, c)
}
