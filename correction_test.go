package oauthrefresh

import (
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// An operator's correction ends the waiting: for background work too.
func TestACorrectionEndsTheWaitingOfBackgroundWork(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		b.startBackground()
		server.Enqueue(clienttest.JSON(200, `{"access_token":"a1","expires_in":3600}`), busy.With("Retry-After", "3000"))
		server.Handle(always(tokenAnswer("a2", canary+"r2")))
		b.read("creds/r")
		for len(server.Requests()) < 2 {
			pause(time.Minute)
		}
		b.write("roles/r", fields{"client_secret": canary + "other"})
		pause(time.Minute)
		if len(server.Requests()) < 3 {
			t.Errorf("nothing was asked in a minute after the correction: %v", b.data("status/r"))
		}
	})
}

// explain and status agree with a read after a correction.
func TestStatusAfterACorrection(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Handle(always(busy.With("Retry-After", "3000")))
		b.noCreds("r", 503)
		b.write("roles/r", fields{"client_secret": canary + "other"})
		status, would := b.data("status/r"), b.data("explain/r")["would"]
		if would == wouldRefresh && (status["backing_off_until"] != nil || strings.Contains(status["next_step"].(string), "due in")) {
			t.Errorf("a read would %v, the status says %v: %v", would, status["backing_off_until"], status["next_step"])
		}
	})
}
