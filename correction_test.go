package oauthrefresh

import (
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
)

// corrections are the writes of which each may be what was wrong.
var corrections = map[string]fields{
	"roles/r":        {"client_secret": canary + "other"},
	"providers/test": {"docs": "https://docs.example.com"},
	"config":         {"request_timeout": "20s"},
}

// An operator's correction ends the waiting: for background work too.
func TestACorrectionEndsTheWaitingOfBackgroundWork(t *testing.T) {
	for path, f := range corrections {
		t.Run(path, func(t *testing.T) {
			withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
				b.startBackground()
				server.Enqueue(clienttest.JSON(200, `{"access_token":"a1","expires_in":3600}`), busy.With("Retry-After", "3000"))
				server.Handle(always(tokenAnswer("a2", canary+"r2")))
				b.read("creds/r")
				for len(server.Requests()) < 2 {
					pause(time.Minute)
				}
				b.write(path, f)
				pause(time.Minute)
				if len(server.Requests()) < 3 {
					t.Errorf("nothing was asked in a minute after the correction: %v", b.data("status/r"))
				}
			})
		})
	}
}

// explain and status agree with a read after a correction.
func TestStatusAfterACorrection(t *testing.T) {
	for path, f := range corrections {
		for name, answer := range map[string]clienttest.Answer{
			"busy": busy.With("Retry-After", "3000"), "a refused client": clienttest.JSON(401, `{"error":"invalid_client"}`),
		} {
			t.Run(name+", "+path, func(t *testing.T) {
				withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
					server.Handle(always(answer))
					_, _ = b.try(t.Context(), readOp, "creds/r", nil)
					b.write(path, f)
					status, would := b.data("status/r"), b.data("explain/r")["would"]
					step := status["next_step"].(string)
					if would != grant.WouldRefresh || status["backing_off_until"] != nil || strings.Contains(step, "due in") || strings.Contains(step, "correct roles/") ||
						!strings.Contains(step, "has changed since then: the next read tries it") {
						t.Errorf("a read would %v, the status says %v: %v", would, status["backing_off_until"], step)
					}
					_, _ = b.try(t.Context(), readOp, "creds/r", nil)
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
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(tokenAnswer("a1", canary+"r1"), invalidGrant, tokenAnswer("a2", canary+"r2"))
		b.read("creds/r")
		pause(45 * time.Minute)
		b.read("creds/r")
		if step := b.data("status/r")["next_step"].(string); !strings.Contains(step, "authorize again") {
			t.Errorf("before the correction: %s", step)
		}
		b.write("providers/test", fields{"permanent_errors": "something_else"})
		if step := b.data("status/r")["next_step"].(string); strings.Contains(step, "authorize again") || !strings.Contains(step, "once more") {
			t.Errorf("after it: %s", step)
		}
		if would := b.data("explain/r")["would"]; would != grant.WouldRefresh {
			t.Errorf("a read would %v", would)
		}
		if resp := b.read("creds/r"); resp.Data["access_token"] != "a2" || len(resp.Warnings) > 0 {
			t.Errorf("%v", resp)
		}
	})
}
