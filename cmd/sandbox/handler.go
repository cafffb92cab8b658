package main

import (
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// ServeHTTP answers what comes over TLS: the providers' endpoints.
func (s *sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(host)
	e := entry{
		Time: s.now(), Via: wireOf(r).via, Method: r.Method, Host: host, Path: r.URL.Path, Headers: redactHeaders(r.Header),
	}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		e.ClientCert = r.TLS.PeerCertificates[0].Subject.String()
	}
	if name := wireOf(r).host; name != "" && name != host {
		s.turnAway(w, e, http.StatusMisdirectedRequest, "the Host header and the connection's host differ")
		return
	}
	l, path := s.route(host, r.URL.Path, r.Header)
	if l == nil {
		s.turnAway(w, e, http.StatusNotFound, "no provider here")
		return
	}
	e.Provider = l.name
	c := &call{provider: l.provider, req: r, host: host, now: s.now(), endpoint: l.endpoint(host, path)}
	if path == metadataPath && l.metadata != nil {
		c.endpoint = endpointMetadata
	}
	if c.endpoint == "" {
		s.turnAway(w, e, http.StatusNotFound, "this provider has no such path")
		return
	}
	e.Endpoint = c.endpoint
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		s.turnAway(w, e, http.StatusRequestEntityTooLarge, "the body is too long or was cut off")
		return
	}
	c.body = body
	if c.endpoint == endpointAPI {
		s.serveAPI(w, l, c, e)
		return
	}
	s.serve(w, l, c, e)
}

// turnAway refuses what no provider is asked about.
func (s *sandbox) turnAway(w http.ResponseWriter, e entry, status int, why string) {
	e.Status, e.Refusal = status, why
	s.record(e)
	http.Error(w, http.StatusText(status), status)
}

// serve processes a call, spoilt as ordered, and writes it down before the client can see the answer: a
// test that has its answer finds the request in the journal.
func (s *sandbox) serve(w http.ResponseWriter, l *ledger, c *call, e entry) {
	out, f := l.process(c)
	e.Params, e.ClientID = redactParams(c.form), c.claimed()
	e.Status, e.Refusal, e.Replay, e.Resent, e.Fault = out.status, out.refusal, out.replay, out.resent, f.String()
	if f.drop || f.hang {
		e.Status = 0
	}
	s.record(e)
	if !s.wait(c.req, f) {
		panic(http.ErrAbortHandler) // closes the connection, says nothing
	}
	out.write(w, c)
}

// process does the provider's work under its lock, and counts.
func (l *ledger) process(c *call) (reply, fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = c.parse() // for the journal, and to see whose it is; a refusal comes in its turn
	f := l.take(c)
	l.stats.Requests++
	if f.any() {
		l.stats.Faults++
	}
	if f.hang || f.fail {
		return f.reply, f
	}
	out := l.once(c)
	switch {
	case out.refusal != "":
		l.stats.Refusals++
	case out.issued:
		l.stats.Successes++
	}
	if out.replay {
		l.stats.Replays++
	}
	return out, f
}

// wait does what a fault orders between the work and the answer; false means that no answer is to be given.
func (s *sandbox) wait(r *http.Request, f fault) bool {
	var late <-chan time.Time
	switch {
	case f.drop:
		return false
	case f.hang:
	case f.hold != nil:
		select {
		case <-f.hold:
			return true
		case <-r.Context().Done():
			return false
		case <-s.stop.Done():
			return false
		}
	case f.delay > 0:
		late = time.After(f.delay)
	default:
		return true
	}
	select {
	case <-late:
		return true
	case <-r.Context().Done():
	case <-s.stop.Done():
	}
	return false
}
