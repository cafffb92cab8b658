package client

import (
	"cmp"
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// Probed is what a probe of an endpoint found out. Its zero values mean that it did not get that far.
type Probed struct {
	// Resolved, Connected and Secured tell how far it got: the host name has an address, a connection was
	// made, and TLS trusts the server. Through a proxy, the first is the proxy's name.
	Resolved, Connected, Secured bool
	// Proxied tells that the way leads through a proxy (HTTPS_PROXY).
	Proxied bool
	// TLSVersion is the one that was agreed on, such as "TLS 1.3".
	TLSVersion string
	// ServerNotAfter is when the server's certificate ends.
	ServerNotAfter time.Time
	// AsksForCertificate tells whether the server wants to see a client certificate.
	AsksForCertificate bool
	// DoubtsCertificate tells that the answer may be a refusal of the client certificate, or of its absence: there is
	// no code in it, and its status is one with which servers refuse certificates. Doubt is a sentence about it.
	DoubtsCertificate bool
	Doubt             string
	// RefusesClient tells that the answer says that a client is refused. It may say so of every request without a
	// client_id, or of the certificate.
	RefusesClient bool
	// Status is the HTTP status of the answer, 0 when none came.
	Status int
	// ClockOffset is how far the server's clock is ahead of this one's, to the second; it counts when
	// HasClock is set.
	ClockOffset time.Duration
	HasClock    bool
}

// Probe connects to the request's endpoint exactly as an exchange does, client certificate included, and
// asks for nothing: a GET without parameters, credentials or headers of the role, which no token endpoint
// serves (RFC 6749 section 3.2). Any answer but a redirect will do. In TLS 1.3 it takes one to know that the server has
// accepted the client certificate. The error says what is in the way, and is an *Error.
func Probe(ctx context.Context, o Options, r *Request) (Probed, error) {
	found, err := probe(ctx, o, r)
	found.Doubt = atTokenEndpoint.says(found.Doubt)
	return found, atTokenEndpoint.failed(err)
}

func probe(ctx context.Context, o Options, r *Request) (Probed, error) {
	if err := o.CheckHost(r.Endpoint); err != nil {
		return Probed{}, unsent(err.Error())
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(o.Timeout, defaultTimeout))
	defer cancel()
	var asked atomic.Bool
	o.Sessions = nil // a resumed session would prove nothing
	transport := newTransport(o, r.Identity, &asked)
	defer transport.CloseIdleConnections()
	steps := new(steps)
	request, err := http.NewRequestWithContext(steps.traced(ctx), http.MethodGet, r.Endpoint, nil)
	if err != nil {
		return Probed{}, unsent("the endpoint is no usable URL")
	}
	request.Header = http.Header{"Accept": {"application/json"}, "User-Agent": {userAgent}}
	start := clock.Now()
	response, err := transport.RoundTrip(request)
	found := steps.taken()
	if proxy, err := http.ProxyFromEnvironment(request); err == nil && proxy != nil {
		found.Proxied = true
	}
	found.AsksForCertificate = asked.Load()
	if err != nil {
		return found, (&roundTripError{cause: err, connected: found.Secured, greeting: steps.greeting.Load(), bound: o.Bound}).meaning(ctx, asked.Load(), r.Identity != nil)
	}
	defer response.Body.Close()
	found.read(response, start)
	found.doubt(readAnswer(response), r)
	if found.Status/100 == 3 {
		return found, &Error{Class: ClientRefused, Status: found.Status, Reason: reason(ClientRefused, "", found.Status)}
	}
	return found, nil
}

// steps notes the steps to a connection. Several addresses are tried at the same time, and some still may
// be when the exchange is over.
type steps struct {
	mu       sync.Mutex
	found    Probed
	greeting atomic.Bool // a TLS handshake with the server has begun
}

func (s *steps) taken() Probed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.found
}

func (s *steps) note(f func(*Probed)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.found)
}

func (s *steps) traced(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		ConnectStart: func(_, _ string) { s.note(func(p *Probed) { p.Resolved = true }) }, // an IP address needs no DNS
		ConnectDone: func(_, _ string, err error) {
			s.note(func(p *Probed) { p.Connected = p.Connected || err == nil })
		},
		GotConn: func(httptrace.GotConnInfo) {
			s.note(func(p *Probed) { p.Resolved, p.Connected, p.Secured = true, true, true })
		},
		TLSHandshakeStart: func() { s.greeting.Store(true) },
		TLSHandshakeDone: func(state tls.ConnectionState, err error) {
			if err == nil {
				s.note(func(p *Probed) {
					p.TLSVersion, p.ServerNotAfter = tls.VersionName(state.Version), state.PeerCertificates[0].NotAfter
				})
			}
		},
	})
}

func (p *Probed) read(response *http.Response, start time.Time) {
	p.Status = response.StatusCode
	if date, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		// The server wrote it at some time between the two, and left out the fraction.
		p.HasClock, p.ClockOffset = true, date.Add(time.Second/2).Sub(start.Add(clock.Since(start)/2)).Round(time.Second)
	}
}

// doubt looks at the answer as an exchange would. A request without credentials says nothing of those.
func (p *Probed) doubt(a *answer, r *Request) {
	a.asked = p.AsksForCertificate
	e := a.failure(&Request{Provider: r.Provider, Identity: r.Identity, GrantType: GrantClientCredentials}, parseDocument(a.body, a.cut))
	if r.Identity == nil && e.Silent { // and does without one
		return
	}
	if e.MaybeCertificate || e.Class == ClientRefused && e.Code == "" && p.Status == http.StatusForbidden {
		p.DoubtsCertificate, p.Doubt = true, e.Reason
	}
	p.RefusesClient = e.Unauthenticated
}
