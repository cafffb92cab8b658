package grant_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// salvaged is a success without an access token but with the grant's next refresh token.
var salvaged = clienttest.JSON(200, `{"token_type":"Bearer","refresh_token":"`+enginetest.Canary+`next"}`)

// The old refresh token is spent: the new one is kept at once, and is what the next try presents.
func TestARefreshTokenWithoutAnAccessTokenIsKept(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(salvaged, enginetest.TokenAnswer("a1", enginetest.Canary+"next but one"))
		b.NoCreds("r", 503)
		stored := b.Stored("r")
		enginetest.SecretIs(t, "the stored refresh token", stored.RefreshToken, enginetest.Canary+"next")
		if stored.Intent != nil || stored.Generation != 1 {
			t.Errorf("stored is %+v", stored.Record)
		}
		if got := b.Data("status/r"); got["state"] != "failing" || got["outcome_unknown"] != false || got["generation"] != int64(1) {
			t.Errorf("the status says %v", got)
		}
		b.NoCreds("r", 503) // it is a failure like any other, and waited for
		enginetest.Pause(10 * time.Second)
		if got := b.Data("creds/r"); got["access_token"] != "a1" || got["generation"] != int64(2) {
			t.Errorf("the next try gives %v", got)
		}
		if got := enginetest.Sent(server); !slices.Equal(got, []string{enginetest.FirstToken, enginetest.Canary + "next"}) {
			t.Errorf("presented were %q", got)
		}
	})
}

func TestARefreshTokenWithoutAnAccessTokenIsHeld(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(salvaged, enginetest.TokenAnswer("a1", ""))
		b.FailSecondPut(5)
		b.NoCreds("r", 503)
		if got := b.Data("status/r")["state"]; got != "unpersisted" {
			t.Errorf("state %v", got)
		}
		enginetest.SecretIs(t, "the stored refresh token", b.Stored("r").RefreshToken, enginetest.FirstToken)
		b.NoCreds("r", 503) // and nothing is sent, neither the spent token nor the one in memory
		enginetest.Pause(time.Minute)
		enginetest.SecretIs(t, "the stored refresh token", b.Stored("r").RefreshToken, enginetest.Canary+"next")
		if got := b.Data("creds/r")["access_token"]; got != "a1" {
			t.Errorf("access token %v", got)
		}
		if got := enginetest.Sent(server); !slices.Equal(got, []string{enginetest.FirstToken, enginetest.Canary + "next"}) {
			t.Errorf("presented were %q", got)
		}
	})
}

// The token at hand goes on being served beside the new refresh token.
func TestTheTokenAtHandOutlastsASalvage(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(enginetest.TokenAnswer("a1", ""), salvaged, enginetest.TokenAnswer("a2", ""))
		b.Read("creds/r")
		enginetest.Pause(45 * time.Minute)
		if resp := b.Read("creds/r"); resp.Data["access_token"] != "a1" || len(resp.Warnings) != 1 {
			t.Errorf("access token %v, warnings %q", resp.Data["access_token"], resp.Warnings)
		}
		enginetest.Pause(time.Minute)
		if resp := b.Read("creds/r"); resp.Data["access_token"] != "a2" || len(resp.Warnings) != 0 {
			t.Errorf("access token %v, warnings %q", resp.Data["access_token"], resp.Warnings)
		}
		synctest.Wait()
		if got := enginetest.Sent(server); !slices.Equal(got, []string{enginetest.FirstToken, enginetest.FirstToken, enginetest.Canary + "next"}) {
			t.Errorf("presented were %q", got)
		}
	})
}

// An answer whose refresh token is all that can be used settles what was unknown before.
func TestASalvageSettlesWhatWasUnknown(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(clienttest.Answer{Drop: true}, salvaged)
		b.NoCreds("r", 502)
		enginetest.Pause(time.Minute)
		b.NoCreds("r", 503)
		if got := b.Data("status/r"); got["state"] != "failing" || got["outcome_unknown_since"] != nil {
			t.Errorf("the status says %v", got)
		}
	})
}
