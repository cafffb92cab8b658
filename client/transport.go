package client

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

const (
	// defaultTimeout suits the slowest token endpoints, some of which call a core banking system.
	defaultTimeout = 30 * time.Second
	// maxBody bounds the decoded answer. Answers with several JWTs stay under 64 KiB.
	maxBody = 512 << 10
	// maxHeader bounds the answer's header; net/http's own bound is 10 MiB.
	maxHeader = 64 << 10
)

// newTransport makes a transport for one request. One per exchange, because net/http repeats a
// request by itself where it believes that the server has not seen it: an HTTP/1 transport when
// a kept-alive connection dies under a request that carries Idempotency-Key, an HTTP/2 transport
// after GOAWAY or REFUSED_STREAM. Whether the refresh token is spent is then anybody's guess. A
// fresh HTTP/1.1 connection has neither case.
//
// asked is set when the server asks for a client certificate.
func newTransport(o Options, id *Identity, asked *atomic.Bool) *transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	certificate := new(tls.Certificate) // empty: none to show
	if id != nil {
		*certificate = id.Certificate()
	}
	config := &tls.Config{
		MinVersion: tls.VersionTLS12,
		RootCAs:    o.RootCAs,
		// Not Certificates: with those, nothing is sent when the server's list of acceptable CAs
		// does not name the issuer, and such lists are often incomplete.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked.Store(true)
			return certificate, nil
		},
	}
	if id == nil {
		config.ClientSessionCache = o.Sessions
	} else {
		// IIS and Apache ask for a certificate in the midst of a TLS 1.2 connection where they want one for a path
		// only. The certificate is asked for once, and the server must stay the one that it was.
		config.Renegotiation = tls.RenegotiateOnceAsClient
	}
	return &transport{roots: o.RootCAs, Transport: &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: refusedByProxy,
		TLSClientConfig:        config,
		Protocols:              protocols,
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: maxHeader,
	}}
}

// post sends a body to the request's endpoint, once, and reads the answer.
func (o Options) post(ctx context.Context, r *Request, body []byte, header http.Header) (*answer, error) {
	if err := o.CheckHost(r.Endpoint); err != nil {
		return nil, unsent(err.Error())
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(o.Timeout, defaultTimeout))
	defer cancel()
	var asked atomic.Bool
	transport := newTransport(o, r.Identity, &asked)
	defer transport.CloseIdleConnections()
	a, err := roundTrip(ctx, transport, r.Endpoint, header, body)
	if e, ok := errors.AsType[*roundTripError](err); ok {
		e.bound = o.Bound
		return nil, e.meaning(ctx, asked.Load(), r.Identity != nil)
	}
	if a != nil {
		a.asked = asked.Load()
	}
	return a, err
}

// roundTrip uses the transport without an http.Client: a client would follow redirects, and
// repeat the body with all its secrets at another host on a 307 or 308.
func roundTrip(ctx context.Context, transport http.RoundTripper, endpoint string, header http.Header, body []byte) (*answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, unsent("the endpoint is no usable URL")
	}
	request.Header = header
	request.GetBody = nil // without it, net/http can't repeat the body even where it would like to
	return send(transport, request)
}

// send makes one request. Its error is a *roundTripError.
func send(transport http.RoundTripper, request *http.Request) (*answer, error) {
	// From the moment there is a connection, TLS and proxy included, bytes may have been sent.
	var connected, greeting atomic.Bool
	ctx := httptrace.WithClientTrace(request.Context(), &httptrace.ClientTrace{
		GotConn:           func(httptrace.GotConnInfo) { connected.Store(true) },
		TLSHandshakeStart: func() { greeting.Store(true) },
	})
	response, err := transport.RoundTrip(request.WithContext(ctx))
	if err != nil {
		return nil, &roundTripError{cause: err, connected: connected.Load(), greeting: greeting.Load()}
	}
	defer response.Body.Close()
	return readAnswer(response), nil
}

// answer is an HTTP response as far as it could be read.
type answer struct {
	status int
	header http.Header
	body   []byte
	cut    bool // the body broke off, or went on beyond maxBody

	asked      bool   // the server has asked for a client certificate
	tlsVersion uint16 // 0 without TLS
	resumed    bool   // the TLS session was, and nobody asks for a certificate again then
}

// readAnswer reads at most maxBody decoded bytes. What was read before an error is kept: it may
// hold the next refresh token.
func readAnswer(response *http.Response) *answer {
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	a := &answer{status: response.StatusCode, header: response.Header, body: body, cut: err != nil}
	if len(body) > maxBody {
		a.body, a.cut = body[:maxBody], true
	}
	if response.TLS != nil {
		a.tlsVersion, a.resumed = response.TLS.Version, response.TLS.DidResume
	}
	return a
}
