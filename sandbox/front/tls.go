package front

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"vault-plugin-secrets-oauthrefresh/sandbox/oauth"
	"vault-plugin-secrets-oauthrefresh/sandbox/watch"
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
func (f *Front) handshake(w *wire) {
	conn := tls.Server(w, &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) { return f.tlsConfig(w, hello.ServerName) },
	})
	ctx, cancel := context.WithTimeout(f.stop, handshakeTimeout)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		conn.Close()
		if f.stop.Err() == nil && !errors.Is(err, io.EOF) { // somebody who only looked whether the port is open
			f.journal.Record(watch.Entry{Time: f.now(), Via: w.via, Host: w.host, Method: "TLS", Provider: f.owner(w.host), Refusal: "handshake: " + err.Error()})
		}
		return
	}
	if !f.conns.offer(conn) {
		conn.Close()
	}
}

// owner names the provider behind a host, for the journal.
func (f *Front) owner(host string) string {
	if l, _ := route(f.ledgers, host, "", http.Header{"Authorization": {"Basic"}}); l != nil {
		return l.Name
	}
	return ""
}

// tlsConfig picks the certificate by SNI, and what is demanded of the client's. On 127.0.0.1, where all providers share
// one port, that is verified when there is one, and missed by the provider that wants it.
func (f *Front) tlsConfig(w *wire, name string) (*tls.Config, error) {
	at := f.ledgers.At(name)
	switch {
	case w.host != "" && name != w.host:
		return nil, fmt.Errorf("CONNECT and SNI name different hosts")
	case name == "" || name == "localhost":
		name = "127.0.0.1"
	case len(at) == 0:
		return nil, fmt.Errorf("SNI names a host that the sandbox does not stand in for")
	}
	leaf, err := f.authority.leaf(name)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{*leaf},
		NextProtos:   []string{"http/1.1"},
		ClientCAs:    f.authority.Pool,
	}
	switch {
	case len(at) == 0:
		c.ClientAuth = tls.VerifyClientCertIfGiven
	case at[0].Handshake == oauth.HandshakeVouched:
		c.ClientAuth = tls.RequireAndVerifyClientCert
	case at[0].Handshake == oauth.HandshakeRegistered:
		// No authorities are named: who has a certificate of none would show nothing.
		c.ClientAuth, c.VerifyConnection, c.ClientCAs = tls.RequireAnyClientCert, registeredAt(at[0]), nil
	}
	return c, nil
}

// registeredAt refuses, in the handshake, a certificate that is no application's of a provider.
func registeredAt(l *oauth.Ledger) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		if !l.IsRegistered(state.PeerCertificates) {
			return errors.New("the client certificate is not a registered one")
		}
		return nil
	}
}
