package oauthrefresh

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
)

// revoked is the form of the n-th request, which must be a revocation.
func revoked(t *testing.T, server *clienttest.Server, n int) (token, hint string) {
	t.Helper()
	requests := server.Requests()
	if len(requests) != n || requests[n-1].Path != "/revoke" {
		t.Fatalf("%d requests, want %d, the last at /revoke", len(requests), n)
	}
	form := requests[n-1].Form
	if form.Get("client_id") != "the-client" || form.Get("client_secret") != canary+"secret" {
		t.Errorf("the revocation is not authenticated: %v", form)
	}
	return form.Get("token"), form.Get("token_type_hint")
}

// The current refresh token is revoked, and nothing of the grant is left but what it was.
func TestRevokeEndsTheGrant(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	rotation := newGrant(server)
	b.writeRole("r")
	b.read("creds/r")
	b.write("revoke/r", nil)
	if token, hint := revoked(t, server, 2); token != firstToken+"-1" || hint != "refresh_token" {
		t.Errorf("revoked was %q with the hint %q", token, hint)
	}
	for key, value := range b.storage.contents(t) {
		if strings.Contains(value, firstToken) {
			t.Errorf("%s still holds a token of the grant", key)
		}
	}
	got := b.data("status/r")
	if got["state"] != "dead" || got["reauthorization_required"] != true || !strings.Contains(got["next_step"].(string), "revoke/r") {
		t.Errorf("the status says %v", got)
	}
	if text := b.noCreds("r", 400); !strings.Contains(text, "revoke/r") {
		t.Errorf("a reader hears %q", text)
	}
	b.rejects(logical.UpdateOperation, "revoke/r", nil, "holds no token")
	if rotation.Current() != "" || len(server.Requests()) != 2 {
		t.Errorf("%d requests, the grant is at %q", len(server.Requests()), rotation.Current())
	}

	server.Enqueue(tokenAnswer("b1", ""))
	b.write("roles/r", fields{"refresh_token": canary + "new"})
	if got := b.data("creds/r")["access_token"]; got != "b1" {
		t.Errorf("the new grant gives %v", got)
	}
}

// A refresh under way comes first, and the token it brings is the one to revoke.
func TestRevokeWaitsForARefresh(t *testing.T) {
	m := newMidway(t, tokenAnswer("a1", canary+"next"))
	m.server.Enqueue(clienttest.Answer{Status: 200})
	revoke := m.start(t.Context(), logical.UpdateOperation, "revoke/r", nil)
	m.atWork("r", 2)
	m.open()
	if got := await(t, revoke); got.err != nil || got.resp.IsError() {
		t.Fatal(got)
	}
	if token, _ := revoked(t, m.server, 2); token != canary+"next" {
		t.Errorf("revoked was %q", token)
	}
	await(t, m.reader)
}

// What storage has refused so far is the current refresh token too, and must not be served or come
// back afterwards.
func TestRevokeOfWhatIsHeld(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		newGrant(server)
		b.failSecondPut(2)
		b.read("creds/r")
		synctest.Wait() // the next try to store it is 250ms away
		b.write("revoke/r", nil)
		if token, _ := revoked(t, server, 2); token != firstToken+"-1" {
			t.Errorf("revoked was %q", token)
		}
		for range 2 {
			b.noCreds("r", 400)
			if got := b.data("status/r"); got["state"] != "dead" || got["unpersisted"] != false {
				t.Errorf("the status says %v", got)
			}
			pause(grant.MaxHoldDelay)
		}
	})
}

// A grant that was written while the old one was revoked is not the one that has ended.
func TestANewGrantWrittenDuringARevocation(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	b.writeRole("r")
	answer, open := gated(clienttest.Answer{Status: 200})
	server.Enqueue(answer, tokenAnswer("b1", ""))
	revoke := b.start(t.Context(), logical.UpdateOperation, "revoke/r", nil)
	server.WaitFor(1)
	b.write("roles/r", fields{"refresh_token": canary + "new"})
	open()
	if got := await(t, revoke); got.err != nil || got.resp.IsError() {
		t.Fatal(got)
	}
	if got := b.data("creds/r")["access_token"]; got != "b1" || sent(server)[1] != canary+"new" {
		t.Errorf("the new grant gives %v for %q", got, sent(server)[1])
	}
}

// With client_credentials there is a token to revoke and no grant to end.
func TestRevokeOfAClientsToken(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	b.writeRole("r", fields{"grant_type": "client_credentials", "refresh_token": nil})
	server.Enqueue(tokenAnswer("a1", ""), clienttest.Answer{Status: 200}, tokenAnswer("a2", ""))
	b.read("creds/r")
	b.write("revoke/r", nil)
	if token, hint := revoked(t, server, 2); token != "a1" || hint != "access_token" {
		t.Errorf("revoked was %q with the hint %q", token, hint)
	}
	if got := b.data("creds/r"); got["access_token"] != "a2" || got["generation"] != int64(2) {
		t.Errorf("the next read gets %v", got)
	}
}

// A provider that can't be asked has not revoked anything.
func TestRevokeWithoutAnAnswer(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	b.writeRole("r")
	server.Enqueue(tokenAnswer("a1", ""), clienttest.Answer{Drop: true}, clienttest.JSON(403, `{"error":"`+canary+`"}`))
	b.read("creds/r")
	before := b.storage.contents(t)["token/r"]
	for range 2 {
		if status, text := b.failure(logical.UpdateOperation, "revoke/r", nil); status != 502 || strings.Contains(text, canary) {
			t.Errorf("%d %s", status, text)
		}
	}
	if b.storage.contents(t)["token/r"] != before {
		t.Error("the state has changed")
	}
}

// Broken off in the middle, a revocation is still one: the role's copy of the first refresh token
// is not used again.
func TestRevokeThatBreaksOffHalfway(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	newGrant(server)
	b.writeRole("r")
	b.read("creds/r")
	b.storage.failPuts("role/r", errDisk, func(int) bool { return true })
	if _, err := b.try(t.Context(), logical.UpdateOperation, "revoke/r", nil); err == nil {
		t.Error("an error of storage is not said")
	}
	b.noCreds("r", 400)
	if got := b.data("status/r")["state"]; got != "dead" || len(server.Requests()) != 2 {
		t.Errorf("state %v after %d requests", got, len(server.Requests()))
	}
}
