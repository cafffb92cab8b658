package front

import (
	"io"
	"net"
	"net/http"
	"strings"

	"vault-plugin-secrets-oauthrefresh/sandbox/oauth"
	"vault-plugin-secrets-oauthrefresh/sandbox/watch"
)

// ServeHTTP answers what comes over TLS: the providers' endpoints. Whatever comes is in the journal, refused or not.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(host)
	e := watch.Entry{
		Time: f.now(), Via: wireOf(r).via, Method: r.Method, Host: host, Path: r.URL.Path, Headers: watch.RedactHeaders(r.Header),
	}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		e.ClientCert = r.TLS.PeerCertificates[0].Subject.String()
	}
	if name := wireOf(r).host; name != "" && name != host {
		f.turnAway(w, e, http.StatusMisdirectedRequest, "the Host header and the connection's host differ")
		return
	}
	l, path := route(f.ledgers, host, r.URL.Path, r.Header)
	if l == nil {
		f.turnAway(w, e, http.StatusNotFound, "no provider here")
		return
	}
	e.Provider = l.Name
	e.Endpoint = l.Endpoint(host, path)
	if e.Endpoint == "" {
		f.turnAway(w, e, http.StatusNotFound, "this provider has no such path")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, oauth.MaxBody))
	if err != nil {
		f.turnAway(w, e, http.StatusRequestEntityTooLarge, "the body is too long or was cut off")
		return
	}
	c := l.NewCall(r, host, e.Endpoint, body, e.Time)
	if e.Endpoint == oauth.EndpointAPI {
		f.serveAPI(w, l, c, e)
		return
	}
	f.serveEndpoint(w, r, l, c, e)
}

// turnAway refuses what no provider is asked about.
func (f *Front) turnAway(w http.ResponseWriter, e watch.Entry, status int, why string) {
	e.Status, e.Refusal = status, why
	f.journal.Record(e)
	http.Error(w, http.StatusText(status), status)
}

// serveAPI answers a call to a provider's API.
func (f *Front) serveAPI(w http.ResponseWriter, l *oauth.Ledger, c *oauth.Call, e watch.Entry) {
	out := l.AnswerAPI(c)
	e.Status, e.Refusal = out.Status, out.Refusal
	f.journal.Record(e)
	out.Write(w, c)
}

// serveEndpoint processes a call, spoilt as ordered, and writes it down before the client can see the answer: a
// test that has its answer finds the request in the journal.
func (f *Front) serveEndpoint(w http.ResponseWriter, r *http.Request, l *oauth.Ledger, c *oauth.Call, e watch.Entry) {
	out, spoilt := l.Process(c)
	e.Params, e.ClientID = watch.RedactParams(c.Form), c.Claimed()
	e.Status, e.Refusal, e.Replay, e.Resent, e.Fault = out.Status, out.Refusal, out.Replay, out.Resent, spoilt.String()
	if spoilt.Unanswered() {
		e.Status = 0
	}
	f.journal.Record(e)
	if !spoilt.Wait(r.Context(), f.stop) {
		panic(http.ErrAbortHandler) // closes the connection, says nothing
	}
	out.Write(w, c)
}
