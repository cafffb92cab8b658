package client

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
)

// unsent is the error for what was refused here, before a connection was made.
func unsent(reason string) *Error { return &Error{Class: ClientRefused, Reason: reason} }

// roundTripError is an exchange without an answer.
type roundTripError struct {
	cause     error
	connected bool // there was a connection to the server, so something may have been sent
	greeting  bool // the TLS handshake with it has begun
	bound     string
}

func (e *roundTripError) Error() string { return e.cause.Error() }

// boundName names what ended the exchange when its time was over.
func (e *roundTripError) boundName() string { return cmp.Or(e.bound, "request_timeout") }

// meaning says what it means for the caller. Before there was a connection, nothing was sent.
// After, the server may have acted, unless its TLS layer says that it refused the client
// certificate: then the request never reached the application behind it.
//
// Of the cause only its type is used. Its text can hold names that the provider or a proxy chose.
func (e *roundTripError) meaning(ctx context.Context, asked, withCertificate bool) *Error {
	if refusedCertificate(e.cause, asked) {
		return &Error{Class: ClientRefused, Reason: certificateReason(withCertificate), Certificate: withCertificate}
	}
	// A server that ends the connection instead of saying why may have refused the certificate that it had asked for.
	ended := asked && ctx.Err() == nil && !errors.Is(e.cause, errProxy) && brokeOff(e.cause)
	if _, unsent := errors.AsType[unwritten](e.cause); !e.connected || unsent {
		if ended {
			return &Error{Class: NotProcessed, MaybeCertificate: true,
				Reason: maybeCertificateReason("the server ended the connection before the request was sent", withCertificate)}
		}
		return &Error{Class: NotProcessed, Reason: e.unreachableReason(ctx)}
	}
	if wantsCertificateLater(e.cause) {
		if !withCertificate {
			return &Error{Class: ClientRefused, Reason: "the server asks for a client certificate once it has seen the request (TLS renegotiation), and there is none: " +
				"write pfx, or client_certificate and client_private_key"}
		}
		return &Error{Class: OutcomeUnknown, MaybeCertificate: true,
			Reason: maybeCertificateReason("the server wanted to renegotiate TLS a second time, which is not done", true)}
	}
	if ended {
		return &Error{Class: OutcomeUnknown, MaybeCertificate: true,
			Reason: maybeCertificateReason("the server ended the connection after the request was sent and before an answer came", withCertificate)}
	}
	reason := "the connection to the {endpoint} broke after the request was sent and before an answer came"
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		reason = "the {endpoint} did not answer within " + e.boundName()
	case ctx.Err() != nil:
		reason = "the exchange was cancelled after the request was sent and before an answer came"
	}
	return &Error{Class: OutcomeUnknown, Reason: reason}
}

// refusedCertificate recognises the TLS alerts about a client certificate (RFC 8446 section 6.2).
// In TLS 1.3 the client has finished its handshake, and written its request, before the server
// judges the certificate, so the alert arrives in the place of the answer; the server reads no
// request before that. The unspecific alerts count when the server has asked for a certificate:
// TLS 1.2 servers answer a missing one with handshake_failure (RFC 5246 section 7.4.6).
// crypto/tls gives alerts no exported type, so their text is all there is. An alert of a proxy's is none of these:
// it is not shown the certificate.
func refusedCertificate(err error, asked bool) bool {
	var op *net.OpError
	if errors.Is(err, errProxy) || !errors.As(err, &op) || op.Op != "remote error" || op.Err == nil {
		return false
	}
	alert := op.Err.Error()
	if strings.Contains(alert, "certificate") || strings.Contains(alert, "access denied") {
		return true
	}
	return asked && (strings.Contains(alert, "handshake failure") || strings.Contains(alert, "decrypting"))
}

// wantsCertificateLater recognises the refusal of this side to renegotiate TLS 1.2, which a server asks for that
// wants a certificate for what was requested. It has not served the request then: the certificate is the condition.
func wantsCertificateLater(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "local error" && op.Err != nil && strings.Contains(op.Err.Error(), "no renegotiation")
}

func certificateReason(withCertificate bool) string {
	if withCertificate {
		return "the {endpoint}'s TLS layer refused the client certificate: check that it is the registered one, not expired, and complete with its intermediate certificates"
	}
	return "the {endpoint}'s TLS layer asks for a client certificate: write pfx, or client_certificate and client_private_key"
}

// unreachableReason names the step that failed on the way to a connection.
func (e *roundTripError) unreachableReason(ctx context.Context) string {
	err, bound := e.cause, e.boundName()
	var (
		dns       *net.DNSError
		op        *net.OpError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
	)
	switch {
	case errors.Is(err, errProxy), errors.As(err, &op) && op.Op == "proxyconnect":
		return "the proxy (HTTPS_PROXY) is not reachable or refused the connection to the {endpoint}"
	case errors.As(err, &authority):
		return unknownAuthorityReason(err)
	case errors.As(err, &host):
		return hostNameReason(host)
	case errors.As(err, &invalid):
		return "the {endpoint}'s certificate is not valid (expired, or not meant for servers)"
	case errors.Is(ctx.Err(), context.DeadlineExceeded) && e.greeting:
		return "the TLS handshake with the {endpoint} did not end within " + bound + ": a firewall may swallow it, or " + largeHello
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return "the {endpoint} could not be connected to within " + bound
	case ctx.Err() != nil:
		return "the exchange was cancelled before the request was sent"
	case errors.As(err, &dns):
		return "the {endpoint}'s host name could not be resolved: check {field} and DNS"
	case errors.As(err, &record):
		return "the {endpoint}'s port does not speak TLS: check {field}"
	case errors.As(err, &op) && op.Op == "dial":
		return "the {endpoint} refused the connection or is not reachable: check {field}, firewalls and HTTPS_PROXY"
	}
	if !e.greeting && brokeOff(err) { // without a proxy the handshake begins at once
		return "the proxy (HTTPS_PROXY) ended the connection to the {endpoint}"
	}
	return cmp.Or(handshakeReason(err), "no TLS connection to the {endpoint} could be set up: it may require a client certificate or a newer or older TLS version")
}
