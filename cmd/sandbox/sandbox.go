package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// sandbox is everything that runs: the providers, their authority, and what was seen.
type sandbox struct {
	ca      *authority
	keys    *clientKeys
	ledgers []*ledger // in the order in which they are shown
	journal journal
	log     io.Writer
	quiet   bool
	now     func() time.Time
	conns   *feed // connections after their TLS handshake, on the way to the HTTP server
	stop    context.Context
}

// newSandbox sets the providers up. ttl, if not 0, is the access token lifetime for all of them.
func newSandbox(ctx context.Context, log io.Writer, ttl time.Duration) (*sandbox, error) {
	ca, err := newAuthority()
	if err != nil {
		return nil, err
	}
	keys, err := newClientKeys()
	if err != nil {
		return nil, err
	}
	s := &sandbox{ca: ca, keys: keys, log: log, now: time.Now, conns: newFeed(), stop: ctx}
	for _, p := range []*provider{isabel(), isabelV1(), salesforce(), pandadoc(), pingone(), keliweb(), generic(ca, keys)} {
		if ttl > 0 {
			p.policy.accessTTL = ttl
		}
		s.ledgers = append(s.ledgers, newLedger(p))
	}
	return s, nil
}

func (s *sandbox) ledger(name string) *ledger {
	for _, l := range s.ledgers {
		if l.name == name {
			return l
		}
	}
	return nil
}

// knownHost tells whether a name is one that the sandbox stands in for.
func (s *sandbox) knownHost(host string) bool {
	for _, l := range s.ledgers {
		if l.serves(host) {
			return true
		}
	}
	return false
}

// route finds who answers. On 127.0.0.1 the first part of the path names the provider, except for Isabel
// Connect, whose own path begins with its name already. The second result is the path as on the provider's
// own host.
func (s *sandbox) route(host, path string, h http.Header) (*ledger, string) {
	if ip := net.ParseIP(host); ip.IsLoopback() || host == "localhost" {
		if name, ok := strings.CutPrefix(path, metadataPath+"/"); ok {
			return s.ledger(name), metadataPath
		}
		first, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		if first == "isabel-connect" {
			return s.isabel(h), path
		}
		return s.ledger(first), "/" + rest
	}
	if host == isabelHost {
		return s.isabel(h), path
	}
	for _, l := range s.ledgers {
		if l.serves(host) {
			return l, path
		}
	}
	return nil, path
}

// isabel picks the version by how the client authenticates, or by who has issued the token of an API call.
func (s *sandbox) isabel(h http.Header) *ledger {
	v1 := s.ledger("isabel-connect-v1")
	if token, ok := bearer(h); ok && v1.knows(token) || h.Get("Authorization") == "" {
		return v1
	}
	return s.ledger("isabel-connect")
}

// say writes one line for a person to read. Refusals are always told.
func (s *sandbox) say(e entry) {
	verdict := "ok     "
	if e.Refusal != "" || e.Status >= 400 || e.Status == 0 {
		verdict = "REFUSED"
	} else if s.quiet {
		return
	}
	if e.Fault != "" {
		verdict = "FAULT  "
	}
	line := fmt.Sprintf("%s %s %-17s %s %s%s %d", e.Time.Format("15:04:05.000"), verdict, e.Provider, e.Method, e.Host, printablePath(e.Path), e.Status)
	for _, more := range []string{e.Refusal, e.Fault} {
		if more != "" {
			line += ": " + more
		}
	}
	if e.Resent {
		line += " (stored answer of the idempotency key)"
	}
	fmt.Fprintln(s.log, line)
}

func (s *sandbox) record(e entry) {
	s.journal.add(e)
	s.say(e)
}

func printablePath(p string) string {
	if len(p) > 120 {
		p = p[:120] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, p)
}
