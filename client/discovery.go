package client

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
)

// ErrNoMetadata is what Discover returns, as an *Error, when the issuer publishes no document at any
// of the usual places.
var ErrNoMetadata error = unsent("the issuer publishes no metadata (RFC 8414, OpenID Connect Discovery): check issuer, or leave it out and write token_endpoint")

// Discover fetches what an authorization server says about itself: a GET of the document of RFC 8414
// or OpenID Connect Discovery, within the bounds of an exchange, o.Timeout for all of it. No redirect
// is followed and nothing is sent but the request. The document must name the very issuer that was
// asked for (RFC 8414 section 3.3): else one server could speak for another.
//
// Every error is an *Error: ClientRefused when somebody has to change something, NotProcessed when the
// server is in trouble and trying again makes sense. It holds nothing of what the server answered.
func Discover(ctx context.Context, o Options, issuer string) (*Metadata, error) {
	if issuer == "" {
		return nil, unsent("issuer is missing; write it")
	}
	if err := (&Provider{Issuer: issuer}).validateIssuer(o.AllowInsecure); err != nil {
		return nil, unsent(err.Error())
	}
	if err := o.CheckHost(issuer); err != nil {
		return nil, unsent("issuer: " + err.Error())
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(o.Timeout, defaultTimeout))
	defer cancel()
	failure := ErrNoMetadata
	for _, location := range metadataLocations(issuer) {
		a, err := o.get(ctx, location)
		if err != nil {
			return nil, err
		}
		if a.elsewhere() {
			continue
		}
		m, err := a.metadata(issuer)
		if !a.atALoss() {
			return m, err
		}
		if failure == ErrNoMetadata {
			failure = err
		}
	}
	return nil, failure
}

// metadataLocations are the places of RFC 8414 section 3.1, of OpenID Connect Discovery section 4, and
// of RFC 8414 section 5, which has the latter's name in the former's place. A slash at the issuer's
// end is left out in all of them.
func metadataLocations(issuer string) []string {
	const oauth, openid = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"
	begin := strings.Index(issuer, "://") + len("://")
	origin, path := issuer, ""
	if slash := strings.IndexByte(issuer[begin:], '/'); slash >= 0 {
		origin, path = issuer[:begin+slash], strings.TrimSuffix(issuer[begin+slash:], "/")
	}
	return slices.Compact([]string{origin + oauth + path, origin + path + openid, origin + openid + path})
}

// get fetches a document of the issuer's.
func (o Options) get(ctx context.Context, location string) (*answer, error) {
	a, err := o.fetch(ctx, location)
	if err != nil {
		return nil, ofIssuer(err)
	}
	return a, nil
}

// fetch makes a GET. The error says what an exchange would say of a token endpoint.
func (o Options) fetch(ctx context.Context, location string) (*answer, *Error) {
	var asked atomic.Bool
	transport := newTransport(o, nil, &asked)
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, location, nil)
	if err != nil {
		return nil, untold("{field} is no usable URL")
	}
	request.Header = http.Header{"Accept": {"application/json"}, "User-Agent": {userAgent}}
	a, err := send(transport, request)
	if e, ok := errors.AsType[*roundTripError](err); ok {
		e.bound = o.Bound
		return nil, e.meaning(ctx, asked.Load(), false)
	}
	return a, nil
}

// ofIssuer says of the issuer what an exchange would say of the token endpoint.
func ofIssuer(e *Error) *Error {
	switch e.Class {
	case ClientRefused: // the server's TLS layer wants a certificate
		return unsent("the issuer shows its metadata to clients with a certificate only: leave issuer out and write token_endpoint")
	case OutcomeUnknown: // a GET changes nothing
		return untold("the issuer did not answer, or not within request_timeout")
	}
	return untold(atIssuer.says(e.Reason))
}

// untold is the error for a server in trouble.
func untold(reason string) *Error { return &Error{Class: NotProcessed, Reason: reason} }

// elsewhere tells that there is no document at this place and that the next one may have it. Servers
// of single-page applications answer every path with status 200 and their page.
func (a *answer) elsewhere() bool {
	if a.status == http.StatusOK {
		return !bytes.HasPrefix(a.text(), []byte("{"))
	}
	return a.status/100 == 4 && a.status != http.StatusRequestTimeout && a.status != http.StatusTooManyRequests
}

// atALoss tells a status with which servers answer a path that they don't know: a redirect to their login page,
// a failure of their own. The document may be at the next place.
func (a *answer) atALoss() bool {
	return a.status/100 == 3 || a.status == http.StatusInternalServerError || a.status == http.StatusNotImplemented
}

// text is the body without what may surround a JSON document.
func (a *answer) text() []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(a.body, []byte("\ufeff")))
}

// metadata judges an answer that may be the document.
func (a *answer) metadata(issuer string) (*Metadata, error) {
	switch {
	case a.status/100 == 3:
		return nil, unsent("the issuer redirects instead of showing its metadata, and no redirect is followed: write issuer as the server itself names it")
	case a.status != http.StatusOK:
		return nil, untold("the issuer is in trouble: it answered the request for its metadata with an error; try again")
	case len(a.body) >= maxBody:
		return nil, unsent("the issuer's metadata are larger than 512 KiB, more than belongs there: leave issuer out and write token_endpoint")
	case a.cut:
		return nil, untold("the issuer's metadata broke off; try again")
	}
	return parseMetadata(a.text(), issuer)
}
