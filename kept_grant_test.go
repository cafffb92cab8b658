package oauthrefresh

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
)

// While a role uses client_credentials, its grant is kept aside: a revocation is not of that.
func TestARevocationLeavesTheKeptGrantAlone(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	rotation := newGrant(server)
	b.writeRole("r")
	b.read("creds/r")
	b.write("roles/r", fields{"grant_type": "client_credentials"})
	server.Handle(func(r *clienttest.Request) clienttest.Answer {
		if strings.HasSuffix(r.Path, "/revoke") {
			return clienttest.Answer{Status: 200}
		}
		return tokenAnswer("cc", "")
	})
	b.read("creds/r")
	b.write("revoke/r", nil)
	server.Handle(rotation.Answer)
	resp, err := b.try(t.Context(), logical.UpdateOperation, "roles/r", fields{"grant_type": "refresh_token"})
	if err != nil || resp.IsError() {
		t.Errorf("the live refresh token is gone, never revoked: stored %v; %v %v", b.stored("r").RefreshToken.IsSet(), resp, err)
	}
}

// Some servers answer client_credentials with a refresh token. It is not the grant's.
func TestAnAnswerLeavesTheKeptGrantAlone(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	rotation := newGrant(server)
	b.writeRole("r")
	b.read("creds/r")
	b.age("r", func(tok *grant.State) { tok.Intent = &grant.Intent{AttemptID: "lost", At: time.Now().Add(-time.Hour)} })
	b.write("roles/r", fields{"grant_type": "client_credentials"})
	server.Enqueue(tokenAnswer("cc", canary+"of the client itself"))
	b.read("creds/r")
	if got := b.stored("r"); got.RefreshToken.Reveal() != firstToken+"-1" || got.Intent == nil {
		t.Errorf("the kept grant's refresh token is now %q, its unknown exchange is still known: %v", got.RefreshToken.Reveal(), got.Intent != nil)
	}
	b.write("roles/r", fields{"grant_type": "refresh_token"})
	server.Handle(rotation.Answer)
	b.read("creds/r")
}

// The grant dies after the role has stopped using it.
func TestTheKeptGrantsDeathIsNotTheRoles(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	b.writeRole("r")
	answer, open := gated(clienttest.JSON(400, `{"error":"invalid_grant"}`))
	server.Enqueue(answer)
	reader := b.startRead(t.Context(), "r")
	server.WaitFor(1)
	b.write("roles/r", fields{"grant_type": "client_credentials"})
	open()
	await(t, reader)
	server.Enqueue(tokenAnswer("cc", ""))
	resp, err := b.try(t.Context(), logical.ReadOperation, "creds/r", nil)
	if err != nil || resp.IsError() {
		t.Errorf("a client_credentials role is dead: %v %v", resp, err)
	}
}
