package oauthrefresh_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// revoked is the form of the n-th request, which must be a revocation.
func revoked(t *testing.T, server *clienttest.Server, n int) (token, hint string) {
	t.Helper()
	requests := server.Requests()
	if len(requests) != n || requests[n-1].Path != "/revoke" {
		t.Fatalf("%d requests, want %d, the last at /revoke", len(requests), n)
	}
	form := requests[n-1].Form
	if form.Get("client_id") != "the-client" || form.Get("client_secret") != enginetest.Canary+"secret" {
		t.Errorf("the revocation is not authenticated: %v", form)
	}
	return form.Get("token"), form.Get("token_type_hint")
}

// The current refresh token is revoked, and nothing of the grant is left but what it was.
func TestRevokeEndsTheGrant(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	rotation := enginetest.NewGrant(server)
	b.WriteRole("r")
	b.Read("creds/r")
	b.Write("revoke/r", nil)
	if token, hint := revoked(t, server, 2); token != enginetest.FirstToken+"-1" || hint != "refresh_token" {
		t.Errorf("revoked was %q with the hint %q", token, hint)
	}
	for key, value := range b.Storage.Contents(t) {
		if strings.Contains(value, enginetest.FirstToken) {
			t.Errorf("%s still holds a token of the grant", key)
		}
	}
	got := b.Data("status/r")
	if got["state"] != "dead" || got["reauthorization_required"] != true || !strings.Contains(got["next_step"].(string), "revoke/r") {
		t.Errorf("the status says %v", got)
	}
	if text := b.NoCreds("r", 400); !strings.Contains(text, "revoke/r") {
		t.Errorf("a reader hears %q", text)
	}
	b.Rejects(logical.UpdateOperation, "revoke/r", nil, "holds no token")
	if rotation.Current() != "" || len(server.Requests()) != 2 {
		t.Errorf("%d requests, the grant is at %q", len(server.Requests()), rotation.Current())
	}

	server.Enqueue(enginetest.TokenAnswer("b1", ""))
	b.Write("roles/r", enginetest.Fields{"refresh_token": enginetest.Canary + "new"})
	if got := b.Data("creds/r")["access_token"]; got != "b1" {
		t.Errorf("the new grant gives %v", got)
	}
}

// A refresh under way comes first, and the token it brings is the one to revoke.
func TestRevokeWaitsForARefresh(t *testing.T) {
	m := enginetest.NewMidway(t, enginetest.TokenAnswer("a1", enginetest.Canary+"next"))
	m.Server.Enqueue(clienttest.Answer{Status: 200})
	revoke := m.Start(t.Context(), logical.UpdateOperation, "revoke/r", nil)
	m.AtWork("r", 2)
	m.Open()
	if got := enginetest.Await(t, revoke); got.Err != nil || got.Resp.IsError() {
		t.Fatal(got)
	}
	if token, _ := revoked(t, m.Server, 2); token != enginetest.Canary+"next" {
		t.Errorf("revoked was %q", token)
	}
	enginetest.Await(t, m.Reader)
}

// What storage has refused so far is the current refresh token too, and must not be served or come
// back afterwards.
func TestRevokeOfWhatIsHeld(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.NewGrant(server)
		b.FailSecondPut(2)
		b.Read("creds/r")
		synctest.Wait() // the next try to store it is 250ms away
		b.Write("revoke/r", nil)
		if token, _ := revoked(t, server, 2); token != enginetest.FirstToken+"-1" {
			t.Errorf("revoked was %q", token)
		}
		for range 2 {
			b.NoCreds("r", 400)
			if got := b.Data("status/r"); got["state"] != "dead" || got["unpersisted"] != false {
				t.Errorf("the status says %v", got)
			}
			enginetest.Pause(grant.MaxHoldDelay)
		}
	})
}

// A grant that was written while the old one was revoked is not the one that has ended.
func TestANewGrantWrittenDuringARevocation(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	b.WriteRole("r")
	answer, open := enginetest.Gated(clienttest.Answer{Status: 200})
	server.Enqueue(answer, enginetest.TokenAnswer("b1", ""))
	revoke := b.Start(t.Context(), logical.UpdateOperation, "revoke/r", nil)
	server.WaitFor(1)
	b.Write("roles/r", enginetest.Fields{"refresh_token": enginetest.Canary + "new"})
	open()
	if got := enginetest.Await(t, revoke); got.Err != nil || got.Resp.IsError() {
		t.Fatal(got)
	}
	if got := b.Data("creds/r")["access_token"]; got != "b1" || enginetest.Sent(server)[1] != enginetest.Canary+"new" {
		t.Errorf("the new grant gives %v for %q", got, enginetest.Sent(server)[1])
	}
}

// With client_credentials there is a token to revoke and no grant to end.
func TestRevokeOfAClientsToken(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	b.WriteRole("r", enginetest.Fields{"grant_type": "client_credentials", "refresh_token": nil})
	server.Enqueue(enginetest.TokenAnswer("a1", ""), clienttest.Answer{Status: 200}, enginetest.TokenAnswer("a2", ""))
	b.Read("creds/r")
	b.Write("revoke/r", nil)
	if token, hint := revoked(t, server, 2); token != "a1" || hint != "access_token" {
		t.Errorf("revoked was %q with the hint %q", token, hint)
	}
	if got := b.Data("creds/r"); got["access_token"] != "a2" || got["generation"] != int64(2) {
		t.Errorf("the next read gets %v", got)
	}
}

// A provider that can't be asked has not revoked anything.
func TestRevokeWithoutAnAnswer(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	b.WriteRole("r")
	server.Enqueue(enginetest.TokenAnswer("a1", ""), clienttest.Answer{Drop: true}, clienttest.JSON(403, `{"error":"`+enginetest.Canary+`"}`))
	b.Read("creds/r")
	before := b.Storage.Contents(t)["token/r"]
	for range 2 {
		if status, text := b.Failure(logical.UpdateOperation, "revoke/r", nil); status != 502 || strings.Contains(text, enginetest.Canary) {
			t.Errorf("%d %s", status, text)
		}
	}
	if b.Storage.Contents(t)["token/r"] != before {
		t.Error("the state has changed")
	}
}

// Broken off in the middle, a revocation is still one: the role's copy of the first refresh token
// is not used again.
func TestRevokeThatBreaksOffHalfway(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	enginetest.NewGrant(server)
	b.WriteRole("r")
	b.Read("creds/r")
	b.Storage.FailPuts("role/r", enginetest.ErrDisk, func(int) bool { return true })
	if _, err := b.Try(t.Context(), logical.UpdateOperation, "revoke/r", nil); err == nil {
		t.Error("an error of storage is not said")
	}
	b.NoCreds("r", 400)
	if got := b.Data("status/r")["state"]; got != "dead" || len(server.Requests()) != 2 {
		t.Errorf("state %v after %d requests", got, len(server.Requests()))
	}
}
