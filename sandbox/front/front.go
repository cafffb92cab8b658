// Package front is the network side of the sandbox: a CONNECT proxy and a TLS port of which nothing leads anywhere else,
// the authority that both have their certificates from, and what must hold before a provider sees a request. It knows
// hosts, connections and certificates, and of OAuth only who answers where.
package front

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"vault-plugin-secrets-oauthrefresh/sandbox/oauth"
	"vault-plugin-secrets-oauthrefresh/sandbox/watch"
)

// Front is where requests come in, and what must hold before a provider sees them: a host that there is, a handshake
// with its certificate, and the same host in the request.
type Front struct {
	authority *Authority
	ledgers   oauth.Ledgers
	journal   *watch.Journal
	now       func() time.Time
	conns     *feed           // connections after their TLS handshake, on the way to the HTTP server
	stop      context.Context // ends what waits
}

// New lets nobody in yet, see Front.Serve. Requests that wait are ended with ctx.
func New(ctx context.Context, ca *Authority, all oauth.Ledgers, j *watch.Journal, now func() time.Time) *Front {
	return &Front{authority: ca, ledgers: all, journal: j, now: now, conns: newFeed(), stop: ctx}
}

// Serve serves on the ports of a sandbox; the function that it returns stops, with a moment for what is in flight.
func (f *Front) Serve(on Ports, observation http.Handler) (stop func()) {
	silent := log.New(io.Discard, "", 0) // the journal tells it better
	servers := []*http.Server{
		{Handler: http.HandlerFunc(f.serveProxy), ErrorLog: silent, ReadHeaderTimeout: handshakeTimeout},
		{Handler: f, ErrorLog: silent, ReadHeaderTimeout: handshakeTimeout, ConnContext: connContext},
		{Handler: observation, ErrorLog: silent, ReadHeaderTimeout: handshakeTimeout},
	}
	for i, l := range []net.Listener{on.Proxy, f.conns, on.API} {
		go servers[i].Serve(l)
	}
	go f.accept(on.Direct)
	return func() {
		on.Direct.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		for _, server := range servers {
			if server.Shutdown(ctx) != nil {
				server.Close()
			}
		}
	}
}

// feed is a listener whose connections are handed to it.
type feed struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newFeed() *feed { return &feed{conns: make(chan net.Conn), done: make(chan struct{})} }

// offer hands a connection over; false when nobody takes any more.
func (f *feed) offer(c net.Conn) bool {
	select {
	case f.conns <- c:
		return true
	case <-f.done:
		return false
	}
}

// Accept gives the next connection that was offered.
func (f *feed) Accept() (net.Conn, error) {
	select {
	case c := <-f.conns:
		return c, nil
	case <-f.done:
		return nil, net.ErrClosed
	}
}

// Close turns away what is offered from now on.
func (f *feed) Close() error {
	f.once.Do(func() { close(f.done) })
	return nil
}

// Addr is no address of a port: what comes here has come to one already.
func (f *feed) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
