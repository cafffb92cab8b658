package grant_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// All is well, with each kind of certificate matter and each version of TLS.
func TestRehearseInOrder(t *testing.T) {
	c := enginetest.AcceptedCertificate(t)
	for name, r := range map[string]struct {
		server clienttest.Options
		f      enginetest.Fields
		want   string
	}{
		"without a certificate": {clienttest.Options{}, nil, "none; not asked for"},
		"not asked for":         {clienttest.Options{}, enginetest.Fields{"pfx": c.Pfx, "pfx_password": enginetest.CertificatePassword}, "not asked for"},
		"done without":          {clienttest.Options{AskForClientCertificate: true}, nil, "none; the server asks for one and does without"},
		"TLS 1.3":               {clienttest.Options{RequireClientCertificate: true}, enginetest.Fields{"pfx": c.Pfx, "pfx_password": enginetest.CertificatePassword}, "accepted"},
		"TLS 1.2":               {clienttest.Options{RequireClientCertificate: true, MaxTLSVersion: 0x0303}, enginetest.Fields{"pfx": c.Pfx, "pfx_password": enginetest.CertificatePassword}, "accepted"},
	} {
		t.Run(name, func(t *testing.T) {
			b := enginetest.New(t)
			server := clienttest.New(t, r.server)
			server.Handle(func(*clienttest.Request) clienttest.Answer {
				return clienttest.Answer{Status: 405, Header: map[string]string{"Date": time.Now().Add(time.Hour).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")}}
			})
			b.Write("config", enginetest.Fields{"ca_certificate": string(clienttest.CAPEM())})
			b.Write("providers/test", enginetest.Fields{"token_endpoint": server.URL() + "/token"})
			b.WriteRole("r", r.f, enginetest.Fields{"token_headers": enginetest.Fields{"X-Key": enginetest.Canary + "header"}})
			got := b.Rehearsed(server)
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
	c := enginetest.NewClientCertificate(t, -time.Hour, time.Hour)
	for method, want := range map[string]string{"tls_client_auth": "only a refresh tells", "none": "accepted"} {
		b := enginetest.New(t)
		server := clienttest.New(t, clienttest.Options{AskForClientCertificate: true})
		server.Handle(func(*clienttest.Request) clienttest.Answer { return clienttest.JSON(400, `{"error":"invalid_client"}`) })
		b.Write("config", enginetest.Fields{"ca_certificate": string(clienttest.CAPEM())})
		b.Write("providers/test", enginetest.Fields{"token_endpoint": server.URL() + "/token", "token_endpoint_auth_method": method})
		b.WriteRole("r", enginetest.Fields{"client_secret": nil, "pfx": c.Pfx, "pfx_password": enginetest.CertificatePassword})
		if got := b.Data("rehearse/r"); !strings.Contains(fmt.Sprint(got["client_certificate"]), want) || got["passed"] != true {
			t.Errorf("%s: %v", method, got)
		}
	}
}

// Each trouble is found at its step, and the steps before it are in order.
func TestRehearseFindsTrouble(t *testing.T) {
	closed := clienttest.Refusing(t)
	stranger := enginetest.NewClientCertificate(t, -time.Hour, time.Hour)
	shown := enginetest.Fields{"pfx": stranger.Pfx, "pfx_password": enginetest.CertificatePassword}
	for name, c := range map[string]struct {
		endpoint     string // of the provider, "" for a server's
		server       clienttest.Options
		config       enginetest.Fields
		provider     enginetest.Fields // written after the role
		answer       int
		f            enginetest.Fields
		field, want  string
		fine, beyond string // a step before, and one after
	}{
		"no such host":       {endpoint: "https://no-such-host.invalid/", field: "dns", want: "could not be resolved", fine: "role", beyond: "connection"},
		"nobody listens":     {endpoint: "https://" + closed + "/", field: "connection", want: "not reachable", fine: "dns", beyond: "tls"},
		"unknown authority":  {config: enginetest.Fields{"ca_certificate": ""}, field: "tls", want: "unknown authority", fine: "connection"},
		"no certificate":     {server: clienttest.Options{RequireClientCertificate: true}, field: "client_certificate", want: "asks for a client certificate", fine: "connection"},
		"wrong certificate":  {server: clienttest.Options{RequireClientCertificate: true}, f: shown, field: "client_certificate", want: "refused the client certificate", fine: "tls"},
		"wrong, TLS 1.2":     {server: clienttest.Options{RequireClientCertificate: true, MaxTLSVersion: 0x0303}, f: shown, field: "client_certificate", want: "refused the client certificate", fine: "connection"},
		"a redirect":         {answer: 302, field: "answer", want: "never followed", fine: "tls"},
		"and a certificate":  {server: clienttest.Options{AskForClientCertificate: true}, f: shown, answer: 302, field: "client_certificate", want: "accepted", fine: "tls"},
		"method changed":     {provider: enginetest.Fields{"token_endpoint_auth_method": "tls_client_auth"}, field: "role", want: "needs a client certificate", beyond: "dns"},
		"the host forbidden": {config: enginetest.Fields{"allowed_hosts": "elsewhere.example"}, field: "role", want: "allowed_hosts", beyond: "dns"},
	} {
		t.Run(name, func(t *testing.T) {
			b := enginetest.New(t)
			server := clienttest.New(t, c.server)
			endpoint := c.endpoint
			if endpoint == "" {
				endpoint = server.URL() + "/token"
			}
			b.Write("config", enginetest.Fields{"ca_certificate": string(clienttest.CAPEM())})
			b.Write("providers/test", enginetest.Fields{"token_endpoint": endpoint})
			b.WriteRole("r", c.f)
			if c.config != nil {
				b.Write("config", c.config)
			}
			if c.provider != nil {
				b.Write("providers/test", c.provider)
			}
			if c.answer != 0 {
				server.Enqueue(clienttest.Answer{Status: c.answer})
			}
			got := b.Rehearsed(server)
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
	good, bad := enginetest.AcceptedCertificate(t), enginetest.NewClientCertificate(t, -time.Hour, time.Hour)
	for next, want := range map[*enginetest.ClientCertificate]string{good: "accepted", bad: "refused the client certificate"} {
		b := enginetest.New(t)
		server := clienttest.New(t, clienttest.Options{RequireClientCertificate: true})
		b.Write("config", enginetest.Fields{"ca_certificate": string(clienttest.CAPEM())})
		b.Write("providers/test", enginetest.Fields{"token_endpoint": server.URL() + "/token"})
		first := enginetest.AcceptedCertificate(t)
		b.WriteRole("r", enginetest.Fields{
			"pfx": first.Pfx, "pfx_password": enginetest.CertificatePassword,
			"next_client_certificate": next.Certificate, "next_client_private_key": next.Key, "next_from": "2099-01-01",
		})
		got := b.Rehearsed(server)
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
		return enginetest.TokenAnswer("a1", enginetest.Canary+"r1")
	})
	b.Read("creds/r")
	if got := b.Data("rehearse/r"); got["passed"] != true {
		t.Errorf("%v", got)
	}
}
