package client

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
)

// unknownAuthorityReason tells an authority that is not known from a chain with a gap. Which of the two it is can only
// be seen where the server sends the chain up to its root.
func unknownAuthorityReason(err error) string {
	const what = "the {endpoint}'s certificate is signed by an unknown authority"
	verification, ok := errors.AsType[*tls.CertificateVerificationError](err)
	if !ok || len(verification.UnverifiedCertificates) == 0 {
		return what + ": if that is right, add the authority to ca_certificate"
	}
	chain := verification.UnverifiedCertificates
	switch last := chain[len(chain)-1]; {
	case bytes.Equal(last.RawIssuer, last.RawSubject) && len(chain) == 1:
		return what + ", itself: if that is right, add the certificate to ca_certificate"
	case bytes.Equal(last.RawIssuer, last.RawSubject):
		return what + ": if that is right, add the authority's certificate, the last of the chain that the server sends, to ca_certificate"
	case len(chain) == 1:
		return what + ", or the server does not send its intermediate certificate, since it sends one certificate only: " +
			"have it send the whole chain, or add the certificate that signed its own to ca_certificate"
	}
	return what + ", or the server does not send all its intermediate certificates: " +
		"have it send the whole chain, or add the certificate that signed the last one of it to ca_certificate"
}

// hostNameReason tells a certificate for another host from one whose host is where nobody looks any more.
func hostNameReason(host x509.HostnameError) string {
	c := host.Certificate
	if c != nil && len(c.DNSNames)+len(c.IPAddresses)+len(c.URIs)+len(c.EmailAddresses) == 0 {
		return "the {endpoint}'s certificate has no subjectAltName, only a common name, which counts no longer (RFC 9525): " +
			"have it issued again with the host name as subjectAltName; ca_certificate does not help"
	}
	return "the {endpoint}'s certificate is for another host name: check {field}"
}

// largeHello is what to do about servers, and what is in front of them, that don't read on.
const largeHello = "something on the way takes no hello that is larger than one packet, as Go's is: register the plugin with -env=GODEBUG=tlsmlkem=0"

// handshakeReason says why a TLS handshake failed, as far as that can be seen; "" when it can't. What Go leaves out by
// default it takes again by a word in the plugin's environment. crypto/tls gives these errors no types.
func handshakeReason(err error) string {
	op, _ := errors.AsType[*net.OpError](err)
	alert := op != nil && op.Op == "remote error"
	switch text := err.Error(); {
	case alert && strings.Contains(text, "handshake failure"), strings.Contains(text, "server chose an unconfigured cipher suite"):
		return "the {endpoint} has no TLS cipher suite in common with this plugin: it probably takes RSA key exchange only, which is off by default: " +
			"have it offer ECDHE, or register the plugin with -env=GODEBUG=tlsrsakex=1; it may also require a client certificate"
	case alert && strings.Contains(text, "protocol version not supported"), strings.Contains(text, "unsupported protocol version"):
		return "the {endpoint} speaks no TLS version in common with this plugin, which speaks 1.2 and 1.3: have it offer one of these"
	case op != nil && op.Op == "read" && errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection to the {endpoint} was cut in the TLS handshake: a firewall or an IP allow list may refuse this host; or " + largeHello
	}
	return ""
}
