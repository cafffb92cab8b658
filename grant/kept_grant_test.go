package grant_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// While a role uses client_credentials, its grant is kept aside: a revocation is not of that.
func TestARevocationLeavesTheKeptGrantAlone(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	rotation := enginetest.NewGrant(server)
	b.WriteRole("r")
	b.Read("creds/r")
	b.Write("roles/r", enginetest.Fields{"grant_type": "client_credentials"})
	server.Handle(func(r *clienttest.Request) clienttest.Answer {
		if strings.HasSuffix(r.Path, "/revoke") {
			return clienttest.Answer{Status: 200}
		}
		return enginetest.TokenAnswer("cc", "")
	})
	b.Read("creds/r")
	b.Write("revoke/r", nil)
	server.Handle(rotation.Answer)
	resp, err := b.Try(t.Context(), logical.UpdateOperation, "roles/r", enginetest.Fields{"grant_type": "refresh_token"})
	if err != nil || resp.IsError() {
		t.Errorf("the live refresh token is gone, never revoked: stored %v; %v %v", b.Stored("r").RefreshToken.IsSet(), resp, err)
	}
}

// Some servers answer client_credentials with a refresh token. It is not the grant's.
func TestAnAnswerLeavesTheKeptGrantAlone(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	rotation := enginetest.NewGrant(server)
	b.WriteRole("r")
	b.Read("creds/r")
	b.Age("r", func(tok *grant.State) { tok.Intent = &grant.Intent{AttemptID: "lost", At: time.Now().Add(-time.Hour)} })
	b.Write("roles/r", enginetest.Fields{"grant_type": "client_credentials"})
	server.Enqueue(enginetest.TokenAnswer("cc", enginetest.Canary+"of the client itself"))
	b.Read("creds/r")
	if got := b.Stored("r"); got.RefreshToken.Reveal() != enginetest.FirstToken+"-1" || got.Intent == nil {
		t.Errorf("the kept grant's refresh token is now %q, its unknown exchange is still known: %v", got.RefreshToken.Reveal(), got.Intent != nil)
	}
	b.Write("roles/r", enginetest.Fields{"grant_type": "refresh_token"})
	server.Handle(rotation.Answer)
	b.Read("creds/r")
}

// The grant dies after the role has stopped using it.
func TestTheKeptGrantsDeathIsNotTheRoles(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	b.WriteRole("r")
	answer, open := enginetest.Gated(clienttest.JSON(400, `{"error":"invalid_grant"}`))
	server.Enqueue(answer)
	reader := b.StartRead(t.Context(), "r")
	server.WaitFor(1)
	b.Write("roles/r", enginetest.Fields{"grant_type": "client_credentials"})
	open()
	enginetest.Await(t, reader)
	server.Enqueue(enginetest.TokenAnswer("cc", ""))
	resp, err := b.Try(t.Context(), logical.ReadOperation, "creds/r", nil)
	if err != nil || resp.IsError() {
		t.Errorf("a client_credentials role is dead: %v %v", resp, err)
	}
}
