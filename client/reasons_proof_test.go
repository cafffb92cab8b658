package client

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// A client without a secret is not sent to look for one, whatever is asked and however it is refused.
func TestARefusedClientIsToldByItsMethod(t *testing.T) {
	for method, want := range map[string][]string{
		AuthBasic:         {"client_secret"},
		AuthPost:          {"client_secret"},
		AuthSecretJWT:     {"client_secret,", "assertion_audience", "token_endpoint_auth_signing_alg"},
		AuthKeyJWT:        {"key that signs", "assertion_key_id", "assertion_audience", "token_endpoint_auth_signing_alg"},
		AuthTLS:           {"client certificate", "subject"},
		AuthSelfSignedTLS: {"this very client certificate"},
		AuthNone:          {"whether the provider wants proof"},
	} {
		for name, answer := range map[string]clienttest.Answer{
			"invalid_client": clienttest.JSON(401, `{"error":"invalid_client"}`),
			"unauthorized":   clienttest.JSON(401, `{"error":"unauthorized_client"}`),
			"access_denied":  clienttest.JSON(403, `{"error":"access_denied"}`),
			"a bare 403":     clienttest.Answer{Status: 403}.With("WWW-Authenticate", "x"),
			"a bare 401":     clienttest.Answer{Status: 401}.With("WWW-Authenticate", "x"),
		} {
			s := clienttest.New(t, clienttest.Options{AskForClientCertificate: true})
			s.Handle(func(*clienttest.Request) clienttest.Answer { return answer })
			r := refresh(s)
			r.Identity, r.ClientSecret = newTestIdentity(t), NewSecret(strings.Repeat("s", 32))
			r.Assertion.Key, r.Provider.TokenEndpointAuthMethod = r.Identity.SigningKey(), method
			_, err := Exchange(t.Context(), trusting(), r)
			for what, err := range map[string]error{"refresh": err, "revocation": Revoke(t.Context(), trusting(), r, NewSecret("t"), "")} {
				e := asError(t, err)
				for _, want := range want {
					if !strings.Contains(e.Reason, want) {
						t.Errorf("%s, %s, %s: no %q in %s", method, name, what, want, e.Reason)
					}
				}
				if !strings.Contains(want[0], "client_secret") && strings.Contains(e.Reason, "client_secret") {
					t.Errorf("%s, %s, %s: %s", method, name, what, e.Reason)
				}
			}
		}
	}
}

// A client without a certificate resumes sessions, in which nobody asks for one: the page says what it is all the same.
func TestAMissingCertificateIsNamedInAResumedSession(t *testing.T) {
	s := clienttest.New(t, clienttest.Options{AskForClientCertificate: true})
	s.Handle(func(*clienttest.Request) clienttest.Answer {
		return clienttest.Text(400, "text/html", "<title>400 No required SSL certificate was sent</title>")
	})
	o := trusting()
	o.Sessions = tls.NewLRUClientSessionCache(0)
	for range 2 {
		_, err := Exchange(t.Context(), o, refresh(s))
		if e := asError(t, err); e.Class != OutcomeUnknown || !strings.Contains(e.Reason, "write pfx") {
			t.Errorf("%+v", e)
		}
	}
	if all := s.Requests(); !all[1].Resumed {
		t.Error("no session is resumed")
	}
}

// cutConn is a connection that was reset.
type cutConn struct {
	net.Conn
	cut *atomic.Bool
}

func (c cutConn) Write(b []byte) (int, error) {
	if c.cut.Load() {
		return 0, &net.OpError{Op: "write", Err: syscall.ECONNRESET}
	}
	return c.Conn.Write(b)
}

func (c cutConn) Read(b []byte) (int, error) {
	if c.cut.Load() {
		return 0, &net.OpError{Op: "read", Err: syscall.ECONNRESET}
	}
	return c.Conn.Read(b)
}

// A reset right after the handshake, before a byte of the request: nothing was sent. One after the first byte: who knows.
func TestAResetBeforeTheFirstByte(t *testing.T) {
	for before, want := range map[bool]Class{true: NotProcessed, false: OutcomeUnknown} {
		s := clienttest.New(t, clienttest.Options{AskForClientCertificate: true})
		s.Handle(func(*clienttest.Request) clienttest.Answer { return clienttest.Answer{Drop: true} })
		var asked, cut atomic.Bool
		transport := newTransport(trusting(), newTestIdentity(t), &asked)
		transport.Proxy = nil
		transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			return countedConn{cutConn{conn, &cut}, &transport.written}, err
		}
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			TLSHandshakeDone: func(tls.ConnectionState, error) { cut.Store(before) },
		})
		_, err := roundTrip(ctx, transport, s.URL(), http.Header{}, []byte("body"))
		lost, ok := err.(*roundTripError)
		if !ok {
			t.Fatalf("got %#v", err)
		}
		if e := lost.meaning(t.Context(), asked.Load(), true); e.Class != want || !e.MaybeCertificate || !strings.Contains(e.Reason, "client certificate") {
			t.Errorf("%t: %+v", before, e)
		}
	}
}

// Go's own refusal to renegotiate is what a server gets that asks a client without a certificate for one.
func TestRenegotiationWithoutACertificate(t *testing.T) {
	lost := &roundTripError{connected: true, cause: &net.OpError{Op: "local error", Err: errors.New("tls: no renegotiation")}}
	if e := lost.meaning(t.Context(), false, false); e.Class != ClientRefused || !strings.Contains(e.Reason, "renegotiation") || !strings.Contains(e.Reason, "pfx") {
		t.Errorf("%+v", e)
	}
	if e := lost.meaning(t.Context(), true, true); e.Class != OutcomeUnknown || !e.MaybeCertificate {
		t.Errorf("a second time: %+v", e)
	}
}
