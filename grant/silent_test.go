package grant_test

import (
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// A server in the wild answers every refresh that it refuses with 400 and nothing else. That may be the client
// or the refresh token, so neither is called good.
func TestARefusalWithoutAWord(t *testing.T) {
	for name, bare := range map[string]clienttest.Answer{
		"400": {Status: 400}, "401": {Status: 401}, "400 and an object": clienttest.JSON(400, `{}`),
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				server.Handle(enginetest.Always(bare))
				text := b.NoCreds("r", 503)
				for _, want := range []string{"client_secret", "refresh token"} {
					if !strings.Contains(text, want) {
						t.Errorf("%q does not say to check the %s", text, want)
					}
				}
				if strings.Contains(text, "unspent") {
					t.Errorf("called unspent: %q", text)
				}
				if got := b.Data("status/r"); got["probably_gone"] != nil || got["state"] != "failing" {
					t.Errorf("after one refusal the status says %v", got)
				}
				for range 50 {
					enginetest.Pause(time.Hour)
					b.NoCreds("r", 503)
				}
				got := b.Data("status/r")
				if step := got["next_step"].(string); got["probably_gone"] != true || !strings.Contains(step, "probably gone") || !strings.Contains(step, "authorize again") {
					t.Errorf("after two days the status says %v", got)
				}
				server.Handle(enginetest.Always(enginetest.TokenAnswer("a1", enginetest.Canary+"r1"))) // it was the client after all
				b.Write("roles/r", enginetest.Fields{"client_secret": enginetest.Canary + "right"})
				b.Read("creds/r")
				if got := b.Data("status/r"); got["probably_gone"] != nil || got["state"] != "ok" {
					t.Errorf("once it works the status says %v", got)
				}
			})
		})
	}
}

// After a lost answer it is the refresh token: the one that replaces it was in that answer.
func TestARefusalWithoutAWordAfterALostAnswer(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(clienttest.Answer{Drop: true}, clienttest.Answer{Status: 400})
		b.NoCreds("r", 502)
		enginetest.Pause(time.Minute)
		text := b.NoCreds("r", 503)
		if got := b.Data("status/r"); got["probably_gone"] != true || !strings.Contains(text, "answer to an earlier refresh was lost") || got["state"] != "unknown" {
			t.Errorf("%q; the status says %v", text, got)
		}
	})
}

// An operator may know what a bare status means.
func TestABareStatusCanBePermanent(t *testing.T) {
	for status, want := range map[int]string{400: "dead", 401: "failing"} {
		enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
			server.Enqueue(clienttest.Answer{Status: status})
			_, _ = b.Try(t.Context(), enginetest.ReadOp, "creds/r", nil)
			if got := b.Data("status/r")["state"]; got != want {
				t.Errorf("after a bare %d the state is %v", status, got)
			}
		}, enginetest.Fields{"permanent_errors": "400"})
	}
}

// What an answer may mean is shown in the words that would teach it.
func TestStatusShowsWhatToNameAPermanentError(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Handle(enginetest.Always(clienttest.JSON(200, `{"errcode":42007,"errmsg":"refresh_token invalid"}`)))
		_, _ = b.Try(t.Context(), enginetest.ReadOp, "creds/r", nil)
		entry, _ := b.Data("status/r")["permanent_errors_entry"].(string)
		if entry == "" {
			t.Fatalf("the status says %v", b.Data("status/r"))
		}
		b.Write("providers/test", enginetest.Fields{"permanent_errors": entry})
		_, _ = b.Try(t.Context(), enginetest.ReadOp, "creds/r", nil)
		if got := b.Data("status/r")["state"]; got != "dead" {
			t.Errorf("with permanent_errors=%q the state is %v", entry, got)
		}
	})
}

// A refusal that passes: an administrator lifts what the provider calls invalid_grant, and the refresh token
// that nobody but the engine knows is good again.
func TestARefusedGrantIsPresentedOnceMoreOnDemand(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(enginetest.TokenAnswer("a1", enginetest.Canary+"r1"), enginetest.InvalidGrant, enginetest.InvalidGrant, enginetest.TokenAnswer("a2", enginetest.Canary+"r2"))
		b.Read("creds/r")
		enginetest.Pause(2 * time.Hour)
		if text := b.NoCreds("r", 400); !strings.Contains(text, "retry=true") {
			t.Errorf("the reader hears %q", text)
		}
		b.Refused(enginetest.WriteOp, "refresh/r", nil)
		b.Refused(enginetest.WriteOp, "refresh/r", enginetest.Fields{"retry": false})
		b.Refused(enginetest.WriteOp, "refresh/r", enginetest.Fields{"retry": true}) // too early
		if n := len(server.Requests()); n != 3 {
			t.Errorf("%d requests", n)
		}
		if got := b.Write("refresh/r", enginetest.Fields{"retry": true}).Data["generation"]; got != int64(2) {
			t.Errorf("generation %v", got)
		}
		if got := enginetest.Sent(server); got[3] != enginetest.Canary+"r1" {
			t.Errorf("presented were %q", got)
		}
		if got := b.Data("creds/r")["access_token"]; got != "a2" {
			t.Errorf("access token %v", got)
		}
	})
}

// One that was ended here is ended.
func TestARevokedGrantIsNotPresentedOnDemand(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	enginetest.NewGrant(server)
	b.WriteRole("r")
	b.Read("creds/r")
	b.Write("revoke/r", nil)
	n := len(server.Requests())
	b.Refused(enginetest.WriteOp, "refresh/r", enginetest.Fields{"retry": true})
	if len(server.Requests()) != n {
		t.Error("it was presented")
	}
}

// A dead grant that is presented once more, and meets a busy provider, is no less dead.
func TestARetryThatMeetsABusyProvider(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(enginetest.TokenAnswer("a1", enginetest.Canary+"r1"), enginetest.InvalidGrant, enginetest.Busy)
		b.Read("creds/r")
		enginetest.Pause(41 * time.Minute)
		b.Read("creds/r")
		if got := b.Data("status/r")["state"]; got != "dead" {
			t.Fatal(got)
		}
		_, _ = b.Try(t.Context(), enginetest.WriteOp, "refresh/r", enginetest.Fields{"retry": true})
		if got := b.Data("status/r"); got["state"] != "dead" {
			t.Errorf("the state is %v, reauthorization_required %v: %v", got["state"], got["reauthorization_required"], got["next_step"])
		}
	})
}

// What is known of a lost answer stays known after another refusal.
func TestARetryForgetsNoLostAnswer(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(clienttest.Answer{Drop: true}, enginetest.InvalidGrant, enginetest.InvalidGrant)
		b.NoCreds("r", 502)
		enginetest.Pause(10 * time.Minute)
		_, first := b.Failure(enginetest.ReadOp, "creds/r", nil)
		_, second := b.Failure(enginetest.WriteOp, "refresh/r", enginetest.Fields{"retry": true})
		if strings.Contains(first, "was lost") != strings.Contains(second, "was lost") {
			t.Errorf("first %q\nthen %q", first, second)
		}
	})
}
