package role_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// secretIsOld lets only the client secret before this one in, and counts what was tried.
func secretIsOld(server *clienttest.Server) {
	server.Handle(func(r *clienttest.Request) clienttest.Answer {
		switch {
		case r.Form.Get("client_secret") != enginetest.Canary+"old":
			return clienttest.JSON(401, `{"error":"invalid_client"}`)
		case strings.HasSuffix(r.Path, "/revoke"):
			return clienttest.Answer{Status: 200}
		}
		return enginetest.TokenAnswer("a", "")
	})
}

// While a secret is replaced at the provider, refreshes go on with the one that works, and it is not
// looked for again each time.
func TestThePreviousSecretBridgesAChange(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	b.WriteRole("r", enginetest.Fields{"previous_client_secret": enginetest.Canary + "old"})
	secretIsOld(server)
	b.Read("creds/r")
	b.Write("refresh/r", nil)
	if n := len(server.Requests()); n != 3 {
		t.Errorf("%d exchanges, want two for the first refresh and one for the second", n)
	}
	if got := b.Data("status/r")["previous_client_secret_in_use"]; got != true {
		t.Errorf("the status says %v", got)
	}
	b.Write("revoke/r", nil)
	if n := len(server.Requests()); n != 4 {
		t.Errorf("%d exchanges, want the revocation with the secret that works", n)
	}
}

// After any other error the refresh token may be spent, and a second exchange would be a second use.
func TestThePreviousSecretIsForInvalidClientOnly(t *testing.T) {
	for name, answer := range map[string]clienttest.Answer{
		"invalid_grant":       clienttest.JSON(400, `{"error":"invalid_grant"}`),
		"unauthorized_client": clienttest.JSON(400, `{"error":"unauthorized_client"}`),
		"an error page":       clienttest.Text(500, "text/html", "oops"),
		"busy":                clienttest.Text(503, "text/plain", "busy"),
		"no answer":           {Drop: true},
	} {
		t.Run(name, func(t *testing.T) {
			b := enginetest.New(t)
			server := enginetest.NewEndpoint(t, b)
			b.WriteRole("r", enginetest.Fields{"previous_client_secret": enginetest.Canary + "old"})
			server.Enqueue(answer)
			b.Failure(logical.ReadOperation, "creds/r", nil)
			if n := len(server.Requests()); n != 1 {
				t.Errorf("%d exchanges", n)
			}
		})
	}
}

// A reader whose token is refused for a reason that no refresh can mend does not spend the grant's
// refresh tokens.
func TestForcedRefreshesAreBounded(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	enginetest.NewGrant(server)
	b.WriteRole("r")
	b.Read("creds/r") // without a token at hand nothing is counted
	for range grant.ForcedBurst {
		b.Write("refresh/r", nil)
	}
	if status, text := b.Failure(logical.UpdateOperation, "refresh/r", nil); status != 429 || !strings.Contains(text, "creds/") {
		t.Errorf("%d: %s", status, text)
	}
	b.Write("refresh/r", enginetest.Fields{"if_generation": 1}) // replaced long ago: costs nothing, so it is answered
	b.Read("creds/r")
	if n := len(server.Requests()); n != 1+grant.ForcedBurst {
		t.Errorf("%d refreshes, want %d", n, 1+grant.ForcedBurst)
	}
}
