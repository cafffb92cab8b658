package oauthrefresh

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
)

// explains compares what is said with what a read then does, and wants no request and no write before it.
func (b *testBackend) explains(server *clienttest.Server, would, why string) {
	b.t.Helper()
	before, sent := b.storage.contents(b.t), len(server.Requests())
	got := b.data("explain/r")
	if got["would"] != would || !strings.Contains(fmt.Sprint(got["why"]), why) {
		b.t.Errorf("%v: %v, want %s: %s", got["would"], got["why"], would, why)
	}
	if plain(b.storage.contents(b.t)) != plain(before) || len(server.Requests()) != sent {
		b.t.Error("explaining has done something")
	}
	if text := fmt.Sprint(got); strings.Contains(text, canary) {
		b.t.Errorf("a secret is shown: %s", text)
	}
	resp, err := b.try(b.t.Context(), readOp, "creds/r", nil)
	refreshed, served := len(server.Requests()) > sent, err == nil && !resp.IsError()
	if refreshed != (would == grant.WouldRefresh) || served == (would == grant.WouldFail) || served && (len(resp.Warnings) > 0) != (would == grant.WouldWarn) {
		b.t.Errorf("said to %s, but: refreshed %v, served %v", would, refreshed, served)
	}
}

// Through the life of a grant, what is said is what is done.
func TestExplainSaysWhatAReadDoes(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		newGrant(server)
		b.explains(server, grant.WouldRefresh, "there is no token yet")
		b.explains(server, grant.WouldServe, "it is good for another 59m30s; a refresh is due when less than 20m of its life is left")
		b.patch("roles/r", fields{"scope": "other"})
		b.explains(server, grant.WouldRefresh, "other settings")
		b.write("config", fields{"allowed_hosts": "elsewhere.example"})
		b.explains(server, grant.WouldServe, "it is good for another")
		if got := fmt.Sprint(b.data("explain/r")["request"]); !strings.HasPrefix(got, "none: ") || !strings.Contains(got, "allowed_hosts") {
			t.Errorf("a request that would not be sent is shown: %s", got)
		}
		pause(45 * time.Minute)
		b.explains(server, grant.WouldWarn, "allowed_hosts")
		pause(20 * time.Minute)
		b.explains(server, grant.WouldFail, "allowed_hosts")
		b.write("config", fields{"allowed_hosts": ""})
		b.explains(server, grant.WouldRefresh, "has ended")
		server.Enqueue(clienttest.JSON(400, `{"error":"invalid_grant"}`))
		b.failure(writeOp, "refresh/r", nil)
		b.explains(server, grant.WouldWarn, "authorize again")
		pause(61 * time.Minute)
		b.explains(server, grant.WouldFail, "authorize again")
		b.write("roles/r", fields{"refresh_token": canary + "anew", "next_client_secret": canary + "next"})
		if got := b.data("explain/r")["if_refused_tries"]; fmt.Sprint(got) != "[next_client_secret]" {
			t.Errorf("then %v", got)
		}
		b.write("providers/test", fields{"token_endpoint_auth_method": "tls_client_auth"})
		b.explains(server, grant.WouldFail, "needs a client certificate")
	})
}

func TestExplainAsksLikeAReader(t *testing.T) {
	b := newTestBackend(t)
	newGrant(newEndpoint(t, b))
	b.writeRole("r")
	b.read("creds/r")
	for minTTL, want := range map[string]string{"10m": grant.WouldServe, "59m": grant.WouldFail} {
		if got := b.write("explain/r", fields{"min_ttl": minTTL}).Data["would"]; got != want {
			t.Errorf("min_ttl=%s: %v", minTTL, got)
		}
	}
	b.rejects(readOp, "explain/nobody", nil, "there is no role of this name")
}

// The request is the one that is sent, line for line, but for its secrets.
func TestExplainShowsTheRequest(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b, fields{
		"token_params": fields{"audience": "api"}, "token_headers": fields{"X-Tenant": "acme"}, "idempotency_header": "Idempotency-Key",
		"token_endpoint_auth_method": "client_secret_basic",
	})
	newGrant(server)
	b.writeRole("r", fields{"token_params": fields{"key": canary + "param"}, "token_headers": fields{"X-Key": canary + "header"}})
	got := b.data("explain/r")
	if want := "[grant_type=refresh_token refresh_token=[redacted] audience=api key=[redacted]]"; fmt.Sprint(got["request_body"]) != want {
		t.Errorf("body %v", got["request_body"])
	}
	header := map[string]string{}
	for _, line := range got["request_headers"].([]string) {
		name, value, _ := strings.Cut(line, ": ")
		header[name] = value
	}
	for name, want := range map[string]string{
		"Authorization": "Basic [redacted]", "X-Key": "[redacted]", "X-Tenant": "acme", "Idempotency-Key": "(one UUID per exchange, the same when it is sent again)",
	} {
		if header[name] != want {
			t.Errorf("%s: %s", name, header[name])
		}
	}
	b.read("creds/r")
	sent := server.Requests()[0]
	for name := range header {
		if sent.Header.Get(name) == "" {
			t.Errorf("%s is not sent", name)
		}
	}
	if got["request"] != sent.Method+" "+server.URL()+"/token" {
		t.Errorf("%v", got)
	}
}

// Of an assertion the claims are shown, and never the signature, which would make it one.
func TestExplainShowsClaims(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	c := newClientCertificate(t, -time.Hour, time.Hour)
	b.writeRole("r", signed(c.key, fields{"assertion_key_id": "k1"}))
	resp := b.do(logical.ReadOperation, "explain/r", nil)
	text := fmt.Sprint(resp.Data)
	for _, want := range []string{"client_assertion=[redacted]", "kid:k1", "alg:ES256", "aud:" + server.URL() + "/token", "iss:the-client"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
	if strings.Contains(text, "eyJ") || strings.Contains(text, "jti") {
		t.Errorf("shown: %s", text)
	}
}
