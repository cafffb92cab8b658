package oauthrefresh

import (
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// monthly is an answer whose access token lives for thirty days, longer than the refresh tokens of these tests.
func monthly(access, refresh, more string) clienttest.Answer {
	return clienttest.JSON(200, `{"access_token":"`+access+`","expires_in":2592000,"refresh_token":"`+refresh+`"`+more+`}`)
}

// A refresh token that dies of disuse is presented before that, whatever else would rather wait: with it the
// grant is lost for certain.
func TestAnIdleGrantIsTriedBeforeItDies(t *testing.T) {
	const tenDays = 10 * day
	kinds := map[string]struct {
		provider, role fields
		stated         string
	}{
		"the provider forgets":  {fields{"refresh_token_idle_ttl": "10d"}, nil, ""},
		"the operator knows":    {nil, fields{"keepalive_period": "5d"}, ""},
		"the answer says so":    {nil, nil, `,"refresh_token_expires_in":864000`},
		"it is ended meanwhile": {fields{"refresh_token_idle_ttl": "10d", "refresh_invalidates_access_token": true}, nil, ""},
		"a long keepalive":      {fields{"refresh_token_idle_ttl": "10d"}, fields{"keepalive_period": "100d"}, ""},
	}
	troubles := map[string]struct {
		answers []clienttest.Answer // between the first and the last
		restart time.Duration       // how long Vault was down after the first read
	}{
		"no trouble":              {},
		"a lost answer":           {answers: []clienttest.Answer{{Drop: true}}},
		"two lost answers":        {answers: []clienttest.Answer{{Drop: true}, {Drop: true}}},
		"a busy provider":         {answers: []clienttest.Answer{busy, busy, busy}},
		"a wrong secret mended":   {answers: []clienttest.Answer{clienttest.JSON(401, `{"error":"invalid_client"}`)}},
		"an outage of 40 minutes": {restart: 40 * time.Minute},
		"an outage of a day":      {restart: day},
	}
	for kind, c := range kinds {
		for trouble, x := range troubles {
			t.Run(kind+", "+trouble, func(t *testing.T) {
				withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
					if c.role != nil {
						b.write("roles/r", c.role)
					}
					server.Enqueue(monthly("a1", canary+"r1", c.stated))
					server.Enqueue(x.answers...)
					server.Enqueue(monthly("a2", canary+"r2", c.stated))
					if x.restart == 0 {
						b.startBackground()
					}
					b.read("creds/r")
					pause(x.restart)
					if x.restart > 0 {
						b.lived(x.restart, "")
						b = newTestBackendOn(t, b.storage)
						b.startBackground()
					}
					pause(tenDays - x.restart - time.Minute)
					if got := b.stored("r").Generation; got != 2 {
						t.Errorf("after %d requests the refresh token dies of disuse; %v", len(server.Requests()), b.data("status/r")["next_step"])
					}
				}, with(fields{"refresh_token_rotation": "always"}, c.provider))
			})
		}
	}
}

// A pause outlasts neither the token at hand nor the refresh token: Exact Online refuses a refresh until
// shortly before the end.
func TestTheBackoffEndsWithTheTokenAtHand(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		early := clienttest.JSON(400, `{"error":"access_denied","error_description":"Rate limit exceeded: access_token not expired"}`)
		ten := func(access, refresh string) clienttest.Answer {
			return clienttest.JSON(200, `{"access_token":"`+access+`","expires_in":600,"refresh_token":"`+refresh+`"}`)
		}
		server.Enqueue(ten("a1", canary+"r1"))
		b.read("creds/r")
		end := time.Now().Add(10 * time.Minute)
		server.Handle(func(*clienttest.Request) clienttest.Answer { return early })
		for time.Until(end) > 20*time.Second {
			if got := b.data("creds/r")["access_token"]; got != "a1" {
				t.Fatalf("%s before its end readers get %v", time.Until(end), got)
			}
			if time.Until(end) <= 40*time.Second { // from here on a lease would be too short
				break
			}
			pause(5 * time.Second)
		}
		server.Handle(func(*clienttest.Request) clienttest.Answer { return ten("a2", canary+"r2") })
		for time.Until(end) > 0 {
			pause(time.Second)
			if resp, err := b.try(t.Context(), readOp, "creds/r", nil); err == nil && !resp.IsError() && resp.Data["access_token"] == "a2" {
				return
			}
		}
		t.Errorf("nobody has asked again when the token had ended: %v", b.data("status/r")["next_step"])
	})
}

// A stated end of the refresh token that has passed, and was wrong or was extended, must not hide the idle end.
func TestAPastStatedEndHidesNoIdleEnd(t *testing.T) {
	for name, definition := range map[string]fields{"rotation unknown": nil, "never": {"refresh_token_rotation": "never"}} {
		t.Run(name, func(t *testing.T) {
			withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
				b.startBackground()
				server.Enqueue(clienttest.JSON(200, `{"access_token":"a1","expires_in":2592000,"refresh_token_expires_in":86400}`))
				server.Handle(always(clienttest.JSON(200, `{"access_token":"a2","expires_in":2592000}`)))
				b.read("creds/r")
				pause(2 * day)
				n := len(server.Requests())
				pause(11 * day)
				if got := len(server.Requests()); got == n {
					tok := b.stored("r")
					t.Errorf("%d requests in two days, none in the eleven after, with an idle end of ten days: last used %s, stated end %s", n, tok.RefreshedAt, tok.RefreshTokenExpiresAt)
				} else {
					t.Logf("%d in two days, %d after", n, got-n)
				}
			}, with(fields{"refresh_token_idle_ttl": "10d"}, definition))
		})
	}
}
