package grant_test

import (
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// corrections are the writes of which each may be what was wrong.
var corrections = map[string]enginetest.Fields{
	"roles/r":        {"client_secret": enginetest.Canary + "other"},
	"providers/test": {"docs": "https://docs.example.com"},
	"config":         {"request_timeout": "20s"},
}

// An operator's correction ends the waiting: for background work too.
func TestACorrectionEndsTheWaitingOfBackgroundWork(t *testing.T) {
	for path, f := range corrections {
		t.Run(path, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				b.StartBackground()
				server.Enqueue(clienttest.JSON(200, `{"access_token":"a1","expires_in":3600}`), enginetest.Busy.With("Retry-After", "3000"))
				server.Handle(enginetest.Always(enginetest.TokenAnswer("a2", enginetest.Canary+"r2")))
				b.Read("creds/r")
				for len(server.Requests()) < 2 {
					enginetest.Pause(time.Minute)
				}
				b.Write(path, f)
				enginetest.Pause(time.Minute)
				if len(server.Requests()) < 3 {
					t.Errorf("nothing was asked in a minute after the correction: %v", b.Data("status/r"))
				}
			})
		})
	}
}

// explain and status agree with a read after a correction.
func TestStatusAfterACorrection(t *testing.T) {
	for path, f := range corrections {
		for name, answer := range map[string]clienttest.Answer{
			"busy": enginetest.Busy.With("Retry-After", "3000"), "a refused client": clienttest.JSON(401, `{"error":"invalid_client"}`),
		} {
			t.Run(name+", "+path, func(t *testing.T) {
				enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
					server.Handle(enginetest.Always(answer))
					_, _ = b.Try(t.Context(), enginetest.ReadOp, "creds/r", nil)
					b.Write(path, f)
					status, would := b.Data("status/r"), b.Data("explain/r")["would"]
					step := status["next_step"].(string)
					if would != grant.WouldRefresh || status["backing_off_until"] != nil || strings.Contains(step, "due in") || strings.Contains(step, "correct roles/") ||
						!strings.Contains(step, "has changed since then: the next read tries it") {
						t.Errorf("a read would %v, the status says %v: %v", would, status["backing_off_until"], step)
					}
					_, _ = b.Try(t.Context(), enginetest.ReadOp, "creds/r", nil)
					if n := len(server.Requests()); n != 2 {
						t.Errorf("the next read makes it %d requests", n)
					}
				})
			})
		}
	}
}

// A grant that was refused with a wrong client_id is presented once more after the correction, and that is what it says.
func TestStatusOfADeadGrantAfterACorrection(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(enginetest.TokenAnswer("a1", enginetest.Canary+"r1"), enginetest.InvalidGrant, enginetest.TokenAnswer("a2", enginetest.Canary+"r2"))
		b.Read("creds/r")
		enginetest.Pause(45 * time.Minute)
		b.Read("creds/r")
		if step := b.Data("status/r")["next_step"].(string); !strings.Contains(step, "authorize again") {
			t.Errorf("before the correction: %s", step)
		}
		b.Write("providers/test", enginetest.Fields{"permanent_errors": "something_else"})
		if step := b.Data("status/r")["next_step"].(string); strings.Contains(step, "authorize again") || !strings.Contains(step, "once more") {
			t.Errorf("after it: %s", step)
		}
		if would := b.Data("explain/r")["would"]; would != grant.WouldRefresh {
			t.Errorf("a read would %v", would)
		}
		if resp := b.Read("creds/r"); resp.Data["access_token"] != "a2" || len(resp.Warnings) > 0 {
			t.Errorf("%v", resp)
		}
	})
}
