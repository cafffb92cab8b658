package schedule_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/index"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

var stories = flag.Int("stories", 300, "how many longer sequences TestTheIndexIsTrue tells")

// changes are all that changes how a grant stands: what operators and readers do, what providers answer, what storage
// refuses, and what time brings.
var changes = map[string]func(b *enginetest.Mount, server *clienttest.Server){
	"read":         answered(enginetest.TokenAnswer("a1", "")),
	"rotated":      answered(clienttest.JSON(200, `{"access_token":"a2","expires_in":3600,"refresh_token":"next","refresh_token_expires_in":864000,"ends":"2000-05-01T00:00:00Z"}`)),
	"busy":         answered(enginetest.Busy),
	"refused":      answered(enginetest.InvalidGrant),
	"wrong client": answered(clienttest.JSON(401, `{"error":"invalid_client"}`)),
	"lost":         answered(clienttest.Answer{Drop: true}),
	"found":        answered(clienttest.JSON(200, `{"access_token":"a3","expires_in":3600,"data":{"refresh_token":"here"},"more":{"refresh_token":"or here"}}`)),
	"retried": func(b *enginetest.Mount, server *clienttest.Server) {
		try(b, "refresh/r", enginetest.Fields{"retry": true})
	},
	"disk full": func(b *enginetest.Mount, _ *clienttest.Server) { b.FailSecondPut(1000) },
	"disk free": func(b *enginetest.Mount, _ *clienttest.Server) { b.Storage.OnPut(nil); enginetest.Pause(time.Minute) },
	"new grant": func(b *enginetest.Mount, _ *clienttest.Server) {
		try(b, "roles/r", enginetest.RoleOf("test", enginetest.Fields{"refresh_token": fmt.Sprint(rand.Int())}))
	},
	"labelled": func(b *enginetest.Mount, _ *clienttest.Server) {
		try(b, "roles/r", enginetest.Fields{"labels": enginetest.Fields{"team": "a"}})
	},
	"secret ends": func(b *enginetest.Mount, _ *clienttest.Server) {
		try(b, "roles/r", enginetest.Fields{"client_secret_expires_at": "2000-01-20"})
	},
	"consent ends": func(b *enginetest.Mount, _ *clienttest.Server) {
		try(b, "roles/r", enginetest.Fields{"grant_expires_at": "2000-01-10"})
	},
	"other": func(b *enginetest.Mount, _ *clienttest.Server) {
		try(b, "roles/r", enginetest.Fields{"provider": "other", "client_secret": "x", "refresh_token": "y"})
	},
	"revoked": func(b *enginetest.Mount, _ *clienttest.Server) { try(b, "revoke/r", nil) },
	"deleted": func(b *enginetest.Mount, _ *clienttest.Server) {
		_, _ = b.Try(b.T.Context(), logical.DeleteOperation, "roles/r", nil)
	},
	"another role": func(b *enginetest.Mount, _ *clienttest.Server) { try(b, "roles/s", enginetest.RoleOf("test")) },
	"none of it": func(b *enginetest.Mount, _ *clienttest.Server) {
		_, _ = b.Try(b.T.Context(), logical.DeleteOperation, "roles/s", nil)
	},
	"moved": func(b *enginetest.Mount, _ *clienttest.Server) {
		try(b, "providers/test", enginetest.Fields{"token_endpoint": "http://127.0.0.1:1/"})
	},
	"moved back": func(b *enginetest.Mount, server *clienttest.Server) {
		try(b, "providers/test", enginetest.Fields{"token_endpoint": server.URL() + "/token"})
	},
	"unknown": func(b *enginetest.Mount, _ *clienttest.Server) {
		_, _ = b.Try(b.T.Context(), logical.DeleteOperation, "providers/test", nil)
	},
	"known again": func(b *enginetest.Mount, server *clienttest.Server) {
		try(b, "providers/test", enginetest.Fields{"token_endpoint": server.URL() + "/token", "token_endpoint_auth_method": "client_secret_post"})
	},
	"forbidden": func(b *enginetest.Mount, _ *clienttest.Server) {
		try(b, "config", enginetest.Fields{"allowed_hosts": "other.example"})
	},
	"allowed": func(b *enginetest.Mount, _ *clienttest.Server) {
		try(b, "config", enginetest.Fields{"allowed_hosts": ""})
	},
	"idle": func(b *enginetest.Mount, _ *clienttest.Server) {
		try(b, "providers/test", enginetest.Fields{"refresh_token_idle_ttl": "20d"})
	},
	"damaged": func(b *enginetest.Mount, _ *clienttest.Server) {
		_ = b.Grants.Over(b.Storage).Put(b.T.Context(), &logical.StorageEntry{Key: "token/r", Value: []byte("{")})
	},
	"an hour later": func(*enginetest.Mount, *clienttest.Server) { enginetest.Pause(2 * time.Hour) },
}

// answered is a read that the provider answers like that.
func answered(a clienttest.Answer) func(*enginetest.Mount, *clienttest.Server) {
	return func(b *enginetest.Mount, server *clienttest.Server) {
		server.Handle(enginetest.Always(a))
		_, _ = b.Try(b.T.Context(), logical.ReadOperation, "creds/r", enginetest.Fields{"min_ttl": "50m"})
	}
}

func try(b *enginetest.Mount, path string, f enginetest.Fields) {
	_, _ = b.Try(b.T.Context(), logical.UpdateOperation, path, f)
}

// stands is how each grant of a mount stands, by a look at what is stored.
func stands(b *enginetest.Mount) map[grant.Key]grant.Summary {
	b.T.Helper()
	found := map[grant.Key]grant.Summary{}
	look := func(key grant.Key) *grant.Grant {
		g, err := b.Grants.Look(b.T.Context(), b.Storage, key) // past what is remembered
		switch _, damaged := errors.AsType[mount.DamagedError](err); {
		case damaged:
			found[key] = grant.Summary{State: grant.StateUnreadable}
		case err != nil:
			b.T.Fatal(key, err)
		case key.Owner() == "" || g.State.RoleID != "":
			found[key] = b.Grants.Summary(b.T.Context(), b.Storage, g)
		}
		return g
	}
	names, err := b.Storage.List(b.T.Context(), role.Prefix)
	if err != nil {
		b.T.Fatal(err)
	}
	for _, name := range names {
		if g := look(grant.Key(name)); g != nil && g.Role.PerOwner() {
			owners, err := grant.Owners(b.T.Context(), b.Storage, name)
			if err != nil {
				b.T.Fatal(err)
			}
			for _, owner := range owners {
				look(grant.KeyOf(name, owner))
			}
		}
	}
	return found
}

// isTrue compares the index with what is stored.
func isTrue(b *enginetest.Mount, story []string) {
	b.T.Helper()
	want := stands(b)
	got := map[grant.Key]grant.Summary{}
	for _, e := range b.Schedule.Index.Report(index.Filter{Horizon: 1 << 62}).Named {
		got[e.Key] = *e.Summary
	}
	report := b.Schedule.Index.Report(index.Filter{})
	if n := report.Roles + report.Owners; n != len(want) {
		b.T.Errorf("%v: %d grants are known, %d are stored", story, n, len(want))
	}
	for key, sum := range want {
		known, _ := b.Schedule.Index.Get(key)
		if fmt.Sprintf("%+v", known) != fmt.Sprintf("%+v", sum) {
			b.T.Errorf("%v: of %s is known %+v, and stored %+v", story, key, known, sum)
		}
		if _, named := got[key]; !sum.PerOwner && sum.State != grant.StateOK && sum.State != grant.StateNew && !named {
			b.T.Errorf("%v: %s is not named", story, key)
		}
	}
}

// Whatever changes how a grant stands, in whatever order, the index says what a look at storage says: when it is asked,
// which mends what no write has told of, and by itself soon after.
func TestTheIndexIsTrue(t *testing.T) {
	kinds := slices.Sorted(maps.Keys(changes))
	var told [][]string
	for _, first := range kinds {
		for _, second := range kinds {
			told = append(told, []string{first, second})
		}
	}
	for range *stories {
		story := make([]string, 3+rand.N(8))
		for i := range story {
			story[i] = kinds[rand.N(len(kinds))]
		}
		told = append(told, story)
	}
	for i, story := range told {
		enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
			asked := i%2 == 0
			if !asked {
				b.StartBackground()
				enginetest.Pause(time.Minute)
			}
			for _, kind := range story {
				changes[kind](b, server)
				if asked {
					if _, err := b.Schedule.Known(t.Context(), b.Grants.Over(b.Storage)); err != nil {
						t.Fatal(err)
					}
				} else {
					enginetest.Pause(5 * time.Second)
				}
				isTrue(b, story)
			}
			b.Storage.OnPut(nil)
		}, enginetest.Fields{"grant_expires_at_pointer": "/ends"})
		if t.Failed() {
			return
		}
	}
	t.Logf("%d sequences of %s", len(told), strings.Join(kinds, ", "))
}

// Changes that happen at the same time leave the index as true as one after the other does: what a look has found is not
// taken for what a write has left that came meanwhile.
func TestTheIndexIsTrueWhateverMeets(t *testing.T) {
	kinds := slices.Sorted(maps.Keys(changes))
	kinds = slices.DeleteFunc(kinds, func(kind string) bool { return kind == "disk free" || kind == "an hour later" }) // these wait for the others
	for range *stories {
		enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
			var story []string
			var all sync.WaitGroup
			for range 8 {
				mine := []string{kinds[rand.N(len(kinds))], kinds[rand.N(len(kinds))], kinds[rand.N(len(kinds))]}
				story = append(story, strings.Join(mine, "+"))
				all.Go(func() {
					for _, kind := range mine {
						changes[kind](b, server)
					}
				})
			}
			all.Wait()
			b.Storage.OnPut(nil)
			enginetest.Pause(time.Minute) // what is held is stored
			if _, err := b.Schedule.Known(t.Context(), b.Grants.Over(b.Storage)); err != nil {
				t.Fatal(err)
			}
			isTrue(b, story)
		})
		if t.Failed() {
			return
		}
	}
}
