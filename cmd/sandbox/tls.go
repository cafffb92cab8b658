package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// handshakeTimeout bounds a client that connects and says nothing.
const handshakeTimeout = 10 * time.Second

// wire is a raw connection that remembers how it came.
type wire struct {
	net.Conn
	via  string // proxy or direct
	host string // the host that CONNECT named, "" when direct
}

type wireKey struct{}

// wireOf gives the connection that a request came over.
func wireOf(r *http.Request) *wire {
	w, _ := r.Context().Value(wireKey{}).(*wire)
	if w == nil {
		return &wire{}
	}
	return w
}

func connContext(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		return context.WithValue(ctx, wireKey{}, t.NetConn())
	}
	return ctx
}

// handshake terminates TLS and hands the connection to the HTTP server. A failure is a refusal like any
// other and is written down, since "the certificate was missing" is what a test wants to see.
func (s *sandbox) handshake(w *wire) {
	conn := tls.Server(w, &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) { return s.tlsConfig(w, hello.ServerName) },
	})
	ctx, cancel := context.WithTimeout(s.stop, handshakeTimeout)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		conn.Close()
		if s.stop.Err() == nil && !errors.Is(err, io.EOF) { // somebody who only looked whether the port is open
			s.record(entry{Time: s.now(), Via: w.via, Host: w.host, Method: "TLS", Provider: s.owner(w.host), Refusal: "handshake: " + err.Error()})
		}
		return
	}
	if !s.conns.offer(conn) {
		conn.Close()
	}
}

// owner names the provider behind a host, for the journal.
func (s *sandbox) owner(host string) string {
	if l, _ := s.route(host, "", http.Header{"Authorization": {"Basic"}}); l != nil {
		return l.name
	}
	return ""
}

// tlsConfig picks the certificate by SNI. api.ibanity.com and the generic server's mTLS host demand a client
// certificate; on 127.0.0.1, where
// all providers share one port, it is verified when there is one and missed by the provider that wants it.
func (s *sandbox) tlsConfig(w *wire, name string) (*tls.Config, error) {
	switch {
	case w.host != "" && name != w.host:
		return nil, fmt.Errorf("CONNECT and SNI name different hosts")
	case name == "" || name == "localhost":
		name = "127.0.0.1"
	case !s.knownHost(name):
		return nil, fmt.Errorf("SNI names a host that the sandbox does not stand in for")
	}
	leaf, err := s.ca.leaf(name)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{*leaf},
		NextProtos:   []string{"http/1.1"},
		ClientCAs:    s.ca.pool,
	}
	switch name {
	case genericMTLSHost:
		// No authorities are named: who has a certificate of none would show nothing.
		c.ClientAuth, c.VerifyConnection, c.ClientCAs = tls.RequireAnyClientCert, s.registered, nil
	case isabelHost:
		c.ClientAuth = tls.RequireAndVerifyClientCert
	case "127.0.0.1":
		c.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return c, nil
}

// feed is a listener whose connections are handed to it.
type feed struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newFeed() *feed { return &feed{conns: make(chan net.Conn), done: make(chan struct{})} }

func (f *feed) offer(c net.Conn) bool {
	select {
	case f.conns <- c:
		return true
	case <-f.done:
		return false
	}
}

func (f *feed) Accept() (net.Conn, error) {
	select {
	case c := <-f.conns:
		return c, nil
	case <-f.done:
		return nil, net.ErrClosed
	}
}

func (f *feed) Close() error {
	f.once.Do(func() { close(f.done) })
	return nil
}

func (f *feed) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
