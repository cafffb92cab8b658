package oauthrefresh

import (
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// A server in the wild answers every refresh that it refuses with 400 and nothing else. That may be the client
// or the refresh token, so neither is called good.
func TestARefusalWithoutAWord(t *testing.T) {
	for name, bare := range map[string]clienttest.Answer{
		"400": {Status: 400}, "401": {Status: 401}, "400 and an object": clienttest.JSON(400, `{}`),
	} {
		t.Run(name, func(t *testing.T) {
			withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
				server.Handle(always(bare))
				text := b.noCreds("r", 503)
				for _, want := range []string{"client_secret", "refresh token"} {
					if !strings.Contains(text, want) {
						t.Errorf("%q does not say to check the %s", text, want)
					}
				}
				if strings.Contains(text, "unspent") {
					t.Errorf("called unspent: %q", text)
				}
				if got := b.data("status/r"); got["probably_gone"] != nil || got["state"] != "failing" {
					t.Errorf("after one refusal the status says %v", got)
				}
				for range 50 {
					pause(time.Hour)
					b.noCreds("r", 503)
				}
				got := b.data("status/r")
				if step := got["next_step"].(string); got["probably_gone"] != true || !strings.Contains(step, "probably gone") || !strings.Contains(step, "authorize again") {
					t.Errorf("after two days the status says %v", got)
				}
				server.Handle(always(tokenAnswer("a1", canary+"r1"))) // it was the client after all
				b.write("roles/r", fields{"client_secret": canary + "right"})
				b.read("creds/r")
				if got := b.data("status/r"); got["probably_gone"] != nil || got["state"] != "ok" {
					t.Errorf("once it works the status says %v", got)
				}
			})
		})
	}
}

// After a lost answer it is the refresh token: the one that replaces it was in that answer.
func TestARefusalWithoutAWordAfterALostAnswer(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(clienttest.Answer{Drop: true}, clienttest.Answer{Status: 400})
		b.noCreds("r", 502)
		pause(time.Minute)
		text := b.noCreds("r", 503)
		if got := b.data("status/r"); got["probably_gone"] != true || !strings.Contains(text, "answer to an earlier refresh was lost") || got["state"] != "unknown" {
			t.Errorf("%q; the status says %v", text, got)
		}
	})
}

// An operator may know what a bare status means.
func TestABareStatusCanBePermanent(t *testing.T) {
	for status, want := range map[int]string{400: "dead", 401: "failing"} {
		withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
			server.Enqueue(clienttest.Answer{Status: status})
			_, _ = b.try(t.Context(), readOp, "creds/r", nil)
			if got := b.data("status/r")["state"]; got != want {
				t.Errorf("after a bare %d the state is %v", status, got)
			}
		}, fields{"permanent_errors": "400"})
	}
}

// What an answer may mean is shown in the words that would teach it.
func TestStatusShowsWhatToNameAPermanentError(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Handle(always(clienttest.JSON(200, `{"errcode":42007,"errmsg":"refresh_token invalid"}`)))
		_, _ = b.try(t.Context(), readOp, "creds/r", nil)
		entry, _ := b.data("status/r")["permanent_errors_entry"].(string)
		if entry == "" {
			t.Fatalf("the status says %v", b.data("status/r"))
		}
		b.write("providers/test", fields{"permanent_errors": entry})
		_, _ = b.try(t.Context(), readOp, "creds/r", nil)
		if got := b.data("status/r")["state"]; got != "dead" {
			t.Errorf("with permanent_errors=%q the state is %v", entry, got)
		}
	})
}

// A refusal that passes: an administrator lifts what the provider calls invalid_grant, and the refresh token
// that nobody but the engine knows is good again.
func TestARefusedGrantIsPresentedOnceMoreOnDemand(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(tokenAnswer("a1", canary+"r1"), invalidGrant, invalidGrant, tokenAnswer("a2", canary+"r2"))
		b.read("creds/r")
		pause(2 * time.Hour)
		if text := b.noCreds("r", 400); !strings.Contains(text, "retry=true") {
			t.Errorf("the reader hears %q", text)
		}
		b.refused(writeOp, "refresh/r", nil)
		b.refused(writeOp, "refresh/r", fields{"retry": false})
		b.refused(writeOp, "refresh/r", fields{"retry": true}) // too early
		if n := len(server.Requests()); n != 3 {
			t.Errorf("%d requests", n)
		}
		if got := b.write("refresh/r", fields{"retry": true}).Data["generation"]; got != int64(2) {
			t.Errorf("generation %v", got)
		}
		if got := sent(server); got[3] != canary+"r1" {
			t.Errorf("presented were %q", got)
		}
		if got := b.data("creds/r")["access_token"]; got != "a2" {
			t.Errorf("access token %v", got)
		}
	})
}

// One that was ended here is ended.
func TestARevokedGrantIsNotPresentedOnDemand(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	newGrant(server)
	b.writeRole("r")
	b.read("creds/r")
	b.write("revoke/r", nil)
	n := len(server.Requests())
	b.refused(writeOp, "refresh/r", fields{"retry": true})
	if len(server.Requests()) != n {
		t.Error("it was presented")
	}
}

// A dead grant that is presented once more, and meets a busy provider, is no less dead.
func TestARetryThatMeetsABusyProvider(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(tokenAnswer("a1", canary+"r1"), invalidGrant, busy)
		b.read("creds/r")
		pause(41 * time.Minute)
		b.read("creds/r")
		if got := b.data("status/r")["state"]; got != "dead" {
			t.Fatal(got)
		}
		_, _ = b.try(t.Context(), writeOp, "refresh/r", fields{"retry": true})
		if got := b.data("status/r"); got["state"] != "dead" {
			t.Errorf("the state is %v, reauthorization_required %v: %v", got["state"], got["reauthorization_required"], got["next_step"])
		}
	})
}

// What is known of a lost answer stays known after another refusal.
func TestARetryForgetsNoLostAnswer(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(clienttest.Answer{Drop: true}, invalidGrant, invalidGrant)
		b.noCreds("r", 502)
		pause(10 * time.Minute)
		_, first := b.failure(readOp, "creds/r", nil)
		_, second := b.failure(writeOp, "refresh/r", fields{"retry": true})
		if strings.Contains(first, "was lost") != strings.Contains(second, "was lost") {
			t.Errorf("first %q\nthen %q", first, second)
		}
	})
}
