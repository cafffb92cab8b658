package oauthrefresh

import (
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
)

// A provider that comes to want another credential is sent none: the refresh token alone would be one.
func TestAChangedMethodSendsNothing(t *testing.T) {
	for method, want := range map[string]string{
		"client_secret_post": "client_secret is required", "private_key_jwt": "has no key to", "tls_client_auth": "needs a client certificate",
	} {
		b := newTestBackend(t)
		server := newEndpoint(t, b, fields{"token_endpoint_auth_method": "none"})
		newGrant(server)
		b.writeRole("r", fields{"client_secret": nil})
		b.write("providers/test", fields{"token_endpoint_auth_method": method})
		if got := b.noCreds("r", 400); !strings.Contains(got, want) {
			t.Errorf("%s: %s", method, got)
		}
		if got := b.data("status/r"); got["state"] != grant.StateBlocked || !strings.Contains(got["next_step"].(string), want) || len(server.Requests()) != 0 {
			t.Errorf("%s: %d requests, %v", method, len(server.Requests()), got)
		}
	}
}

// A definition that is deleted while its issuer is asked stays deleted.
func TestDeletingAProviderWaitsForADiscovery(t *testing.T) {
	b := newTestBackend(t)
	server := clienttest.New(t, clienttest.Options{})
	b.write("config", fields{"ca_certificate": string(clienttest.CAPEM())})
	answer, open := gated(clienttest.JSON(200, `{"issuer":"`+server.URL()+`","token_endpoint":"`+server.URL()+`/token"}`))
	server.Enqueue(answer)
	written := b.start(t.Context(), writeOp, "providers/mine", fields{"issuer": server.URL()})
	server.WaitFor(1)
	deleted := b.start(t.Context(), deleteOp, "providers/mine", nil)
	select {
	case got := <-deleted:
		t.Errorf("deleted before it is there: %v", got)
	default:
	}
	open()
	await(t, written)
	await(t, deleted)
	if got := b.list("providers/"); strings.Contains(strings.Join(got, " "), "mine") {
		t.Errorf("providers %v", got)
	}
}
