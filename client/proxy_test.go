package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// secureProxy is a proxy that is spoken to over TLS. It leads every connection to the server, none when there is
// no server, and counts the client certificates that it is shown.
func secureProxy(t *testing.T, config *tls.Config, server string) (address *url.URL, shown *atomic.Int64) {
	t.Helper()
	shown = new(atomic.Int64)
	config.Certificates = []tls.Certificate{*clienttest.ServerCertificate("127.0.0.1")}
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	serve := func(c *tls.Conn) {
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		if c.Handshake() != nil {
			return
		}
		shown.Add(int64(len(c.ConnectionState().PeerCertificates)))
		if _, err := c.Read(make([]byte, 4096)); err != nil {
			return
		}
		onward, err := net.Dial("tcp", server)
		if err != nil {
			_, _ = io.WriteString(c, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
			return
		}
		defer onward.Close()
		_, _ = io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() { _, _ = io.Copy(onward, c) }()
		_, _ = io.Copy(c, onward)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c.(*tls.Conn))
		}
	}()
	return &url.URL{Scheme: "https", Host: l.Addr().String()}, shown
}

// through makes a request with a client certificate through a proxy.
func through(t *testing.T, o Options, proxy *url.URL, endpoint string) (a *answer, asked bool, e *Error) {
	t.Helper()
	var seen atomic.Bool
	transport := newTransport(o, newTestIdentity(t), &seen)
	transport.Proxy = http.ProxyURL(proxy)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	a, err := roundTrip(ctx, transport, endpoint, http.Header{}, []byte("x"))
	if lost, ok := errors.AsType[*roundTripError](err); ok {
		e = lost.meaning(ctx, seen.Load(), true)
	}
	return a, seen.Load(), e
}

// The client certificate proves the client to the provider, and to nobody on the way.
func TestAProxyIsShownNoClientCertificate(t *testing.T) {
	s := clienttest.New(t, clienttest.Options{RequireClientCertificate: true})
	s.Handle(func(*clienttest.Request) clienttest.Answer { return clienttest.JSON(200, `{}`) })
	proxy, shown := secureProxy(t, &tls.Config{ClientAuth: tls.RequestClientCert}, s.Addr())
	a, asked, e := through(t, trusting(), proxy, s.URL())
	if e != nil || a.status != 200 || !asked {
		t.Fatalf("%+v, asked for a certificate: %t", e, asked)
	}
	if peers := s.Requests()[0].PeerCertificates; len(peers) != 1 || shown.Load() != 0 {
		t.Errorf("the server saw %d certificates, the proxy %d", len(peers), shown.Load())
	}
}

// What a proxy refuses, the provider has not: nothing was sent, and no other certificate would help.
func TestAProxysRefusalIsNotTheServers(t *testing.T) {
	for name, config := range map[string]*tls.Config{
		"of a connection":                    {ClientAuth: tls.RequestClientCert},
		"for want of a certificate":          {ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: x509.NewCertPool()},
		"for want of a certificate, TLS 1.2": {ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: x509.NewCertPool(), MaxVersion: tls.VersionTLS12},
		"of this version of TLS":             {MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10},
	} {
		proxy, shown := secureProxy(t, config, "")
		_, asked, e := through(t, trusting(), proxy, "https://api.example.com/token")
		if e == nil || e.Certificate || e.Class != NotProcessed || !strings.Contains(e.Reason, "proxy") || asked || shown.Load() != 0 {
			t.Errorf("%s: %+v, asked %t", name, e, asked)
		}
	}
}

// A proxy that nobody vouches for gets no request.
func TestAProxyIsVerified(t *testing.T) {
	s := clienttest.New(t, clienttest.Options{})
	proxy, _ := secureProxy(t, &tls.Config{}, s.Addr())
	elsewhere := *proxy
	elsewhere.Host = "localhost:" + proxy.Port() // its certificate is for 127.0.0.1
	for name, c := range map[string]struct {
		o     Options
		proxy *url.URL
	}{
		"of nobody's": {Options{}, proxy}, "of another authority's": {Options{RootCAs: x509.NewCertPool()}, proxy}, "of another name": {trusting(), &elsewhere},
	} {
		if _, _, e := through(t, c.o, c.proxy, s.URL()); e == nil || e.Class != NotProcessed || !strings.Contains(e.Reason, "proxy") {
			t.Errorf("%s: %+v", name, e)
		}
	}
	if s.Connections() != 0 {
		t.Error("a connection was made")
	}
}

// connFunc is a connection that only writes.
type connFunc struct {
	net.Conn
	write func()
}

func (c connFunc) Write(b []byte) (int, error) { c.write(); return len(b), nil }

// A server may have read a request and ended the connection before the writer knows that it has written.
func TestBytesCountBeforeTheyAreWritten(t *testing.T) {
	var written atomic.Int64
	conn := countedConn{connFunc{write: func() {
		if written.Load() != 3 {
			t.Error("bytes are on their way that don't count yet")
		}
	}}, &written}
	if n, err := conn.Write([]byte("abc")); n != 3 || err != nil || written.Load() != 3 {
		t.Error(n, err, written.Load())
	}
}

// A proxy that hangs up on CONNECT has not cut the token endpoint's handshake: no word about its hello.
func TestAProxyThatHangsUpIsTheProxy(t *testing.T) {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	secure, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*clienttest.ServerCertificate("127.0.0.1")}})
	if err != nil {
		t.Fatal(err)
	}
	for scheme, l := range map[string]net.Listener{"http": plain, "https": secure} {
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = c.Read(make([]byte, 4096))
				_ = c.Close()
			}
		}()
		_, _, e := through(t, trusting(), &url.URL{Scheme: scheme, Host: l.Addr().String()}, "https://api.example.com/token")
		if e == nil || e.Class != NotProcessed || !strings.Contains(e.Reason, "proxy") || strings.Contains(e.Reason, "tlsmlkem") {
			t.Errorf("%s: %+v", scheme, e)
		}
	}
}
