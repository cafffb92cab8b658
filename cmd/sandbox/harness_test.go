package main

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
)

// bench is a running sandbox and a client that knows its CA and its proxy, nothing else.
type bench struct {
	t      *testing.T
	s      *sandbox // nil for one that runs elsewhere
	env    map[string]string
	roots  *x509.CertPool
	shift  atomic.Int64 // nanoseconds by which the sandbox's clock is ahead
	client *http.Client // through the proxy, with the Isabel certificate
	bare   *http.Client // through the proxy, without a client certificate
	log    *buffer
}

// newBench starts a sandbox that ends with the test.
func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, log: &buffer{}}
	s, err := start(t.Context(), options{log: b.log, now: b.now})
	if err != nil {
		t.Fatal(err)
	}
	b.s = s
	b.reach(s.environment(t.TempDir()), s.authority.pool, identity(t, s.authority, clientName))
	t.Cleanup(s.close) // after those of its clients, which were made last
	b.t.Cleanup(func() {
		b.client.CloseIdleConnections()
		b.bare.CloseIdleConnections()
	})
	return b
}

// benchAt is a bench at a sandbox that runs already.
func benchAt(t *testing.T, env map[string]string) *bench {
	t.Helper()
	ca, err := os.ReadFile(env["SANDBOX_CA"])
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, log: &buffer{}}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	b.reach(env, roots)
	t.Cleanup(b.client.CloseIdleConnections)
	return b
}

func (b *bench) reach(env map[string]string, roots *x509.CertPool, certs ...tls.Certificate) {
	b.env, b.roots = env, roots
	b.client, b.bare = b.newClient(certs...), b.newClient()
}

// identity is a client certificate of an authority, with a key that is quick to make.
func identity(t *testing.T, a *authority, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := a.client(name, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

func (b *bench) newClient(certs ...tls.Certificate) *http.Client {
	proxy, err := url.Parse(b.env["SANDBOX_PROXY"])
	if err != nil {
		b.t.Fatal(err)
	}
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		Proxy: func(r *http.Request) (*url.URL, error) {
			if r.URL.Hostname() == "127.0.0.1" {
				return nil, nil
			}
			return proxy, nil
		},
		TLSClientConfig: &tls.Config{RootCAs: b.roots, Certificates: certs},
	}}
}

// order posts to the observation API and returns the status.
func (b *bench) order(path string, body any, into any) int {
	b.t.Helper()
	payload, err := json.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	resp, err := http.Post(b.env["SANDBOX_API"]+path, "application/json", strings.NewReader(string(payload)))
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	if into != nil {
		if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
			b.t.Fatal(err)
		}
	}
	return resp.StatusCode
}

// ask gets from the observation API.
func (b *bench) ask(path string, into any) {
	b.t.Helper()
	resp, err := http.Get(b.env["SANDBOX_API"] + path)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		b.t.Fatal(err)
	}
}

// stats is what a provider has seen.
func (b *bench) stats(provider string) statsAnswer {
	b.t.Helper()
	var all map[string]statsAnswer
	b.ask("/stats", &all)
	return all[provider]
}

// arrived waits until the journal holds n entries.
func (b *bench) arrived(n int) {
	b.t.Helper()
	for seen := 0; seen < n; {
		var entries []entry
		b.ask(fmt.Sprintf("/requests?wait=10s&after=%d", seen), &entries)
		if len(entries) == 0 {
			b.t.Fatal("nothing came within 10 seconds")
		}
		seen = entries[len(entries)-1].Seq
	}
}

func (b *bench) live(provider, token string) bool {
	b.t.Helper()
	var state tokenState
	b.order("/introspect", map[string]string{"provider": provider, "token": token}, &state)
	return state.Active
}

// now is what time the sandbox believes it is.
func (b *bench) now() time.Time { return time.Now().Add(time.Duration(b.shift.Load())) }

// advance puts the sandbox's clock forward.
func (b *bench) advance(d time.Duration) { b.shift.Add(int64(d)) }

func (b *bench) last() entry {
	b.t.Helper()
	var all []entry
	b.ask("/requests", &all)
	return all[len(all)-1]
}
