package oauthrefresh

import (
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/grant"
)

// A provider that is slow holds up nobody whose token is still good: one reader's patience starts the
// refresh, and the next one has its token.
func TestASlowProviderHoldsUpNobodyWithAGoodToken(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	slow, open := gated(tokenAnswer("a2", canary+"r2"))
	server.Enqueue(tokenAnswer("a1", canary+"r1"), slow)
	b.writeRole("r")
	b.read("creds/r")
	b.age("r", func(tok *grant.State) {
		tok.ObtainedAt, tok.ExpiresAt = time.Now().Add(-50*time.Minute), time.Now().Add(10*time.Minute)
	})
	began := time.Now()
	resp := b.read("creds/r")
	if resp.Data["access_token"] != "a1" || len(resp.Warnings) > 0 || time.Since(began) > 10*grant.MaxPatience {
		t.Errorf("%v after %s, with warnings %q", resp.Data["access_token"], time.Since(began), resp.Warnings)
	}
	open()
	b.settle("r")
	if got := b.data("creds/r")["access_token"]; got != "a2" {
		t.Errorf("the next reader gets %v", got)
	}
	if n := len(server.Requests()); n != 2 {
		t.Errorf("%d requests, want one refresh", n)
	}
}
