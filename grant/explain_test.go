package grant_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// Through the life of a grant, what is said is what is done.
func TestExplainSaysWhatAReadDoes(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.NewGrant(server)
		b.Explains(server, grant.WouldRefresh, "there is no token yet")
		b.Explains(server, grant.WouldServe, "it is good for another 59m30s; a refresh is due when less than 20m of its life is left")
		b.Patch("roles/r", enginetest.Fields{"scope": "other"})
		b.Explains(server, grant.WouldRefresh, "other settings")
		b.Write("config", enginetest.Fields{"allowed_hosts": "elsewhere.example"})
		b.Explains(server, grant.WouldServe, "it is good for another")
		if got := fmt.Sprint(b.Data("explain/r")["request"]); !strings.HasPrefix(got, "none: ") || !strings.Contains(got, "allowed_hosts") {
			t.Errorf("a request that would not be sent is shown: %s", got)
		}
		enginetest.Pause(45 * time.Minute)
		b.Explains(server, grant.WouldWarn, "allowed_hosts")
		enginetest.Pause(20 * time.Minute)
		b.Explains(server, grant.WouldFail, "allowed_hosts")
		b.Write("config", enginetest.Fields{"allowed_hosts": ""})
		b.Explains(server, grant.WouldRefresh, "has ended")
		server.Enqueue(clienttest.JSON(400, `{"error":"invalid_grant"}`))
		b.Failure(enginetest.WriteOp, "refresh/r", nil)
		b.Explains(server, grant.WouldWarn, "authorize again")
		enginetest.Pause(61 * time.Minute)
		b.Explains(server, grant.WouldFail, "authorize again")
		b.Write("roles/r", enginetest.Fields{"refresh_token": enginetest.Canary + "anew", "next_client_secret": enginetest.Canary + "next"})
		if got := b.Data("explain/r")["if_refused_tries"]; fmt.Sprint(got) != "[next_client_secret]" {
			t.Errorf("then %v", got)
		}
		b.Write("providers/test", enginetest.Fields{"token_endpoint_auth_method": "tls_client_auth"})
		b.Explains(server, grant.WouldFail, "needs a client certificate")
	})
}

func TestExplainAsksLikeAReader(t *testing.T) {
	b := enginetest.New(t)
	enginetest.NewGrant(enginetest.NewEndpoint(t, b))
	b.WriteRole("r")
	b.Read("creds/r")
	for minTTL, want := range map[string]string{"10m": grant.WouldServe, "59m": grant.WouldFail} {
		if got := b.Write("explain/r", enginetest.Fields{"min_ttl": minTTL}).Data["would"]; got != want {
			t.Errorf("min_ttl=%s: %v", minTTL, got)
		}
	}
	b.Rejects(enginetest.ReadOp, "explain/nobody", nil, "there is no role of this name")
}

// The request is the one that is sent, line for line, but for its secrets.
func TestExplainShowsTheRequest(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b, enginetest.Fields{
		"token_params": enginetest.Fields{"audience": "api"}, "token_headers": enginetest.Fields{"X-Tenant": "acme"}, "idempotency_header": "Idempotency-Key",
		"token_endpoint_auth_method": "client_secret_basic",
	})
	enginetest.NewGrant(server)
	b.WriteRole("r", enginetest.Fields{"token_params": enginetest.Fields{"key": enginetest.Canary + "param"}, "token_headers": enginetest.Fields{"X-Key": enginetest.Canary + "header"}})
	got := b.Data("explain/r")
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
	b.Read("creds/r")
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
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	c := enginetest.NewClientCertificate(t, -time.Hour, time.Hour)
	b.WriteRole("r", enginetest.Signed(c.Key, enginetest.Fields{"assertion_key_id": "k1"}))
	resp := b.Do(logical.ReadOperation, "explain/r", nil)
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
