package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// net/http repeats requests by itself, above all those with an idempotency header. An answer that
// was lost after the server processed the request must stay lost.
func TestALostAnswerIsNotAskedForAgain(t *testing.T) {
	for _, header := range []string{"", "Idempotency-Key", "X-Idempotency-Key", "Ibanity-Idempotency-Key"} {
		s := clienttest.New(t, clienttest.Options{})
		s.Handle(func(*clienttest.Request) clienttest.Answer { return clienttest.Answer{Drop: true} })
		r := refresh(s)
		r.Provider.IdempotencyHeader, r.IdempotencyKey = header, "key-1"
		_, err := Exchange(t.Context(), trusting(), r)
		if e := asError(t, err); e.Class != OutcomeUnknown || e.Status != 0 {
			t.Errorf("%q: %+v, want outcome unknown", header, e)
		}
		if n := len(s.Requests()); n != 1 || s.Connections() != 1 {
			t.Errorf("%q: %d requests on %d connections, want one", header, n, s.Connections())
		}
	}
}

// Two exchanges never share a connection: one that is kept alive may die under the next request.
func TestEveryExchangeHasItsOwnConnection(t *testing.T) {
	s := clienttest.New(t, clienttest.Options{})
	s.Handle(func(*clienttest.Request) clienttest.Answer { return clienttest.JSON(200, `{"access_token":"a"}`) })
	for range 2 {
		if _, err := Exchange(t.Context(), trusting(), refresh(s)); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range s.Requests() {
		if r.Proto != "HTTP/1.1" {
			t.Errorf("sent over %s", r.Proto)
		}
	}
	if s.Connections() != 2 {
		t.Errorf("%d connections for 2 exchanges", s.Connections())
	}
}

// A redirect would carry the secrets to another place (307, 308) or turn a page into a token
// answer (301, 302, 303).
func TestRedirectsAreRefused(t *testing.T) {
	elsewhere := clienttest.New(t, clienttest.Options{})
	for _, status := range []int{300, 301, 302, 303, 304, 307, 308} {
		s := clienttest.New(t, clienttest.Options{})
		s.Enqueue(clienttest.JSON(status, `{"error":"invalid_grant"}`).With("Location", elsewhere.URL()+"/token"))
		_, err := Exchange(t.Context(), trusting(), refresh(s))
		if e := asError(t, err); e.Class != ClientRefused || e.Status != status || !strings.Contains(e.Reason, "token_endpoint") {
			t.Errorf("%d: %+v", status, e)
		}
	}
	if elsewhere.Connections() != 0 {
		t.Error("a redirect was followed")
	}
}

func TestNothingWasSent(t *testing.T) {
	plain := clienttest.New(t, clienttest.Options{Plain: true})
	otherName := clienttest.New(t, clienttest.Options{Certificate: clienttest.ServerCertificate("other.example")})
	secure := clienttest.New(t, clienttest.Options{})
	for name, c := range map[string]struct {
		endpoint string
		options  Options
		hint     string
	}{
		"connection refused":  {"https://" + clienttest.Refusing(t), trusting(), "reachable"},
		"unknown authority":   {secure.URL(), Options{RootCAs: x509.NewCertPool()}, "ca_certificate"},
		"another host's name": {otherName.URL(), trusting(), "another host name"},
		"no TLS on that port": {strings.Replace(plain.URL(), "http:", "https:", 1), trusting(), "TLS"},
		"refused by a proxy":  {"https://nowhere.example/token", trusting(), "proxy"},
	} {
		_, err := Exchange(t.Context(), c.options, withEndpoint(refresh(secure), c.endpoint))
		if e := asError(t, err); e.Class != NotProcessed || !strings.Contains(e.Reason, c.hint) {
			t.Errorf("%s: %s: %s", name, e.Class, e.Reason)
		}
	}
	if n := len(secure.Requests()) + len(plain.Requests()) + len(otherName.Requests()); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
}

// A name that does not resolve, without the proxy, which would resolve it itself.
func TestUnresolvedNameIsNotProcessed(t *testing.T) {
	transport := newTransport(Options{}, nil, new(atomic.Bool))
	transport.Proxy = nil
	transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}
	}
	_, err := roundTrip(t.Context(), transport, "https://nowhere.example/token", http.Header{}, nil)
	lost, ok := err.(*roundTripError)
	if !ok {
		t.Fatalf("got %#v", err)
	}
	if e := lost.meaning(t.Context(), false, false); e.Class != NotProcessed || !strings.Contains(e.Reason, "DNS") {
		t.Errorf("%+v", e)
	}
}

func withEndpoint(r *Request, endpoint string) *Request {
	r.Endpoint = endpoint
	return r
}

// A server that accepts and then says nothing: the handshake never comes, and nothing was sent.
func TestTimeoutBeforeTheRequest(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	o := trusting()
	o.Timeout = 50 * time.Millisecond
	r := withEndpoint(refresh(clienttest.New(t, clienttest.Options{})), "https://"+silent.Addr().String())
	_, err = Exchange(t.Context(), o, r)
	if e := asError(t, err); e.Class != NotProcessed || !strings.Contains(e.Reason, "request_timeout") {
		t.Errorf("%+v", e)
	}
}

// silentOnce makes an exchange with a server that keeps its answer to itself, and returns its error. The timeout is the
// shortest in which the request gets there at all, which takes longer on a busy machine.
func silentOnce(t *testing.T, s *clienttest.Server, o Options) *Error {
	t.Helper()
	s.Handle(func(*clienttest.Request) clienttest.Answer { return clienttest.Answer{Gate: make(chan struct{})} })
	for o.Timeout = 50 * time.Millisecond; ; o.Timeout *= 2 {
		_, err := Exchange(t.Context(), o, refresh(s))
		if e := asError(t, err); len(s.Requests()) > 0 {
			return e
		}
	}
}

// A server that has the request and keeps its answer to itself may have spent the token.
func TestTimeoutAfterTheRequest(t *testing.T) {
	s := clienttest.New(t, clienttest.Options{})
	if e := silentOnce(t, s, trusting()); e.Class != OutcomeUnknown || !strings.Contains(e.Reason, "request_timeout") {
		t.Errorf("%+v", e)
	}
}

// The sentence names the bound that ended the exchange, which is not always the setting.
func TestATimeoutNamesItsBound(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	s := clienttest.New(t, clienttest.Options{})
	s.Handle(func(*clienttest.Request) clienttest.Answer { return clienttest.Answer{Gate: make(chan struct{})} })
	o := trusting()
	o.Timeout, o.Bound = 200*time.Millisecond, "a third of reuse_grace"
	for _, endpoint := range []string{s.URL(), "https://" + silent.Addr().String()} {
		_, err := Exchange(t.Context(), o, withEndpoint(refresh(s), endpoint))
		if e := asError(t, err); !strings.Contains(e.Reason, "within a third of reuse_grace") || strings.Contains(e.Reason, "request_timeout") {
			t.Errorf("%+v", e)
		}
	}
	if _, err := Probe(t.Context(), o, withEndpoint(refresh(s), "https://"+silent.Addr().String())); !strings.Contains(asError(t, err).Reason, "within "+o.Bound) {
		t.Errorf("a probe: %v", err)
	}
}

func TestCancelledAfterTheRequest(t *testing.T) {
	s := clienttest.New(t, clienttest.Options{})
	s.Enqueue(clienttest.Answer{Gate: make(chan struct{})})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		s.WaitFor(1)
		cancel()
	}()
	_, err := Exchange(ctx, trusting(), refresh(s))
	if e := asError(t, err); e.Class != OutcomeUnknown || !strings.Contains(e.Reason, "cancelled") {
		t.Errorf("%+v", e)
	}
	cancel()
	_, err = Exchange(ctx, trusting(), refresh(s))
	if e := asError(t, err); e.Class != NotProcessed {
		t.Errorf("cancelled before: %+v", e)
	}
}

// Whichever way a server's TLS layer refuses a certificate, it is the client's problem and the
// refresh token is unspent: in TLS 1.2 the handshake fails, in TLS 1.3 the alert comes where the
// answer should be.
func TestRefusedCertificate(t *testing.T) {
	strange := func() *Identity {
		certificate, key := clienttest.StrangeCertificate("stranger")
		id, err := ParsePEM(string(certificate), NewSecret(string(key)), Secret{})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for name, id := range map[string]*Identity{"of a stranger": strange, "missing": nil} {
			s := clienttest.New(t, clienttest.Options{RequireClientCertificate: true, MaxTLSVersion: version})
			r := refresh(s)
			r.Identity = id
			_, err := Exchange(t.Context(), trusting(), r)
			if e := asError(t, err); e.Class != ClientRefused || !strings.Contains(e.Reason, "client certificate") {
				t.Errorf("%s, %s: %+v", tls.VersionName(version), name, e)
			}
			if len(s.Requests()) != 0 {
				t.Error("the server read a request")
			}
		}
	}
}

// The certificate is sent even to a server whose list of acceptable CAs does not name its issuer.
func TestCertificateIsSentToWhoeverAsks(t *testing.T) {
	certificate, key := clienttest.StrangeCertificate("self-signed")
	id, err := ParsePEM(string(certificate), NewSecret(string(key)), Secret{})
	if err != nil {
		t.Fatal(err)
	}
	s := clienttest.New(t, clienttest.Options{AskForClientCertificate: true})
	s.Enqueue(clienttest.JSON(200, `{"access_token":"a"}`))
	r := refresh(s)
	r.Identity = id
	if _, err := Exchange(t.Context(), trusting(), r); err != nil {
		t.Fatal(err)
	}
	if peers := s.Requests()[0].PeerCertificates; len(peers) != 1 || peers[0].Subject.CommonName != "self-signed" {
		t.Errorf("the server saw %d certificates", len(peers))
	}
}

func TestHostsAndSchemesAreCheckedOnEveryRequest(t *testing.T) {
	s := clienttest.New(t, clienttest.Options{})
	plain := clienttest.New(t, clienttest.Options{Plain: true})
	o := trusting()
	o.AllowedHosts = []string{"*.example.com"}
	for _, r := range []*Request{refresh(s), refresh(plain)} {
		_, err := Exchange(t.Context(), o, r)
		if e := asError(t, err); e.Class != ClientRefused {
			t.Errorf("%+v", e)
		}
		if err := Revoke(t.Context(), o, r, NewSecret("t"), ""); asError(t, err).Class != ClientRefused {
			t.Errorf("revoke: %v", err)
		}
	}
	if s.Connections()+plain.Connections() != 0 {
		t.Error("a connection was made")
	}
	plain.Enqueue(clienttest.JSON(200, `{"access_token":"a"}`))
	if _, err := Exchange(t.Context(), Options{AllowInsecure: true, AllowedHosts: []string{"127.0.0.*"}}, refresh(plain)); err != nil {
		t.Errorf("http with AllowInsecure: %v", err)
	}
}

// An endless header, like an endless body, ends the exchange and not the memory.
func TestEndlessHeader(t *testing.T) {
	s := clienttest.New(t, clienttest.Options{})
	s.Enqueue(clienttest.JSON(200, `{"access_token":"a"}`).With("X-Long", strings.Repeat("x", 2*maxHeader)))
	_, err := Exchange(t.Context(), trusting(), refresh(s))
	if e := asError(t, err); e.Class != OutcomeUnknown {
		t.Errorf("%+v", e)
	}
}

// fakeTransport stands where the network would, to see what a server can't.
type fakeTransport func(*http.Request) (*http.Response, error)

func (f fakeTransport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// GetBody is how net/http gets a body to send again.
func TestTheBodyCannotBeSentAgain(t *testing.T) {
	_, err := roundTrip(t.Context(), fakeTransport(func(r *http.Request) (*http.Response, error) {
		if r.GetBody != nil || r.ContentLength != 4 {
			t.Errorf("GetBody is there: %v, length %d", r.GetBody != nil, r.ContentLength)
		}
		return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
	}), "https://a.example/", http.Header{}, []byte("body"))
	if err != nil {
		t.Error(err)
	}
}

// endless is a body without an end, which counts what was taken of it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	if e.read += len(p); e.read > 8*maxBody {
		return 0, io.ErrUnexpectedEOF
	}
	return len(p), nil
}

func (e *endless) Close() error { return nil }

func TestEndlessBody(t *testing.T) {
	body := new(endless)
	a, err := roundTrip(t.Context(), fakeTransport(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: body}, nil
	}), "https://a.example/", http.Header{}, nil)
	if err != nil || !a.cut || len(a.body) != maxBody || body.read > 2*maxBody {
		t.Errorf("kept %d of %d bytes read, %v", len(a.body), body.read, err)
	}
}

// A resumed session saves the time of a handshake. It is a connection of its own all the same, and carries no
// client certificate.
func TestSessionsAreResumed(t *testing.T) {
	s := clienttest.New(t, clienttest.Options{AskForClientCertificate: true})
	s.Handle(func(*clienttest.Request) clienttest.Answer { return clienttest.JSON(200, `{"access_token":"a"}`) })
	o := trusting()
	exchange := func(id *Identity) (resumed bool) {
		t.Helper()
		r := refresh(s)
		r.Identity = id
		if _, err := Exchange(t.Context(), o, r); err != nil {
			t.Fatal(err)
		}
		all := s.Requests()
		return all[len(all)-1].Resumed
	}
	exchange(nil)
	if exchange(nil) {
		t.Error("a session is resumed that nobody keeps")
	}
	o.Sessions = tls.NewLRUClientSessionCache(0)
	if first, second := exchange(nil), exchange(nil); first || !second {
		t.Errorf("resumed: %t, then %t", first, second)
	}
	id := newTestIdentity(t)
	exchange(id)
	if exchange(id) {
		t.Error("a session is resumed where the client has a certificate")
	}
	if n := len(s.Requests()); s.Connections() != n {
		t.Errorf("%d connections for %d exchanges", s.Connections(), n)
	}
}
