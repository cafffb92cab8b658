package grant_test

import (
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// A provider that comes to want another credential is sent none: the refresh token alone would be one.
func TestAChangedMethodSendsNothing(t *testing.T) {
	for method, want := range map[string]string{
		"client_secret_post": "client_secret is required", "private_key_jwt": "has no key to", "tls_client_auth": "needs a client certificate",
	} {
		b := enginetest.New(t)
		server := enginetest.NewEndpoint(t, b, enginetest.Fields{"token_endpoint_auth_method": "none"})
		enginetest.NewGrant(server)
		b.WriteRole("r", enginetest.Fields{"client_secret": nil})
		b.Write("providers/test", enginetest.Fields{"token_endpoint_auth_method": method})
		if got := b.NoCreds("r", 400); !strings.Contains(got, want) {
			t.Errorf("%s: %s", method, got)
		}
		if got := b.Data("status/r"); got["state"] != grant.StateBlocked || !strings.Contains(got["next_step"].(string), want) || len(server.Requests()) != 0 {
			t.Errorf("%s: %d requests, %v", method, len(server.Requests()), got)
		}
	}
}

// A definition that is deleted while its issuer is asked stays deleted.
func TestDeletingAProviderWaitsForADiscovery(t *testing.T) {
	b := enginetest.New(t)
	server := clienttest.New(t, clienttest.Options{})
	b.Write("config", enginetest.Fields{"ca_certificate": string(clienttest.CAPEM())})
	answer, open := enginetest.Gated(clienttest.JSON(200, `{"issuer":"`+server.URL()+`","token_endpoint":"`+server.URL()+`/token"}`))
	server.Enqueue(answer)
	written := b.Start(t.Context(), enginetest.WriteOp, "providers/mine", enginetest.Fields{"issuer": server.URL()})
	server.WaitFor(1)
	deleted := b.Start(t.Context(), enginetest.DeleteOp, "providers/mine", nil)
	select {
	case got := <-deleted:
		t.Errorf("deleted before it is there: %v", got)
	default:
	}
	open()
	enginetest.Await(t, written)
	enginetest.Await(t, deleted)
	if got := b.List("providers/"); strings.Contains(strings.Join(got, " "), "mine") {
		t.Errorf("providers %v", got)
	}
}
