package schedule_test

import (
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// monthly is an answer whose access token lives for thirty days, longer than the refresh tokens of these tests.
func monthly(access, refresh, more string) clienttest.Answer {
	return clienttest.JSON(200, `{"access_token":"`+access+`","expires_in":2592000,"refresh_token":"`+refresh+`"`+more+`}`)
}

// A refresh token that dies of disuse is presented before that, whatever else would rather wait: with it the
// grant is lost for certain.
func TestAnIdleGrantIsTriedBeforeItDies(t *testing.T) {
	const tenDays = 10 * enginetest.Day
	kinds := map[string]struct {
		provider, role enginetest.Fields
		stated         string
	}{
		"the provider forgets":  {enginetest.Fields{"refresh_token_idle_ttl": "10d"}, nil, ""},
		"the operator knows":    {nil, enginetest.Fields{"keepalive_period": "5d"}, ""},
		"the answer says so":    {nil, nil, `,"refresh_token_expires_in":864000`},
		"it is ended meanwhile": {enginetest.Fields{"refresh_token_idle_ttl": "10d", "refresh_invalidates_access_token": true}, nil, ""},
		"a long keepalive":      {enginetest.Fields{"refresh_token_idle_ttl": "10d"}, enginetest.Fields{"keepalive_period": "100d"}, ""},
	}
	troubles := map[string]struct {
		answers []clienttest.Answer // between the first and the last
		restart time.Duration       // how long Vault was down after the first read
	}{
		"no trouble":              {},
		"a lost answer":           {answers: []clienttest.Answer{{Drop: true}}},
		"two lost answers":        {answers: []clienttest.Answer{{Drop: true}, {Drop: true}}},
		"a busy provider":         {answers: []clienttest.Answer{enginetest.Busy, enginetest.Busy, enginetest.Busy}},
		"a wrong secret mended":   {answers: []clienttest.Answer{clienttest.JSON(401, `{"error":"invalid_client"}`)}},
		"an outage of 40 minutes": {restart: 40 * time.Minute},
		"an outage of a day":      {restart: enginetest.Day},
	}
	for kind, c := range kinds {
		for trouble, x := range troubles {
			t.Run(kind+", "+trouble, func(t *testing.T) {
				enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
					if c.role != nil {
						b.Write("roles/r", c.role)
					}
					server.Enqueue(monthly("a1", enginetest.Canary+"r1", c.stated))
					server.Enqueue(x.answers...)
					server.Enqueue(monthly("a2", enginetest.Canary+"r2", c.stated))
					if x.restart == 0 {
						b.StartBackground()
					}
					b.Read("creds/r")
					enginetest.Pause(x.restart)
					if x.restart > 0 {
						b.Lived(x.restart, "")
						b = enginetest.NewOn(t, b.Storage)
						b.StartBackground()
					}
					enginetest.Pause(tenDays - x.restart - time.Minute)
					if got := b.Stored("r").Generation; got != 2 {
						t.Errorf("after %d requests the refresh token dies of disuse; %v", len(server.Requests()), b.Data("status/r")["next_step"])
					}
				}, enginetest.With(enginetest.Fields{"refresh_token_rotation": "always"}, c.provider))
			})
		}
	}
}

// A pause outlasts neither the token at hand nor the refresh token: Exact Online refuses a refresh until
// shortly before the end.
func TestTheBackoffEndsWithTheTokenAtHand(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		early := clienttest.JSON(400, `{"error":"access_denied","error_description":"Rate limit exceeded: access_token not expired"}`)
		ten := func(access, refresh string) clienttest.Answer {
			return clienttest.JSON(200, `{"access_token":"`+access+`","expires_in":600,"refresh_token":"`+refresh+`"}`)
		}
		server.Enqueue(ten("a1", enginetest.Canary+"r1"))
		b.Read("creds/r")
		end := time.Now().Add(10 * time.Minute)
		server.Handle(func(*clienttest.Request) clienttest.Answer { return early })
		for time.Until(end) > 20*time.Second {
			if got := b.Data("creds/r")["access_token"]; got != "a1" {
				t.Fatalf("%s before its end readers get %v", time.Until(end), got)
			}
			if time.Until(end) <= 40*time.Second { // from here on a lease would be too short
				break
			}
			enginetest.Pause(5 * time.Second)
		}
		server.Handle(func(*clienttest.Request) clienttest.Answer { return ten("a2", enginetest.Canary+"r2") })
		for time.Until(end) > 0 {
			enginetest.Pause(time.Second)
			if resp, err := b.Try(t.Context(), enginetest.ReadOp, "creds/r", nil); err == nil && !resp.IsError() && resp.Data["access_token"] == "a2" {
				return
			}
		}
		t.Errorf("nobody has asked again when the token had ended: %v", b.Data("status/r")["next_step"])
	})
}

// A stated end of the refresh token that has passed, and was wrong or was extended, must not hide the idle end.
func TestAPastStatedEndHidesNoIdleEnd(t *testing.T) {
	for name, definition := range map[string]enginetest.Fields{"rotation unknown": nil, "never": {"refresh_token_rotation": "never"}} {
		t.Run(name, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				b.StartBackground()
				server.Enqueue(clienttest.JSON(200, `{"access_token":"a1","expires_in":2592000,"refresh_token_expires_in":86400}`))
				server.Handle(enginetest.Always(clienttest.JSON(200, `{"access_token":"a2","expires_in":2592000}`)))
				b.Read("creds/r")
				enginetest.Pause(2 * enginetest.Day)
				n := len(server.Requests())
				enginetest.Pause(11 * enginetest.Day)
				if got := len(server.Requests()); got == n {
					tok := b.Stored("r")
					t.Errorf("%d requests in two days, none in the eleven after, with an idle end of ten days: last used %s, stated end %s", n, tok.RefreshedAt, tok.RefreshTokenExpiresAt)
				} else {
					t.Logf("%d in two days, %d after", n, got-n)
				}
			}, enginetest.With(enginetest.Fields{"refresh_token_idle_ttl": "10d"}, definition))
		})
	}
}
