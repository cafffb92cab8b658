package main

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// options are in what a sandbox differs from one that is started with none.
type options struct {
	proxy, direct, api string // loopback addresses of its three ports; "" for a free one of 127.0.0.1

	ttl       time.Duration    // access token lifetime of every provider; 0: each its own
	clientCAs []byte           // PEM, authorities of client certificates besides the sandbox's own
	log       io.Writer        // where a person reads along; nil for nowhere
	quiet     bool             // only refusals are told there
	now       func() time.Time // the providers' clock; nil for this machine's
}

// sandbox is everything that runs: the providers, their authority, and what was seen.
type sandbox struct {
	authority *authority  // whom clients have to trust, and who vouches for their certificates
	keys      *clientKeys // what an operator holds of the generic server's applications
	ledgers   ledgers     // in the order in which they are shown
	journal   *journal

	proxy, direct, api net.Addr
	stop               func()
}

// start serves until ctx ends or close is called.
func start(ctx context.Context, o options) (*sandbox, error) {
	if o.log == nil {
		o.log = io.Discard
	}
	if o.now == nil {
		o.now = time.Now
	}
	s := &sandbox{journal: newJournal(o.log, o.quiet)}
	if err := s.open(o); err != nil {
		return nil, err
	}
	on, err := openPorts(o.proxy, o.direct, o.api)
	if err != nil {
		return nil, err
	}
	s.proxy, s.direct, s.api = on.proxy.Addr(), on.direct.Addr(), on.api.Addr()
	ctx, cancel := context.WithCancel(ctx)
	stop := newFront(ctx, s.authority, s.ledgers, s.journal, o.now).serve(on, newAPI(s.ledgers, s.journal, o.now))
	s.stop = sync.OnceFunc(func() {
		cancel()
		stop()
	})
	context.AfterFunc(ctx, s.stop)
	return s, nil
}

// close stops serving, with a moment for what is in flight, and returns when it has stopped.
func (s *sandbox) close() { s.stop() }

// open sets the providers up.
func (s *sandbox) open(o options) (err error) {
	if s.authority, err = newAuthority(); err != nil {
		return err
	}
	if o.clientCAs != nil && !s.authority.pool.AppendCertsFromPEM(o.clientCAs) {
		return errors.New("no certificate of an authority in PEM")
	}
	if s.keys, err = newClientKeys(); err != nil {
		return err
	}
	for _, p := range providers(clients{
		roots: s.authority.pool, subject: subjectOf(clientName), certificate: s.keys.certificate, key: s.keys.key.Public(),
	}) {
		if o.ttl > 0 {
			p.policy.accessTTL = o.ttl
		}
		s.ledgers = append(s.ledgers, newLedger(p, o.now()))
	}
	return nil
}
