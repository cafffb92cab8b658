package oauthrefresh

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// rehearsed is what a rehearsal says, with nothing sent that is a secret, and nothing stored.
func (b *testBackend) rehearsed(servers ...*clienttest.Server) map[string]any {
	b.t.Helper()
	before := b.storage.contents(b.t)
	got := b.data("rehearse/r")
	if plain(b.storage.contents(b.t)) != plain(before) {
		b.t.Error("something was stored")
	}
	for _, server := range servers {
		for _, r := range server.Requests() {
			if r.Method != "GET" || len(r.Body) > 0 || strings.Contains(string(r.Raw), canary) || r.Header.Get("Authorization") != "" {
				b.t.Errorf("sent %s", r.Raw)
			}
		}
	}
	return got
}

// All is well, with each kind of certificate matter and each version of TLS.
func TestRehearseInOrder(t *testing.T) {
	c := acceptedCertificate(t)
	for name, r := range map[string]struct {
		server clienttest.Options
		f      fields
		want   string
	}{
		"without a certificate": {clienttest.Options{}, nil, "none; not asked for"},
		"not asked for":         {clienttest.Options{}, fields{"pfx": c.pfx, "pfx_password": certificatePassword}, "not asked for"},
		"done without":          {clienttest.Options{AskForClientCertificate: true}, nil, "none; the server asks for one and does without"},
		"TLS 1.3":               {clienttest.Options{RequireClientCertificate: true}, fields{"pfx": c.pfx, "pfx_password": certificatePassword}, "accepted"},
		"TLS 1.2":               {clienttest.Options{RequireClientCertificate: true, MaxTLSVersion: 0x0303}, fields{"pfx": c.pfx, "pfx_password": certificatePassword}, "accepted"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newTestBackend(t)
			server := clienttest.New(t, r.server)
			server.Handle(func(*clienttest.Request) clienttest.Answer {
				return clienttest.Answer{Status: 405, Header: map[string]string{"Date": time.Now().Add(time.Hour).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")}}
			})
			b.write("config", fields{"ca_certificate": string(clienttest.CAPEM())})
			b.write("providers/test", fields{"token_endpoint": server.URL() + "/token"})
			b.writeRole("r", r.f, fields{"token_headers": fields{"X-Key": canary + "header"}})
			got := b.rehearsed(server)
			if got["passed"] != true || got["client_certificate"] != r.want || got["role"] != "ok" || !strings.Contains(fmt.Sprint(got["tls"]), "ok, TLS 1.") || got["answer"] != "status 405, to a request that asks for nothing" || got["state"] != "new" {
				t.Errorf("%v", got)
			}
			if ahead := got["server_clock_ahead"].(int64); ahead < 3590 || ahead > 3610 {
				t.Errorf("the server's clock is %d s ahead", ahead)
			}
		})
	}
}

// Where the certificate is the authentication, an answer that refuses the client is no word of acceptance, though it may
// be for lack of a client_id.
func TestRehearseDoesNotTakeARefusalOfTheClientForAcceptance(t *testing.T) {
	c := newClientCertificate(t, -time.Hour, time.Hour)
	for method, want := range map[string]string{"tls_client_auth": "only a refresh tells", "none": "accepted"} {
		b := newTestBackend(t)
		server := clienttest.New(t, clienttest.Options{AskForClientCertificate: true})
		server.Handle(func(*clienttest.Request) clienttest.Answer { return clienttest.JSON(400, `{"error":"invalid_client"}`) })
		b.write("config", fields{"ca_certificate": string(clienttest.CAPEM())})
		b.write("providers/test", fields{"token_endpoint": server.URL() + "/token", "token_endpoint_auth_method": method})
		b.writeRole("r", fields{"client_secret": nil, "pfx": c.pfx, "pfx_password": certificatePassword})
		if got := b.data("rehearse/r"); !strings.Contains(fmt.Sprint(got["client_certificate"]), want) || got["passed"] != true {
			t.Errorf("%s: %v", method, got)
		}
	}
}

// Each trouble is found at its step, and the steps before it are in order.
func TestRehearseFindsTrouble(t *testing.T) {
	closed := clienttest.Refusing(t)
	stranger := newClientCertificate(t, -time.Hour, time.Hour)
	shown := fields{"pfx": stranger.pfx, "pfx_password": certificatePassword}
	for name, c := range map[string]struct {
		endpoint     string // of the provider, "" for a server's
		server       clienttest.Options
		config       fields
		provider     fields // written after the role
		answer       int
		f            fields
		field, want  string
		fine, beyond string // a step before, and one after
	}{
		"no such host":       {endpoint: "https://no-such-host.invalid/", field: "dns", want: "could not be resolved", fine: "role", beyond: "connection"},
		"nobody listens":     {endpoint: "https://" + closed + "/", field: "connection", want: "not reachable", fine: "dns", beyond: "tls"},
		"unknown authority":  {config: fields{"ca_certificate": ""}, field: "tls", want: "unknown authority", fine: "connection"},
		"no certificate":     {server: clienttest.Options{RequireClientCertificate: true}, field: "client_certificate", want: "asks for a client certificate", fine: "connection"},
		"wrong certificate":  {server: clienttest.Options{RequireClientCertificate: true}, f: shown, field: "client_certificate", want: "refused the client certificate", fine: "tls"},
		"wrong, TLS 1.2":     {server: clienttest.Options{RequireClientCertificate: true, MaxTLSVersion: 0x0303}, f: shown, field: "client_certificate", want: "refused the client certificate", fine: "connection"},
		"a redirect":         {answer: 302, field: "answer", want: "never followed", fine: "tls"},
		"and a certificate":  {server: clienttest.Options{AskForClientCertificate: true}, f: shown, answer: 302, field: "client_certificate", want: "accepted", fine: "tls"},
		"method changed":     {provider: fields{"token_endpoint_auth_method": "tls_client_auth"}, field: "role", want: "needs a client certificate", beyond: "dns"},
		"the host forbidden": {config: fields{"allowed_hosts": "elsewhere.example"}, field: "role", want: "allowed_hosts", beyond: "dns"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newTestBackend(t)
			server := clienttest.New(t, c.server)
			endpoint := c.endpoint
			if endpoint == "" {
				endpoint = server.URL() + "/token"
			}
			b.write("config", fields{"ca_certificate": string(clienttest.CAPEM())})
			b.write("providers/test", fields{"token_endpoint": endpoint})
			b.writeRole("r", c.f)
			if c.config != nil {
				b.write("config", c.config)
			}
			if c.provider != nil {
				b.write("providers/test", c.provider)
			}
			if c.answer != 0 {
				server.Enqueue(clienttest.Answer{Status: c.answer})
			}
			got := b.rehearsed(server)
			if got["passed"] != false || !strings.Contains(fmt.Sprint(got[c.field]), c.want) {
				t.Errorf("%s: %v", c.field, got)
			}
			if c.fine != "" && !strings.HasPrefix(fmt.Sprint(got[c.fine]), "ok") {
				t.Errorf("%s: %v", c.fine, got[c.fine])
			}
			if c.beyond != "" && got[c.beyond] != "not tried" {
				t.Errorf("%s: %v", c.beyond, got[c.beyond])
			}
		})
	}
}

// A certificate that is to come can be tried before its time. It may not be registered yet, and that is no fault.
func TestRehearseTriesTheNextCertificate(t *testing.T) {
	good, bad := acceptedCertificate(t), newClientCertificate(t, -time.Hour, time.Hour)
	for next, want := range map[*clientCertificate]string{good: "accepted", bad: "refused the client certificate"} {
		b := newTestBackend(t)
		server := clienttest.New(t, clienttest.Options{RequireClientCertificate: true})
		b.write("config", fields{"ca_certificate": string(clienttest.CAPEM())})
		b.write("providers/test", fields{"token_endpoint": server.URL() + "/token"})
		first := acceptedCertificate(t)
		b.writeRole("r", fields{
			"pfx": first.pfx, "pfx_password": certificatePassword,
			"next_client_certificate": next.certificate, "next_client_private_key": next.key, "next_from": "2099-01-01",
		})
		got := b.rehearsed(server)
		if fmt.Sprint(got["client_certificate"]) != "accepted" || !strings.Contains(fmt.Sprint(got["next_client_certificate"]), want) || got["passed"] != true {
			t.Errorf("%v", got)
		}
	}
}

// A role without a certificate at a server that does without one: nothing is in the way of a refresh.
func TestARehearsalAtAServerThatDoesWithout(t *testing.T) {
	b, server := askingEverybody(t)
	server.Handle(func(r *clienttest.Request) clienttest.Answer {
		if r.Method == "GET" {
			return clienttest.Answer{Status: 400}
		}
		return tokenAnswer("a1", canary+"r1")
	})
	b.read("creds/r")
	if got := b.data("rehearse/r"); got["passed"] != true {
		t.Errorf("%v", got)
	}
}
