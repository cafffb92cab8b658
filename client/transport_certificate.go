package client

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// certificateStatuses are those with which servers refuse a client certificate: nginx 400 (its own 495 and 496 by
// configuration), IIS and gateways 403, some gateways 401.
var certificateStatuses = []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, 495, 496}

// mayRefuseCertificate tells whether an answer without a code may be about the client certificate: the server
// has asked for one, and says nothing else: no code, and no word of the refresh token or the client's secret. A server that wants other credentials (WWW-Authenticate) says so.
func (a *answer) mayRefuseCertificate(found errorsFound, doc document) bool {
	asked := a.asked || a.resumed && bytes.Contains(bytes.ToLower(doc.text), []byte("certificate"))
	if !asked || !slices.Contains(certificateStatuses, a.status) || a.header.Get("WWW-Authenticate") != "" {
		return false
	}
	for _, code := range found.ownCodes(a.status) {
		if !slices.Contains(vagueCodes, code) {
			return false
		}
	}
	return found.known() == "" && !isStructured(doc) && found.firstOf([]string{"refresh token", "refresh_token", "client secret", "client_secret", "invalid grant"}) == ""
}

// isStructured tells a document that broke off, or a list: something that has more to say than could be read.
func isStructured(doc document) bool {
	return len(doc.text) > 0 && !doc.whole && (doc.text[0] == '{' || doc.text[0] == '[')
}

// nameCertificate says of an answer without a code that it may be the client certificate that is refused. Nobody
// knows who has written such an answer, so the outcome is unknown.
func (a *answer) nameCertificate(e *Error, found errorsFound, doc document, r *Request) {
	shown := r.Identity != nil
	switch {
	case e.Class != NotProcessed || e.Code != "":
	case a.mayRefuseCertificate(found, doc):
		e.Class, e.MaybeCertificate = OutcomeUnknown, true
		if e.Silent { // it may be anything, the certificate too
			e.Reason += "; " + maybeCertificateReason("this came", shown)
			return
		}
		e.Reason = maybeCertificateReason("the {endpoint}, or a server in front of it, refused the request with status "+strconv.Itoa(a.status)+" and without an OAuth error code", shown)
	case shown && !a.asked && a.wantsItLater(doc):
		e.Class, e.Reason = ClientRefused, "the server wants the client certificate after the handshake (post-handshake authentication of TLS 1.3), "+
			"which is not supported here: have it ask in the handshake, for the whole host, or speak TLS 1.2 there"
	case shown && !a.asked && a.status == http.StatusForbidden && r.notAsked() == "":
		e.Reason += "; the server did not ask for the client certificate in the handshake, and to ask for it later (TLS 1.3) is not supported here"
	}
}

// wantsItLater recognises Apache's page for a client that can't authenticate after the handshake.
func (a *answer) wantsItLater(doc document) bool {
	return a.status == http.StatusForbidden && a.tlsVersion == tls.VersionTLS13 && bytes.Contains(bytes.ToLower(doc.text), []byte("post-handshake"))
}

func maybeCertificateReason(what string, shown bool) string {
	if !shown {
		return what + ", after it had asked for a client certificate, of which there is none: write pfx, or client_certificate and client_private_key"
	}
	return what + ", after it had asked for the client certificate, so it may be that which it refuses: " +
		"check that it is the registered one, not expired, and complete with its intermediate certificates"
}

// brokeOff tells whether the other side ended the connection, as some servers do that refuse a certificate.
func brokeOff(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		strings.Contains(err.Error(), "server closed idle connection") // net/http's word for an EOF that it did not wait for
}
