package schedule_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// turns are all that changes how the grants of a role's owners stand.
var turns = map[string]func(p *enginetest.PerPerson){
	"alice agrees":     func(p *enginetest.PerPerson) { _ = p.By("alice").Agrees("people", "alice") },
	"bob agrees":       func(p *enginetest.PerPerson) { _ = p.By("bob").Agrees("people", "bob") },
	"carol is named":   func(p *enginetest.PerPerson) { _ = p.Agrees("people/carol", "carol") },
	"alice reads":      func(p *enginetest.PerPerson) { attempt(p.By("alice"), logical.ReadOperation, "creds/people") },
	"nobody's read":    func(p *enginetest.PerPerson) { attempt(p.By("dave"), logical.ReadOperation, "creds/people") },
	"alice is refused": refused("alice"),
	"bob is refused":   refused("bob"),
	"alice is deleted": func(p *enginetest.PerPerson) { p.People.Change("alice", nil) },
	"alice comes back": func(p *enginetest.PerPerson) { p.People.Change("alice", &logical.Entity{Name: "alice"}) },
	"alice revokes":    func(p *enginetest.PerPerson) { attempt(p.By("alice"), logical.UpdateOperation, "revoke/people") },
	"bob is forgotten": func(p *enginetest.PerPerson) { attempt(p.By("bob"), logical.DeleteOperation, "status/people") },
	"the role goes":    func(p *enginetest.PerPerson) { attempt(p, logical.DeleteOperation, "roles/people") },
	"the role is there": func(p *enginetest.PerPerson) {
		change(p, "roles/people", enginetest.RoleOf("test", enginetest.Fields{"refresh_token": nil, "grant_owner": "entity"}))
	},
	"another client":    func(p *enginetest.PerPerson) { change(p, "roles/people", enginetest.Fields{"client_id": "another"}) },
	"the client":        func(p *enginetest.PerPerson) { change(p, "roles/people", enginetest.Fields{"client_id": "the-client"}) },
	"nobody's provider": func(p *enginetest.PerPerson) { attempt(p, logical.DeleteOperation, "providers/test") },
	"the provider": func(p *enginetest.PerPerson) {
		change(p, "providers/test", enginetest.Fields{"token_endpoint": p.Server.URL() + "/token", "authorization_endpoint": p.Server.URL() + "/authorize",
			"revocation_endpoint": p.Server.URL() + "/revoke", "token_endpoint_auth_method": "client_secret_post"})
	},
}

// refused has the provider refuse the refresh token of a person.
func refused(name string) func(*enginetest.PerPerson) {
	return func(p *enginetest.PerPerson) {
		p.Server.Handle(func(*clienttest.Request) clienttest.Answer { return enginetest.InvalidGrant })
		attempt(p.By(name), logical.UpdateOperation, "refresh/people")
		p.Server.Handle(p.Answers)
	}
}

func attempt(p *enginetest.PerPerson, op logical.Operation, path string) {
	_, _ = p.Try(p.T.Context(), op, path, nil)
}

func change(p *enginetest.PerPerson, path string, f enginetest.Fields) {
	_, _ = p.Try(p.T.Context(), logical.UpdateOperation, path, f)
}

// The same of the grants of people: who agrees, is refused, leaves, comes back or is forgotten, of a role that goes and is
// written again. Vault tells of nobody who leaves, so that is found when somebody asks.
func TestTheIndexIsTrueOfOwners(t *testing.T) {
	kinds := slices.Sorted(maps.Keys(turns))
	var told [][]string
	for _, first := range kinds {
		for _, second := range kinds {
			told = append(told, []string{"alice agrees", first, second})
		}
	}
	for range *stories / 3 {
		story := make([]string, 4+rand.N(8))
		for i := range story {
			story[i] = kinds[rand.N(len(kinds))]
		}
		told = append(told, story)
	}
	for _, story := range told {
		t.Run(fmt.Sprint(story), func(t *testing.T) {
			p := enginetest.NewPerPerson(t)
			for _, kind := range story {
				turns[kind](p)
				if _, err := p.Schedule.Known(t.Context(), p.Grants.Over(p.Storage)); err != nil {
					t.Fatal(err)
				}
				isTrue(p.Mount, story)
			}
		})
		if t.Failed() {
			return
		}
	}
}
