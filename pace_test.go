package oauthrefresh

import (
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// A server that says when to come back is asked then, to the second, and not before: whatever the back-off
// would be, however it says so.
func TestAServerIsAskedWhenItSaid(t *testing.T) {
	for header, want := range map[string]time.Duration{"2": 2 * time.Second, "0": time.Second, "2, 1": 2 * time.Second, "86400": time.Hour} {
		for name, answer := range map[string]clienttest.Answer{
			"busy": busy, "a rate limit": {Status: 429}, "a refused client": clienttest.JSON(401, `{"error":"invalid_client"}`),
			"its own trouble": clienttest.JSON(500, `{"error":"server_error"}`),
		} {
			t.Run(name+", "+header, func(t *testing.T) {
				withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
					server.Enqueue(answer.With("Retry-After", header), answer.With("Retry-After", header), tokenAnswer("a1", ""))
					for asked := 1; asked <= 2; asked++ {
						_, _ = b.try(t.Context(), readOp, "creds/r", nil)
						pause(want - time.Millisecond)
						_, _ = b.try(t.Context(), readOp, "creds/r", nil)
						if n := len(server.Requests()); n != asked {
							t.Fatalf("%d requests before the time that the server named, want %d", n, asked)
						}
						pause(time.Millisecond)
					}
					b.read("creds/r")
				})
			})
		}
	}
}
