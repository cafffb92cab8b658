package grant_test

import (
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// A provider that is slow holds up nobody whose token is still good: one reader's patience starts the
// refresh, and the next one has its token.
func TestASlowProviderHoldsUpNobodyWithAGoodToken(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	slow, open := enginetest.Gated(enginetest.TokenAnswer("a2", enginetest.Canary+"r2"))
	server.Enqueue(enginetest.TokenAnswer("a1", enginetest.Canary+"r1"), slow)
	b.WriteRole("r")
	b.Read("creds/r")
	b.Age("r", func(tok *grant.State) {
		tok.ObtainedAt, tok.ExpiresAt = time.Now().Add(-50*time.Minute), time.Now().Add(10*time.Minute)
	})
	began := time.Now()
	resp := b.Read("creds/r")
	if resp.Data["access_token"] != "a1" || len(resp.Warnings) > 0 || time.Since(began) > 10*grant.MaxPatience {
		t.Errorf("%v after %s, with warnings %q", resp.Data["access_token"], time.Since(began), resp.Warnings)
	}
	open()
	b.Settle("r")
	if got := b.Data("creds/r")["access_token"]; got != "a2" {
		t.Errorf("the next reader gets %v", got)
	}
	if n := len(server.Requests()); n != 2 {
		t.Errorf("%d requests, want one refresh", n)
	}
}
