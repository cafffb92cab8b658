package main

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"
)

// provider is a token endpoint on loopback that grants everything but what refusals names. Each answer has a new access
// and a new refresh token, both good for an hour.
type provider struct {
	*httptest.Server
	requests atomic.Int64
	resumed  atomic.Int64 // those whose TLS session was resumed
	delay    time.Duration

	away    atomic.Int64 // until this Unix time first refresh tokens of roles that are to be due at once are put off to it
	putOff  atomic.Int64 // how many were
	granted atomic.Int64 // refreshes of such roles
}

// startProvider speaks TLS, or plain HTTP where only the number of tokens matters.
func startProvider(secure bool, delay time.Duration) *provider {
	p := &provider{delay: delay}
	p.Server = httptest.NewUnstartedServer(http.HandlerFunc(p.token))
	p.Config.ErrorLog = log.New(io.Discard, "", 0) // those who are in a handshake when it closes
	if secure {
		p.StartTLS()
	} else {
		p.Start()
	}
	return p
}

// refusals are what refresh tokens get that are sick.
var refusals = map[string]struct {
	status int
	body   string
}{
	"dead":  {http.StatusBadRequest, `{"error":"invalid_grant"}`},
	"wrong": {http.StatusUnauthorized, `{"error":"invalid_client"}`},
	"busy":  {http.StatusServiceUnavailable, ""},
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	n := p.requests.Add(1)
	if no, ok := refusals[r.PostFormValue("refresh_token")]; ok {
		http.Error(w, no.body, no.status)
		return
	}
	if strings.HasPrefix(r.PostFormValue("refresh_token"), "refresh-") {
		if left := p.away.Load() - time.Now().Unix(); left > 0 {
			p.putOff.Add(1)
			w.Header().Set("Retry-After", fmt.Sprint(left))
			http.Error(w, `{"error":"temporarily_unavailable"}`, http.StatusServiceUnavailable)
			return
		}
		p.granted.Add(1)
	}
	if r.TLS != nil && r.TLS.DidResume {
		p.resumed.Add(1)
	}
	time.Sleep(p.delay)
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"access_token":"access-0123456789abcdef0123456789-%07d","token_type":"Bearer","expires_in":3600,`+
		`"refresh_token":"refresh-%07d","scope":"read write"}`, n, n)
}

// authority is the server's certificate, to be trusted.
func (p *provider) authority() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw}))
}

// caller is a client that asks the provider as the engine does: a connection of its own for every
// request, TLS sessions resumed.
func (p *provider) caller() *http.Client {
	transport := p.Client().Transport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true
	transport.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	return &http.Client{Transport: transport}
}
