// Package clienttest is a token endpoint for tests. It speaks the wire, not net/http's server: a
// test sees the bytes that arrived, answers with any bytes it likes, keeps a request waiting at a
// gate, or hangs up when it hurts most.
//
//	server := clienttest.New(t, clienttest.Options{})
//	server.Enqueue(clienttest.JSON(200, `{"access_token":"a1","expires_in":3600}`))
//	// let the code under test POST to server.URL() + "/token", trusting server.Pool()
//	first := server.Requests()[0]
//
// It listens on loopback under its own CA and shares no code with package client, so that a
// mistake in the one can't hide in the other.
package clienttest

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"
)

// patience bounds every wait of the server: far more than a loopback exchange takes, and less
// than the test binary's own limit, so that a hang names its place.
const patience = 30 * time.Second

// Options shape a Server.
type Options struct {
	// Plain serves http:// instead of https://.
	Plain bool
	// RequireClientCertificate refuses, in the TLS handshake, whoever shows no certificate of
	// this package's CA (see ClientCertificate).
	RequireClientCertificate bool
	// AskForClientCertificate takes any certificate and none, and names no CA that it knows.
	AskForClientCertificate bool
	// MaxTLSVersion is the highest TLS version, 0 for the newest. In TLS 1.2 a refused client
	// certificate fails the handshake; in TLS 1.3 the refusal arrives on the client's first read.
	MaxTLSVersion uint16
	// Certificate replaces the server's certificate; nil is one for 127.0.0.1 and localhost.
	Certificate *tls.Certificate
}

// Server is a scriptable token endpoint. Each connection carries one request and is closed after
// the answer, so Requests counts what was really sent. Its methods may be called concurrently.
type Server struct {
	t        testing.TB
	options  Options
	secure   func() *tls.Config
	listener net.Listener
	stop     chan struct{} // closed at the end of the test; opens every gate
	handlers sync.WaitGroup

	mu       sync.Mutex
	arrived  *sync.Cond
	requests []*Request
	queue    []Answer
	handler  func(*Request) Answer
	dials    int
	known    *x509.Certificate // nil lets everybody in
}

// Request is one request as it arrived.
type Request struct {
	Method, Path, Proto string
	Host                string
	Header              http.Header
	Body                []byte
	Form                url.Values // of a form-encoded body, else empty
	Raw                 []byte     // every byte, from the request line to the end of the body
	PeerCertificates    []*x509.Certificate
	Resumed             bool // the TLS session was, so that there was no whole handshake
}

// New starts a server that stops with the test. Without Enqueue or Handle it answers 500.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("clienttest: %v", err)
	}
	s := &Server{t: t, options: o, listener: l, stop: make(chan struct{})}
	s.arrived = sync.NewCond(&s.mu)
	s.secure = sync.OnceValue(s.tlsConfig) // one for all connections: it has the key of the session tickets
	s.handlers.Go(s.accept)
	t.Cleanup(func() {
		close(s.stop)
		_ = l.Close()
		s.handlers.Wait()
	})
	return s
}

// URL is the server's base URL, without a path: https://127.0.0.1:port.
func (s *Server) URL() string {
	if s.options.Plain {
		return "http://" + s.listener.Addr().String()
	}
	return "https://" + s.listener.Addr().String()
}

// Addr is the server's host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Enqueue adds answers, given in this order, one to a request. They go before a handler.
func (s *Server) Enqueue(answers ...Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, answers...)
}

// Handle answers every request for which nothing is queued. fn is called from one goroutine per
// connection.
func (s *Server) Handle(fn func(*Request) Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler = fn
}

// Requests are the requests that arrived whole, in order of arrival.
func (s *Server) Requests() []*Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*Request(nil), s.requests...)
}

// Connections counts the TCP connections that were accepted, whether or not a request came.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dials
}

// CutHandshakeUnless makes the server hang up in the midst of the handshake on whoever does not show this
// certificate, without an alert. With TLS 1.3 the client has finished its own part by then.
func (s *Server) CutHandshakeUnless(shown *x509.Certificate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known = shown
}

// WaitFor blocks until n requests have arrived, which may still be waiting for their answer. It
// fails the test when they don't.
func (s *Server) WaitFor(n int) {
	s.t.Helper()
	late := false
	timer := time.AfterFunc(patience, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		late = true
		s.arrived.Broadcast()
	})
	defer timer.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.requests) < n && !late {
		s.arrived.Wait()
	}
	if len(s.requests) < n {
		s.t.Fatalf("clienttest: %d requests arrived, waited for %d", len(s.requests), n)
	}
}
