// Package sandbox starts, in process, what stands in for five token endpoints and one of nobody's. It is an independent
// witness: written from the providers' documents and the RFCs, it shares no code with what it is to judge, and imports
// none of it.
//
//	oauth    a strict OAuth server, whatever its dialect
//	dialect  in what six servers differ
//	front    the proxy, TLS, the authority: who gets to them
//	watch    what was received, and orders for what comes next
//	browse   the person at a browser, who uses the pages from outside
//
// Imports go one way: dialect and watch use oauth, front uses both watch and oauth, and sandbox puts them together;
// browse uses none of them. cmd/sandbox is its command line, sandboxtest for tests. A test holds this.
package sandbox

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"vault-plugin-secrets-oauthrefresh/sandbox/dialect"
	"vault-plugin-secrets-oauthrefresh/sandbox/front"
	"vault-plugin-secrets-oauthrefresh/sandbox/oauth"
	"vault-plugin-secrets-oauthrefresh/sandbox/watch"
)

// Options are in what a sandbox differs from one that is started with none.
type Options struct {
	Proxy, Direct, API string // loopback addresses of its three ports; "" for a free one of 127.0.0.1

	TTL       time.Duration    // access token lifetime of every provider; 0: each its own
	ClientCAs []byte           // PEM, authorities of client certificates besides the sandbox's own
	Log       io.Writer        // where a person reads along; nil for nowhere
	Quiet     bool             // only refusals are told there
	Now       func() time.Time // the providers' clock; nil for this machine's
}

// Sandbox is everything that runs: the providers, their authority, and what was seen.
type Sandbox struct {
	Authority *front.Authority // whom clients have to trust, and who vouches for their certificates
	Keys      *front.Keys      // what an operator holds of the generic server's applications
	Ledgers   oauth.Ledgers    // in the order in which they are shown
	journal   *watch.Journal

	proxy, direct, api net.Addr
	stop               func()
}

// Start serves until ctx ends or Close is called.
func Start(ctx context.Context, o Options) (*Sandbox, error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Sandbox{journal: watch.NewJournal(o.Log, o.Quiet)}
	if err := s.open(o); err != nil {
		return nil, err
	}
	on, err := front.OpenPorts(o.Proxy, o.Direct, o.API)
	if err != nil {
		return nil, err
	}
	s.proxy, s.direct, s.api = on.Proxy.Addr(), on.Direct.Addr(), on.API.Addr()
	ctx, cancel := context.WithCancel(ctx)
	stop := front.New(ctx, s.Authority, s.Ledgers, s.journal, o.Now).Serve(on, watch.NewAPI(s.Ledgers, s.journal, o.Now))
	s.stop = sync.OnceFunc(func() {
		cancel()
		stop()
	})
	context.AfterFunc(ctx, s.stop)
	return s, nil
}

// Close stops serving, with a moment for what is in flight, and returns when it has stopped. It may be called again.
func (s *Sandbox) Close() { s.stop() }

// open sets the providers up.
func (s *Sandbox) open(o Options) (err error) {
	if s.Authority, err = front.NewAuthority(); err != nil {
		return err
	}
	if o.ClientCAs != nil && !s.Authority.Pool.AppendCertsFromPEM(o.ClientCAs) {
		return errors.New("no certificate of an authority in PEM")
	}
	if s.Keys, err = front.NewKeys(); err != nil {
		return err
	}
	for _, p := range dialect.All(dialect.Clients{
		Roots: s.Authority.Pool, Subject: front.Subject(ClientName), Certificate: s.Keys.Certificate, Key: s.Keys.Key.Public(),
	}) {
		if o.TTL > 0 {
			p.Policy.AccessTTL = o.TTL
		}
		s.Ledgers = append(s.Ledgers, oauth.NewLedger(p, o.Now()))
	}
	return nil
}
