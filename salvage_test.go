package oauthrefresh

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// salvaged is a success without an access token but with the grant's next refresh token.
var salvaged = clienttest.JSON(200, `{"token_type":"Bearer","refresh_token":"`+canary+`next"}`)

// The old refresh token is spent: the new one is kept at once, and is what the next try presents.
func TestARefreshTokenWithoutAnAccessTokenIsKept(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(salvaged, tokenAnswer("a1", canary+"next but one"))
		b.noCreds("r", 503)
		stored := b.stored("r")
		secretIs(t, "the stored refresh token", stored.RefreshToken, canary+"next")
		if stored.Intent != nil || stored.Generation != 1 {
			t.Errorf("stored is %+v", stored.Record)
		}
		if got := b.data("status/r"); got["state"] != "failing" || got["outcome_unknown"] != false || got["generation"] != int64(1) {
			t.Errorf("the status says %v", got)
		}
		b.noCreds("r", 503) // it is a failure like any other, and waited for
		pause(10 * time.Second)
		if got := b.data("creds/r"); got["access_token"] != "a1" || got["generation"] != int64(2) {
			t.Errorf("the next try gives %v", got)
		}
		if got := sent(server); !slices.Equal(got, []string{firstToken, canary + "next"}) {
			t.Errorf("presented were %q", got)
		}
	})
}

func TestARefreshTokenWithoutAnAccessTokenIsHeld(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(salvaged, tokenAnswer("a1", ""))
		b.failSecondPut(5)
		b.noCreds("r", 503)
		if got := b.data("status/r")["state"]; got != "unpersisted" {
			t.Errorf("state %v", got)
		}
		secretIs(t, "the stored refresh token", b.stored("r").RefreshToken, firstToken)
		b.noCreds("r", 503) // and nothing is sent, neither the spent token nor the one in memory
		pause(time.Minute)
		secretIs(t, "the stored refresh token", b.stored("r").RefreshToken, canary+"next")
		if got := b.data("creds/r")["access_token"]; got != "a1" {
			t.Errorf("access token %v", got)
		}
		if got := sent(server); !slices.Equal(got, []string{firstToken, canary + "next"}) {
			t.Errorf("presented were %q", got)
		}
	})
}

// The token at hand goes on being served beside the new refresh token.
func TestTheTokenAtHandOutlastsASalvage(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(tokenAnswer("a1", ""), salvaged, tokenAnswer("a2", ""))
		b.read("creds/r")
		pause(45 * time.Minute)
		if resp := b.read("creds/r"); resp.Data["access_token"] != "a1" || len(resp.Warnings) != 1 {
			t.Errorf("access token %v, warnings %q", resp.Data["access_token"], resp.Warnings)
		}
		pause(time.Minute)
		if resp := b.read("creds/r"); resp.Data["access_token"] != "a2" || len(resp.Warnings) != 0 {
			t.Errorf("access token %v, warnings %q", resp.Data["access_token"], resp.Warnings)
		}
		synctest.Wait()
		if got := sent(server); !slices.Equal(got, []string{firstToken, firstToken, canary + "next"}) {
			t.Errorf("presented were %q", got)
		}
	})
}

// An answer whose refresh token is all that can be used settles what was unknown before.
func TestASalvageSettlesWhatWasUnknown(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(clienttest.Answer{Drop: true}, salvaged)
		b.noCreds("r", 502)
		pause(time.Minute)
		b.noCreds("r", 503)
		if got := b.data("status/r"); got["state"] != "failing" || got["outcome_unknown_since"] != nil {
			t.Errorf("the status says %v", got)
		}
	})
}
