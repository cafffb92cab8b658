// Package sandboxtest runs a sandbox inside a test, and speaks to it as a client and as who watches it would: over
// its own ports, knowing no more than its CA and its environment.
package sandboxtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/sandbox"
	"vault-plugin-secrets-oauthrefresh/sandbox/front"
	"vault-plugin-secrets-oauthrefresh/sandbox/oauth"
	"vault-plugin-secrets-oauthrefresh/sandbox/watch"
)

// Bench is a running sandbox and clients that know its CA and its proxy, nothing else.
type Bench struct {
	T       *testing.T        // fails when the sandbox cannot be spoken to
	Sandbox *sandbox.Sandbox  // nil for one that runs elsewhere
	Env     map[string]string // see sandbox.Environment
	Roots   *x509.CertPool    // whom the clients trust
	shift   atomic.Int64      // nanoseconds by which the sandbox's clock is ahead
	Client  *http.Client      // through the proxy, with the Isabel certificate
	Bare    *http.Client      // through the proxy, without a client certificate
	Log     *Buffer           // what a person would have read
}

// New starts a sandbox that ends with the test.
func New(t *testing.T) *Bench {
	t.Helper()
	b := &Bench{T: t, Log: &Buffer{}}
	s, err := sandbox.Start(t.Context(), sandbox.Options{Log: b.Log, Now: b.Now})
	if err != nil {
		t.Fatal(err)
	}
	b.Sandbox = s
	b.reach(s.Environment(t.TempDir()), s.Authority.Pool, Identity(t, s.Authority, sandbox.ClientName))
	t.Cleanup(s.Close) // after those of its clients, which were made last
	b.T.Cleanup(func() {
		b.Client.CloseIdleConnections()
		b.Bare.CloseIdleConnections()
	})
	return b
}

// At is a bench at a sandbox that runs already.
func At(t *testing.T, env map[string]string) *Bench {
	t.Helper()
	ca, err := os.ReadFile(env["SANDBOX_CA"])
	if err != nil {
		t.Fatal(err)
	}
	b := &Bench{T: t, Log: &Buffer{}}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	b.reach(env, roots)
	t.Cleanup(b.Client.CloseIdleConnections)
	return b
}

func (b *Bench) reach(env map[string]string, roots *x509.CertPool, certs ...tls.Certificate) {
	b.Env, b.Roots = env, roots
	b.Client, b.Bare = b.NewClient(certs...), b.NewClient()
}

// Identity is a client certificate of an authority, with a key that is quick to make.
func Identity(t *testing.T, a *front.Authority, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := a.Client(name, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

// NewClient is a client that goes through the proxy, but for what is on 127.0.0.1, and has these certificates.
func (b *Bench) NewClient(certs ...tls.Certificate) *http.Client {
	proxy, err := url.Parse(b.Env["SANDBOX_PROXY"])
	if err != nil {
		b.T.Fatal(err)
	}
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		Proxy: func(r *http.Request) (*url.URL, error) {
			if r.URL.Hostname() == "127.0.0.1" {
				return nil, nil
			}
			return proxy, nil
		},
		TLSClientConfig: &tls.Config{RootCAs: b.Roots, Certificates: certs},
	}}
}

// Order posts to the observation API and gives the status; the answer is decoded into what is not nil.
func (b *Bench) Order(path string, body any, into any) int {
	b.T.Helper()
	payload, err := json.Marshal(body)
	if err != nil {
		b.T.Fatal(err)
	}
	resp, err := http.Post(b.Env["SANDBOX_API"]+path, "application/json", strings.NewReader(string(payload)))
	if err != nil {
		b.T.Fatal(err)
	}
	defer resp.Body.Close()
	if into != nil {
		if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
			b.T.Fatal(err)
		}
	}
	return resp.StatusCode
}

// ask gets from the observation API.
func (b *Bench) ask(path string, into any) {
	b.T.Helper()
	resp, err := http.Get(b.Env["SANDBOX_API"] + path)
	if err != nil {
		b.T.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		b.T.Fatal(err)
	}
}

// Stats is what a provider has seen.
func (b *Bench) Stats(provider string) oauth.Stats {
	b.T.Helper()
	var all map[string]oauth.Stats
	b.ask("/stats", &all)
	return all[provider]
}

// Arrived waits until the journal holds n entries.
func (b *Bench) Arrived(n int) {
	b.T.Helper()
	for seen := 0; seen < n; {
		var entries []watch.Entry
		b.ask(fmt.Sprintf("/requests?wait=10s&after=%d", seen), &entries)
		if len(entries) == 0 {
			b.T.Fatal("nothing came within 10 seconds")
		}
		seen = entries[len(entries)-1].Seq
	}
}

// Live tells whether a provider would accept an access token now.
func (b *Bench) Live(provider, token string) bool {
	b.T.Helper()
	var state oauth.TokenState
	b.Order("/introspect", map[string]string{"provider": provider, "token": token}, &state)
	return state.Active
}

// Now is what time the sandbox believes it is.
func (b *Bench) Now() time.Time { return time.Now().Add(time.Duration(b.shift.Load())) }

// Advance puts the sandbox's clock forward.
func (b *Bench) Advance(d time.Duration) { b.shift.Add(int64(d)) }

// Last is what the journal has of the last request.
func (b *Bench) Last() watch.Entry {
	b.T.Helper()
	var all []watch.Entry
	b.ask("/requests", &all)
	return all[len(all)-1]
}
