package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
)

// errProxy stands for what goes wrong between here and a proxy, and for every answer of a proxy to CONNECT but 200.
var errProxy = errors.New("the proxy refused the connection")

func refusedByProxy(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode != http.StatusOK {
		return errProxy
	}
	return nil
}

// transport is net/http's, save that the TLS of its TLSClientConfig is for the server alone. net/http uses it
// for a proxy that is spoken to over TLS as well, which would then be shown the client certificate.
type transport struct {
	*http.Transport
	roots   *x509.CertPool // Options.RootCAs
	written atomic.Int64   // bytes, to whatever the connections lead to
	greeted atomic.Int64   // of these, up to the end of the server's TLS handshake; 0 before it
}

// RoundTrip implements http.RoundTripper. The transport is used once, so it can be set up for this request: with
// a DialTLSContext, net/http leaves the first TLS connection to it, here the proxy's, and makes the server's within
// that one itself.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.Proxy != nil {
		if proxy, err := t.Proxy(r); err == nil && proxy != nil && proxy.Scheme == "https" {
			t.DialTLSContext = t.dialProxy
		}
	}
	if t.DialContext == nil {
		t.DialContext = t.dial
	}
	ctx := httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		TLSHandshakeDone: func(tls.ConnectionState, error) { t.greeted.Store(t.written.Load()) },
	})
	response, err := t.Transport.RoundTrip(r.WithContext(ctx))
	if sent := t.written.Load(); err != nil && sent > 0 && sent == t.greeted.Load() {
		err = unwritten{err}
	}
	return response, err
}

// unwritten is the error of a connection that ended before a byte of the request was written.
type unwritten struct{ error }

// Unwrap gives the cause.
func (e unwritten) Unwrap() error { return e.error }

// dial counts what is written. Several addresses may be tried at the same time, but nothing is written to those that
// lose.
func (t *transport) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return countedConn{conn, &t.written}, nil
}

type countedConn struct {
	net.Conn
	written *atomic.Int64
}

// Write implements net.Conn. Bytes count before they are written, unless they turn out not to be: the server may have
// them, and end the connection, before this goroutine runs again.
func (c countedConn) Write(b []byte) (int, error) {
	c.written.Add(int64(len(b)))
	n, err := c.Conn.Write(b)
	c.written.Add(int64(n - len(b)))
	return n, err
}

func (t *transport) dialProxy(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	plain, err := t.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(plain, &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: host,
		InsecureSkipVerify: true, // VerifyConnection does it, with two sets of authorities
		VerifyConnection:   func(state tls.ConnectionState) error { return t.trustsProxy(host, state) },
	})
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = plain.Close()
		return nil, fmt.Errorf("%w: %w", errProxy, err)
	}
	return proxyConn{conn}, nil
}

// trustsProxy accepts a proxy that the system's authorities vouch for, or those of the options.
func (t *transport) trustsProxy(host string, state tls.ConnectionState) error {
	o := x509.VerifyOptions{DNSName: host, Intermediates: x509.NewCertPool()}
	for _, c := range state.PeerCertificates[1:] {
		o.Intermediates.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(o)
	if err != nil && t.roots != nil {
		o.Roots = t.roots
		_, err = state.PeerCertificates[0].Verify(o)
	}
	return err
}

// proxyConn is the connection to a proxy. In TLS 1.3 a refusal comes after the handshake, in the place of the
// proxy's answer, where it would look like the server's.
type proxyConn struct{ net.Conn }

// Read implements net.Conn.
func (c proxyConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" {
		err = fmt.Errorf("%w: %w", errProxy, err)
	}
	return n, err
}
