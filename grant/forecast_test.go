package grant_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// until is an answer whose refresh token and consent end at these times, "" for no word about it.
func until(refresh string, token, consent time.Time) clienttest.Answer {
	text := `{"access_token":"a","expires_in":3600,"refresh_token":"` + enginetest.Canary + refresh + `"`
	if !token.IsZero() {
		text += fmt.Sprintf(`,"refresh_token_expires_in":%d`, int(time.Until(token).Seconds()))
	}
	if !consent.IsZero() {
		text += `,"consent":{"ends":"` + consent.UTC().Format(time.RFC3339) + `"}`
	}
	return clienttest.JSON(200, text+"}")
}

// What a grant will die of if nobody acts is known beforehand: the earliest end that neither a refresh nor a successor moves.
func TestForecast(t *testing.T) {
	const day = enginetest.Day
	type mountOf = *enginetest.Mount
	refresh := func(b mountOf, server *clienttest.Server, a clienttest.Answer) {
		server.Enqueue(a)
		_, _ = b.Try(b.T.Context(), logical.UpdateOperation, "refresh/r", nil)
	}
	for name, c := range map[string]struct {
		provider enginetest.Fields
		happens  func(b mountOf, server *clienttest.Server)
		at, of   string // "" for none
		warns    bool
		step     string
	}{
		"nothing is known": {happens: func(b mountOf, s *clienttest.Server) { refresh(b, s, until("1", time.Time{}, time.Time{})) }},
		"a secret": {happens: func(b mountOf, _ *clienttest.Server) {
			b.Write("roles/r", enginetest.Fields{"client_secret_expires_at": "2000-01-10"})
		}, at: "2000-01-10T00:00:00Z", of: "client_secret_expires_at", warns: true, step: "next_client_secret"},
		"a secret, later": {happens: func(b mountOf, _ *clienttest.Server) {
			b.Write("roles/r", enginetest.Fields{"client_secret_expires_at": "2000-02-10"})
		}, at: "2000-02-10T00:00:00Z", of: "client_secret_expires_at"},
		"as RFC 7591 writes it": {happens: func(b mountOf, _ *clienttest.Server) {
			b.Write("roles/r", enginetest.Fields{"client_secret_expires_at": 947462400})
		}, at: "2000-01-10T00:00:00Z", of: "client_secret_expires_at", warns: true},
		"a secret that never ends": {happens: func(b mountOf, _ *clienttest.Server) {
			b.Write("roles/r", enginetest.Fields{"client_secret_expires_at": "2000-01-10"})
			b.Write("roles/r", enginetest.Fields{"client_secret_expires_at": "0"})
		}},
		"a secret that was replaced": {happens: func(b mountOf, _ *clienttest.Server) {
			b.Write("roles/r", enginetest.Fields{"client_secret_expires_at": "2000-01-10"})
			b.Write("roles/r", enginetest.Fields{"client_secret": enginetest.Canary + "another"})
		}},
		"a secret with a successor": {happens: func(b mountOf, _ *clienttest.Server) {
			b.Write("roles/r", enginetest.Fields{"client_secret_expires_at": "2000-01-10", "next_client_secret": enginetest.Canary + "next", "next_client_secret_expires_at": "2000-07-10"})
		}, at: "2000-07-10T00:00:00Z", of: "client_secret_expires_at"},
		"a successor that has taken over": {happens: func(b mountOf, s *clienttest.Server) {
			b.Write("roles/r", enginetest.Fields{"client_secret_expires_at": "2000-01-10", "next_client_secret": enginetest.Canary + "next", "next_client_secret_expires_at": "2000-07-10"})
			s.Enqueue(clienttest.JSON(401, `{"error":"invalid_client"}`))
			refresh(b, s, until("1", time.Time{}, time.Time{}))
		}, at: "2000-07-10T00:00:00Z", of: "client_secret_expires_at"},
		"a successor whose time begins before": {happens: func(b mountOf, _ *clienttest.Server) {
			b.Write("roles/r", enginetest.Fields{"client_secret_expires_at": "2000-01-10", "next_client_secret": enginetest.Canary + "next", "next_from": "2000-01-09"})
		}},
		"a successor whose time begins too late": {happens: func(b mountOf, _ *clienttest.Server) {
			b.Write("roles/r", enginetest.Fields{"client_secret_expires_at": "2000-01-10", "next_client_secret": enginetest.Canary + "next", "next_from": "2000-02-10"})
		}, at: "2000-01-10T00:00:00Z", of: "client_secret_expires_at", warns: true},
		"a secret that the one before has outlived": {happens: func(b mountOf, s *clienttest.Server) {
			b.Write("roles/r", enginetest.Fields{"client_secret": enginetest.Canary + "wrong", "previous_client_secret": enginetest.Canary + "secret", "client_secret_expires_at": "2000-01-10"})
			s.Enqueue(clienttest.JSON(401, `{"error":"invalid_client"}`))
			refresh(b, s, until("1", time.Time{}, time.Time{}))
		}},
		"a secret that is taken after its end": {happens: func(b mountOf, s *clienttest.Server) {
			b.Write("roles/r", enginetest.Fields{"client_secret_expires_at": "2000-01-02"})
			enginetest.Pause(3 * day)
			refresh(b, s, until("1", time.Time{}, time.Time{}))
		}},
		"the same, of a client without a refresh token": {happens: func(b mountOf, s *clienttest.Server) {
			b.Write("roles/r", enginetest.Fields{"grant_type": "client_credentials", "refresh_token": "", "client_secret_expires_at": "2000-01-02"})
			enginetest.Pause(3 * day)
			refresh(b, s, clienttest.JSON(200, `{"access_token":"a","expires_in":3600}`))
		}},
		"what was agreed without a refresh token": {happens: func(b mountOf, _ *clienttest.Server) {
			b.Write("roles/r", enginetest.Fields{"grant_type": "client_credentials", "refresh_token": "", "grant_expires_at": "2000-01-05"})
		}, at: "2000-01-05T00:00:00Z", of: "grant_expires_at", warns: true, step: "write the new grant_expires_at"},
		"the same configuration once more": {happens: func(b mountOf, s *clienttest.Server) {
			config := enginetest.Fields{"client_secret": enginetest.Canary + "secret", "client_secret_expires_at": "2000-01-10",
				"next_client_secret": enginetest.Canary + "next", "next_client_secret_expires_at": "2000-07-10"}
			b.Write("roles/r", config)
			s.Enqueue(clienttest.JSON(401, `{"error":"invalid_client"}`))
			refresh(b, s, until("1", time.Time{}, time.Time{}))
			b.Write("roles/r", config) // which names the old secret and its end
		}, at: "2000-07-10T00:00:00Z", of: "client_secret_expires_at"},
		"a consent": {happens: func(b mountOf, _ *clienttest.Server) {
			b.Write("roles/r", enginetest.Fields{"grant_expires_at": "2000-01-05T12:00:00Z"})
		}, at: "2000-01-05T12:00:00Z", of: "grant_expires_at", warns: true, step: "authorize again"},
		"the consent of the grant before": {happens: func(b mountOf, _ *clienttest.Server) {
			b.Write("roles/r", enginetest.Fields{"grant_expires_at": "2000-01-05"})
			b.Write("roles/r", enginetest.Fields{"refresh_token": enginetest.Canary + "new"})
		}},
		"a consent that the answer tells": {enginetest.Fields{"grant_expires_at_pointer": "/consent/ends"}, func(b mountOf, s *clienttest.Server) {
			refresh(b, s, until("1", time.Time{}, time.Now().Add(90*day)))
		}, "2000-03-31T00:00:00Z", "grant_expires_at", false, ""},
		"the same, within a second": {enginetest.Fields{"grant_expires_at_pointer": "/consent/ends"}, func(b mountOf, s *clienttest.Server) {
			enginetest.Pause(300 * time.Millisecond)
			refresh(b, s, until("1", time.Time{}, time.Now().Add(90*day)))
		}, "2000-03-31T00:00:00Z", "grant_expires_at", false, ""},
		"a pointer that was wrong": {enginetest.Fields{"grant_expires_at_pointer": "/expires_in"}, func(b mountOf, s *clienttest.Server) {
			refresh(b, s, until("1", time.Time{}, time.Time{}))
			b.Write("providers/test", enginetest.Fields{"grant_expires_at_pointer": "/consent/ends"})
		}, "", "", false, ""},
		"an end that a refresh has outlived": {happens: func(b mountOf, s *clienttest.Server) {
			b.Write("roles/r", enginetest.Fields{"grant_expires_at": "2000-01-02"})
			enginetest.Pause(3 * day)
			refresh(b, s, until("1", time.Time{}, time.Time{}))
		}},
		"the earlier of two": {enginetest.Fields{"grant_expires_at_pointer": "/consent/ends"}, func(b mountOf, s *clienttest.Server) {
			b.Write("roles/r", enginetest.Fields{"client_secret_expires_at": "2000-02-10"})
			refresh(b, s, until("1", time.Time{}, time.Now().Add(90*day)))
		}, "2000-02-10T00:00:00Z", "client_secret_expires_at", false, ""},
		"a refresh token that each refresh prolongs": {happens: func(b mountOf, s *clienttest.Server) {
			for i := range 3 {
				refresh(b, s, until(fmt.Sprint(i), time.Now().Add(10*day), time.Time{}))
				enginetest.Pause(time.Hour)
			}
		}},
		"one of which that is not known yet": {happens: func(b mountOf, s *clienttest.Server) { refresh(b, s, until("1", time.Now().Add(10*day), time.Time{})) }},
		"one that no refresh prolongs": {happens: func(b mountOf, s *clienttest.Server) {
			end := time.Now().Add(10 * day)
			for i := range 2 {
				refresh(b, s, until(fmt.Sprint(i), end, time.Time{}))
				enginetest.Pause(time.Hour)
			}
		}, at: "2000-01-11T00:00:00Z", of: "refresh_token_expires_at", warns: true, step: "does not prolong"},
		"the same, of a grant that has begun anew": {happens: func(b mountOf, s *clienttest.Server) {
			end := time.Now().Add(10 * day)
			for i := range 2 {
				refresh(b, s, until(fmt.Sprint(i), end, time.Time{}))
				enginetest.Pause(time.Hour)
			}
			b.Write("roles/r", enginetest.Fields{"refresh_token": enginetest.Canary + "new"})
			refresh(b, s, until("3", time.Now().Add(10*day), time.Time{}))
		}},
		"disuse, of which keep-alive keeps it": {enginetest.Fields{"refresh_token_idle_ttl": "10d"}, func(b mountOf, s *clienttest.Server) {
			refresh(b, s, until("1", time.Time{}, time.Time{}))
		}, "", "", false, ""},
		"disuse, while refreshes fail": {enginetest.Fields{"refresh_token_idle_ttl": "10d"}, func(b mountOf, s *clienttest.Server) {
			refresh(b, s, until("1", time.Time{}, time.Time{}))
			refresh(b, s, enginetest.Busy)
		}, "2000-01-11T00:00:00Z", "refresh_token_idle_ttl", true, ""},
		"an end that is told, while refreshes fail": {happens: func(b mountOf, s *clienttest.Server) {
			refresh(b, s, until("1", time.Now().Add(10*day), time.Time{}))
			refresh(b, s, enginetest.Busy)
		}, at: "2000-01-11T00:00:00Z", of: "refresh_token_expires_at", warns: true},
		"a day that the answer tells": {enginetest.Fields{"grant_expires_at_pointer": "/consent"}, func(b mountOf, s *clienttest.Server) {
			refresh(b, s, clienttest.JSON(200, `{"access_token":"a","expires_in":3600,"refresh_token":"`+enginetest.Canary+`1","consent":"2000-03-31"}`))
		}, "2000-03-31T00:00:00Z", "grant_expires_at", false, ""},
		"dead already": {happens: func(b mountOf, s *clienttest.Server) {
			b.Write("roles/r", enginetest.Fields{"grant_expires_at": "2000-01-05T12:00:00Z"})
			refresh(b, s, enginetest.InvalidGrant)
		}, step: "authorize again"},
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				c.happens(b, server)
				got := b.Data("status/r")
				at, _ := got["dies_at"].(string)
				of, _ := got["dies_of"].(string)
				if at != c.at || of != c.of {
					t.Errorf("it dies at %q of %q, want %q of %q: %v", at, of, c.at, c.of, got)
				}
				if step, _ := got["next_step"].(string); !strings.Contains(step, c.step) {
					t.Errorf("the next step is %q, want %q", step, c.step)
				}
				for _, path := range []string{"roles/r", "status/r"} {
					if warned := strings.Contains(fmt.Sprint(b.Read(path).Warnings), "dies at"); warned != c.warns {
						t.Errorf("%s warns: %v, want %v: %v", path, warned, c.warns, b.Read(path).Warnings)
					}
				}
				listed := b.Data("status")["grants"].([]map[string]any)
				if c.warns && (len(listed) != 1 || listed[0]["dies_at"] != c.at) {
					t.Errorf("the mount's status names %v", listed)
				}
			}, c.provider)
		})
	}
}

// An end that has passed stays what it was until a refresh has succeeded, on the grant as in the status of all: time is nothing
// that the index is told of.
func TestAnEndThatHasPassed(t *testing.T) {
	for of, happens := range map[string]func(b *enginetest.Mount, server *clienttest.Server){
		"refresh_token_idle_ttl": func(b *enginetest.Mount, s *clienttest.Server) {
			s.Enqueue(until("1", time.Time{}, time.Time{}), enginetest.Busy)
		},
		"refresh_token_expires_at": func(b *enginetest.Mount, s *clienttest.Server) {
			s.Enqueue(until("1", time.Now().Add(5*enginetest.Day), time.Time{}), enginetest.Busy)
		},
	} {
		t.Run(of, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				happens(b, server)
				b.Write("roles/r", enginetest.Fields{"grant_expires_at": "2000-06-01"})
				for range 2 {
					_, _ = b.Try(t.Context(), logical.UpdateOperation, "refresh/r", nil)
				}
				before := b.Data("status")["grants"].([]map[string]any)[0]["dies_at"]
				enginetest.Pause(11 * enginetest.Day)
				one, all := b.Read("status/r"), b.Data("status")["grants"].([]map[string]any)[0]
				if one.Data["dies_at"] != before || one.Data["dies_of"] != of || all["dies_at"] != before || all["dies_of"] != of {
					t.Errorf("it was to die at %v; its status says %v of %v, that of all %v", before, one.Data["dies_at"], one.Data["dies_of"], all)
				}
				if says := fmt.Sprint(one.Warnings); !strings.Contains(says, "was to die at") || strings.Contains(says, "does not prolong") {
					t.Errorf("it warns %v", one.Warnings)
				}
				server.Enqueue(until("2", time.Time{}, time.Time{}))
				b.Write("refresh/r", nil)
				if got := b.Data("status/r"); got["dies_of"] != "grant_expires_at" {
					t.Errorf("it dies of %v after a refresh", got["dies_of"])
				}
			}, enginetest.Fields{"refresh_token_idle_ttl": "10d"})
		})
	}
}

// What can't be an end is refused with a sentence, and changes nothing.
func TestEndsThatAreNone(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, _ *clienttest.Server) {
		for _, field := range []string{"client_secret_expires_at", "grant_expires_at"} {
			for value, want := range map[string]string{
				"tomorrow": field + " must be a date", "1999-12-31": field + " is past", "946000000": field + " is past", "17": field + " must be a date", "-1": field + " must be a date",
			} {
				b.Rejects(logical.UpdateOperation, "roles/r", enginetest.Fields{field: value}, want)
			}
		}
		b.Rejects(logical.UpdateOperation, "roles/people", enginetest.RoleOf("test", enginetest.Fields{"grant_owner": "entity", "refresh_token": nil, "grant_expires_at": "2000-05-01"}), "one for each owner")
		b.Rejects(logical.UpdateOperation, "roles/r", enginetest.Fields{"next_client_secret_expires_at": "2000-05-01"}, "needs its secret")
		b.Write("roles/r", enginetest.Fields{"grant_expires_at": "2000-01-05"})
		enginetest.Pause(10 * enginetest.Day)
		b.Write("roles/r", enginetest.Fields{"grant_expires_at": "2000-01-05"}) // whoever applies the same configuration again
		if got := b.Data("roles/r")["grant_expires_at"]; got != "2000-01-05T00:00:00Z" {
			t.Errorf("it reads %v", got)
		}
	})
}
