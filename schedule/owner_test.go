package schedule_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// owned runs a test on synctest's clock with a role "people" whose owners' refresh tokens die of disuse in ten days. The
// provider rotates them: after <owner>-<n> comes <owner>-<n+1>.
func owned(t *testing.T, f func(t *testing.T, b *enginetest.Mount, refreshed func(owner string) int)) {
	t.Helper()
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		presented := map[string]int{}
		server.Handle(func(r *clienttest.Request) clienttest.Answer {
			owner, _, _ := strings.Cut(strings.TrimPrefix(r.Form.Get("refresh_token"), enginetest.Canary), "~")
			if code := r.Form.Get("code"); code != "" {
				owner = code
			} else {
				presented[owner]++
			}
			return clienttest.JSON(200, fmt.Sprintf(`{"access_token":"%s","expires_in":2592000,"refresh_token":"%s%[1]s~%[3]d"}`, owner, enginetest.Canary, presented[owner]))
		})
		b.Write("providers/test", enginetest.Fields{"authorization_endpoint": server.URL() + "/authorize", "refresh_token_idle_ttl": "10d", "refresh_token_rotation": "always"})
		b.WriteRole("people", enginetest.Fields{"refresh_token": nil, "grant_owner": "entity"})
		f(t, b, func(owner string) int { return presented[owner] })
	})
}

// brings is an owner's consent: the caller's own, or with a name a broker's.
func brings(b *enginetest.Mount, owner string) {
	path := "confirm/people"
	if b.Who == "" {
		path += "/" + owner
	}
	b.Write(path, enginetest.Fields{"authorization_code": owner, "redirect_uri": "http://127.0.0.1:1/"})
}

// Grants that nobody reads are kept alive, each by itself: found after a restart too, and planned anew as their role
// changes.
func TestOwnersGrantsAreKeptAlive(t *testing.T) {
	owned(t, func(t *testing.T, b *enginetest.Mount, refreshed func(string) int) {
		b.StartBackground()
		brings(b.As("alice"), "alice")
		brings(b, "carol")
		enginetest.Pause(6 * enginetest.Day)
		if refreshed("alice") != 1 || refreshed("carol") != 1 {
			t.Errorf("%d and %d refreshes", refreshed("alice"), refreshed("carol"))
		}
		b.Write("roles/people", enginetest.Fields{"keepalive_period": "1d"})
		enginetest.Pause(time.Minute) // and not as late as the sweep comes
		if refreshed("alice") < 2 || refreshed("carol") < 2 {
			t.Errorf("%d and %d refreshes after the role was written", refreshed("alice"), refreshed("carol"))
		}
		b.Cleanup(t.Context())
		before := refreshed("carol")
		enginetest.Pause(2 * enginetest.Day)
		b = enginetest.NewOn(t, b.Storage)
		b.People.Change("alice", &logical.Entity{Name: "alice"})
		b.StartBackground()
		enginetest.Pause(time.Minute)
		if refreshed("carol") != before+1 {
			t.Errorf("%d refreshes after a restart", refreshed("carol")-before)
		}
	})
}

// A grant whose owner Vault does not know any more, or has disabled, rests: nothing is sent, nothing is deleted, and it goes
// on when that was a mistake. Another name or another login is the same person.
func TestAGrantRestsWithItsOwner(t *testing.T) {
	email := map[string]string{"email": "alice@example.com"}
	for name, c := range map[string]struct {
		entity *logical.Entity
		rests  bool
		state  string
	}{
		"deleted, or merged into another": {nil, true, "orphaned"},
		"disabled":                        {&logical.Entity{Disabled: true}, true, "ok"},
		"renamed":                         {&logical.Entity{Name: "alicia"}, false, "ok"},
		"with another login":              {&logical.Entity{Name: "alice", Metadata: email, Aliases: []*logical.Alias{{Name: "a.l"}}}, false, "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			owned(t, func(t *testing.T, b *enginetest.Mount, refreshed func(string) int) {
				b.StartBackground()
				alice := b.As("alice")
				brings(alice, "alice")
				brings(b, "carol") // whom a broker names, and Vault knows nothing of
				b.People.Change("alice", c.entity)
				enginetest.Pause(6 * enginetest.Day)
				if got := refreshed("alice") == 0; got != c.rests || refreshed("carol") != 1 {
					t.Errorf("%d refreshes, and %d of a named owner", refreshed("alice"), refreshed("carol"))
				}
				id := enginetest.EntityID("alice")
				status := b.Data("status/people/" + id)
				if status["state"] != c.state || c.state == "orphaned" && !strings.Contains(status["next_step"].(string), "revoke/people/"+id) {
					t.Errorf("%v", status)
				}
				if c.entity != nil && c.entity.Disabled && status["owner_standing"] != "disabled" {
					t.Errorf("%v", status)
				}
				listed := b.Do(logical.ListOperation, "status/people/", nil).Data
				if info := listed["key_info"].(map[string]any)[id].(map[string]any); info["state"] != c.state || len(listed["keys"].([]string)) != 2 {
					t.Errorf("%v", listed)
				}
				if got := b.Data("status")["orphaned"].([]string); (len(got) == 1) != (c.state == "orphaned") {
					t.Errorf("%v", got)
				}
				b.People.Change("alice", &logical.Entity{Name: "alice"})
				enginetest.Pause(2 * time.Hour)
				if refreshed("alice") != 1 || b.Data("status/people/" + id)["state"] != "ok" {
					t.Errorf("%d refreshes since it was a mistake", refreshed("alice"))
				}
			})
		})
	}
}

// An exchange whose answer was lost is settled whatever has become of the owner, or the grant could be lost with it.
func TestADoubtIsSettledThoughTheOwnerIsGone(t *testing.T) {
	owned(t, func(t *testing.T, b *enginetest.Mount, refreshed func(string) int) {
		b.Write("providers/test", enginetest.Fields{"reuse_grace": "1m"})
		brings(b.As("alice"), "alice")
		key := grant.KeyOf("people", enginetest.EntityID("alice"))
		b.Age(string(key), func(st *grant.State) {
			st.Intent = &grant.Intent{AttemptID: "a", At: time.Now()}
		})
		if err := b.Grants.MarkInflight(t.Context(), b.Storage, key); err != nil {
			t.Fatal(err)
		}
		b.People.Change("alice", nil)
		b = enginetest.NewOn(t, b.Storage)
		b.People.Change("alice", nil)
		b.StartBackground()
		enginetest.Pause(10 * time.Second)
		if refreshed("alice") != 1 {
			t.Errorf("%d refreshes", refreshed("alice"))
		}
		if left, err := grant.Inflight(t.Context(), b.Storage); err != nil || len(left) != 0 {
			t.Errorf("%q are noted still, %v", left, err)
		}
	})
}

// What is left of owners of a role that is gone, or of one of its name before, is removed by the sweep.
func TestTheSweepRemovesOwners(t *testing.T) {
	owned(t, func(t *testing.T, b *enginetest.Mount, _ func(string) int) {
		b.StartBackground()
		for _, owner := range []string{"carol", "dave"} {
			brings(b, owner)
			left := b.Stored("people/" + owner)
			if err := grant.PutState(t.Context(), b.Storage, grant.KeyOf("gone", owner), left); err != nil {
				t.Fatal(err)
			}
		}
		brings(b.As("alice"), "alice")
		b.Age("people/dave", func(st *grant.State) { st.RoleID = "of another" })
		enginetest.Pause(2 * enginetest.Day)
		var left []string
		for key := range b.Storage.Contents(t) {
			if strings.HasPrefix(key, "token/") {
				left = append(left, key)
			}
		}
		if len(left) != 2 {
			t.Errorf("left are %q", left)
		}
	})
}
