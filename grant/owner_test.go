package grant_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/role"
)

// Of very many owners of one role none is ever served another's token, however they read: whatever is written, revoked,
// deleted, refreshed and agreed to anew meanwhile. Half of them are entities, half are named by a broker.
func TestNobodyIsServedAnothersToken(t *testing.T) {
	const owners, readers = 10_000, 16
	p := enginetest.NewPerPerson(t)
	name := func(n int) string { return fmt.Sprintf("owner-%d", n) }
	// as is the mount for an owner, and the path behind creds/ and its like.
	as := func(n int) (*enginetest.PerPerson, string) {
		if n%2 == 0 {
			return p.By(name(n)), "people"
		}
		return p, "people/" + name(n)
	}
	var all sync.WaitGroup
	for part := range 4 {
		all.Go(func() {
			for n := part; n < owners; n += 4 {
				who, path := as(n)
				if err := who.Agrees(path, name(n)); err != nil {
					t.Errorf("%s: %v", name(n), err)
					return
				}
			}
		})
	}
	all.Wait()
	var served, refused atomic.Int64
	over := make(chan struct{})
	for reader := range readers {
		all.Go(func() {
			chance := rand.New(rand.NewPCG(1, uint64(reader)))
			for {
				select {
				case <-over:
					return
				default:
				}
				n := chance.IntN(owners)
				if chance.IntN(2) == 0 {
					n = chance.IntN(64) // those about whom most happens
				}
				who, path := as(n)
				resp, err := who.Try(t.Context(), logical.ReadOperation, "creds/"+path, nil)
				if err != nil || resp.IsError() {
					refused.Add(1)
					continue
				}
				served.Add(1)
				if token := fmt.Sprint(resp.Data["access_token"]); !strings.HasPrefix(token, enginetest.Canary+"access~"+name(n)+"~") {
					t.Errorf("%s is served %s", name(n), token)
					return
				}
			}
		})
	}
	chance := rand.New(rand.NewPCG(2, 2))
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); {
		n := chance.IntN(64)
		who, path := as(n)
		switch op, path, f := logical.Operation(logical.UpdateOperation), path, enginetest.Fields(nil); chance.IntN(8) {
		case 0:
			_, _ = who.Try(t.Context(), op, "revoke/"+path, f)
		case 1:
			_, _ = who.Try(t.Context(), logical.DeleteOperation, "status/"+path, nil)
		case 2:
			_, _ = p.Try(t.Context(), op, "roles/people", enginetest.Fields{"ttl": fmt.Sprint(60+chance.IntN(60), "s")})
		case 3, 4:
			_, _ = who.Try(t.Context(), op, "refresh/"+path, f)
		default:
			_ = who.Agrees(path, name(n))
		}
	}
	close(over)
	all.Wait()
	if served.Load() < 1000 {
		t.Errorf("%d reads were served, %d refused", served.Load(), refused.Load())
	}
	t.Logf("%d reads were served, %d refused", served.Load(), refused.Load())
}

// Whoever is logged in reaches their own by the role's name, and nobody else's; what is named is an operator's or a
// broker's business, and never an entity.
func TestWhoseGrantIsMeant(t *testing.T) {
	p := enginetest.NewPerPerson(t)
	p.WriteRole("r")
	alice, bob := p.By("alice"), p.By("bob")
	alice.Brings("people", "alice")
	bob.Brings("people", "bob")
	p.Brings("people/carol@example.com", "carol")
	for who, want := range map[*enginetest.PerPerson]string{alice: "alice~1", bob: "bob~1"} {
		if got := who.Token("people"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := p.Token("people/carol@example.com"); got != "carol~1" {
		t.Error(got)
	}
	for _, path := range []string{"creds/people", "explain/people", "status/people"} {
		p.Rejects(enginetest.ReadOp, path, nil, "this token belongs to none")
	}
	for _, path := range []string{"refresh/people", "revoke/people", "authorize/people", "confirm/people", "device/people"} {
		p.Rejects(enginetest.WriteOp, path, nil, "this token belongs to none")
	}
	for _, path := range []string{"creds/r/alice", "explain/r/alice", "status/r/alice"} {
		alice.Rejects(enginetest.ReadOp, path, nil, "leave the owner out")
	}
	for _, path := range []string{"refresh/r/alice", "revoke/r/alice", "authorize/r/alice", "confirm/r/alice", "device/r/alice"} {
		alice.Rejects(enginetest.WriteOp, path, nil, "leave the owner out")
	}
	// What is remembered of a role's kind ends with any write of the role.
	who := grant.Who{Role: "r"}
	if key, err := p.Grants.KeyOf(t.Context(), p.Storage, who); err != nil || key != "r" {
		t.Errorf("%q, %v", key, err)
	}
	kept, err := role.Get(t.Context(), p.Storage, "r")
	if err != nil {
		t.Fatal(err)
	}
	for _, owner := range []string{"entity", ""} {
		kept.GrantOwner = owner
		if err := role.Put(t.Context(), p.Grants.Over(p.Storage), "r", kept); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Grants.KeyOf(t.Context(), p.Storage, who); (err != nil) != (owner == "entity") {
			t.Errorf("grant_owner=%q: %v", owner, err)
		}
	}
	// However a key has come about: the role may have changed since.
	if _, err := p.Grants.Look(t.Context(), p.Storage, grant.KeyOf("r", "alice")); err == nil || !strings.Contains(err.Error(), "leave the owner out") {
		t.Errorf("%v", err)
	}
	ofAlice := enginetest.EntityID("alice")
	for _, id := range []string{ofAlice, strings.ToUpper(ofAlice)} { // a claim that is an id must not pick somebody's grant
		for _, by := range []*enginetest.PerPerson{p, bob} {
			by.Rejects(enginetest.ReadOp, "creds/people/"+id, nil, "must not look like an entity id")
			by.Rejects(enginetest.ReadOp, "authorize/people/"+id, nil, "must not look like an entity id")
			for _, path := range []string{"authorize", "confirm", "device"} {
				by.Rejects(enginetest.WriteOp, path+"/people/"+id, nil, "must not look like an entity id")
			}
		}
		if got := alice.Token("people/" + id); got != "alice~1" { // whose it is may name it
			t.Error(got)
		}
		if got := p.Data("status/people/" + id); got["state"] != "ok" || got["owner"] != ofAlice {
			t.Errorf("%v", got)
		}
	}
	for _, path := range []string{"creds", "authorize"} { // in a policy's path it would be everybody
		p.Rejects(enginetest.ReadOp, path+"/people/+", nil, "must not consist of + only")
	}
	dave := p.By("dave")
	if text := dave.Refused(enginetest.ReadOp, "creds/people", nil); !strings.Contains(text, "vault write -force oauth/authorize/people") || strings.Contains(text, enginetest.EntityID("dave")) {
		t.Errorf("%q", text)
	}
	if got := dave.Data("status/people"); got["state"] != "unauthorized" {
		t.Errorf("%v", got)
	}
	bob.Write("revoke/people", nil)
	if text := bob.Refused(enginetest.ReadOp, "creds/people", nil); !strings.Contains(text, "authorize again with authorize/people") {
		t.Errorf("%q", text)
	}
	if got := alice.Token("people"); got != "alice~1" {
		t.Error(got)
	}
	// Who is named by an operator is spoken of by name: the same words would lead them to their own.
	step := p.Data("status/people/" + enginetest.EntityID("bob"))["next_step"].(string)
	if !strings.Contains(step, "revoke/people/"+enginetest.EntityID("bob")+":") || !strings.Contains(step, "authorize/people (which is for its owner to do)") {
		t.Errorf("%q", step)
	}
	if text := bob.Data("status/people")["next_step"].(string); strings.Contains(text, enginetest.EntityID("bob")) || !strings.Contains(text, "revoke/people: authorize again with authorize/people") {
		t.Errorf("%q", text)
	}
	bob.Brings("people", "bob-anew")
	if got := bob.Token("people"); got != "bob-anew~1" {
		t.Error(got)
	}
	bob.Delete("status/people")
	if got := bob.Data("status/people"); got["state"] != "unauthorized" {
		t.Errorf("%v", got)
	}
	p.Rejects(logical.DeleteOperation, "status/r", nil, "goes with the role")
}

// A role of people takes what belongs to people, and stays one as long as it has grants.
func TestFieldsOfARoleOfPeople(t *testing.T) {
	p := enginetest.NewPerPerson(t)
	p.WriteRole("r")
	refuses := func(path string, f enginetest.Fields, want string) { // grant_owner's two words are no secrets
		t.Helper()
		if text := p.Refused(enginetest.WriteOp, path, f); !strings.Contains(text, want) {
			t.Errorf("%q, want %q", text, want)
		}
	}
	p.WriteRole("client", enginetest.Fields{"refresh_token": nil, "grant_type": "client_credentials"})
	for want, f := range map[string]enginetest.Fields{
		"takes no refresh_token":             {"refresh_token": enginetest.Canary + "x"},
		"is for token_mode=shared":           {"token_mode": "per_lease"},
		"is for grant_type=refresh_token":    {"grant_type": "client_credentials"},
		"needs bound_account":                {"device_flow": true},
		"must be a template over the entity": {"bound_account": "alice"},
		"whose account_pointer finds":        {"bound_account": "{{identity.entity.metadata.email}}"},
		"grant_owner must be role or entity": {"grant_owner": "person"},
	} {
		p.Rejects(enginetest.WriteOp, "roles/people", f, want)
	}
	p.Rejects(enginetest.WriteOp, "roles/people", enginetest.Fields{"grant_type": "jwt-bearer"}, "is for grant_type=refresh_token")
	p.Rejects(enginetest.WriteOp, "roles/people", enginetest.Fields{"bound_account": "{{identity.groups.names.x.id}}"}, "must be a template over the entity")
	p.Rejects(enginetest.WriteOp, "roles/r", enginetest.Fields{"bound_account": "{{identity.entity.name}}"}, "is for grant_owner=entity")
	refuses("roles/r", enginetest.Fields{"grant_owner": "entity"}, "has a living grant")
	refuses("roles/client", enginetest.Fields{"grant_owner": "entity"}, "is for grant_type=refresh_token")
	p.Write("providers/closed", enginetest.Fields{"token_endpoint": p.Server.URL() + "/token"})
	refuses("roles/new", enginetest.RoleOf("closed", enginetest.Fields{"refresh_token": nil, "grant_owner": "entity"}), "nobody could agree")
	p.Write("revoke/r", nil)
	p.Write("roles/r", enginetest.Fields{"grant_owner": "entity"})
	p.By("alice").Brings("r", "alice")
	refuses("roles/r", enginetest.Fields{"grant_owner": "role", "refresh_token": enginetest.Canary + "x"}, "keeps grants of owners")
	p.By("alice").Delete("status/r")
	p.Write("roles/r", enginetest.Fields{"grant_owner": "role", "refresh_token": enginetest.Canary + "refresh~r~0"})
	if got := p.Token("r"); got != "r~1" {
		t.Error(got)
	}
	if warned := p.Do(enginetest.WriteOp, "roles/people", enginetest.Fields{"ttl": "1h"}); warned != nil && len(warned.Warnings) > 0 {
		t.Errorf("%q", warned.Warnings)
	}
	if warned := p.Write("roles/people", enginetest.Fields{"client_id": "another"}).Warnings; len(warned) != 1 || !strings.Contains(warned[0], "agreed to with another client") {
		t.Errorf("%q", warned)
	}
	p.Write("providers/test", enginetest.Fields{"account_pointer": "/answer/id"})
	if warned := p.Write("roles/people", enginetest.Fields{"bound_account": "{{identity.entity.name}}"}).Warnings; len(warned) != 1 || !strings.Contains(warned[0], "compared when somebody agrees") {
		t.Errorf("%q", warned)
	}
	for _, template := range []string{
		"{{identity.entity.nope}}", "{{identity.entity.metadata}}", "{{{identity.entity.id}}}", "identity.entity. {{identity.groups.names.g.id}}", "{{identity.entity.id}}}",
		"{{identity.entity.name}}{{identity.groups.ids.x.name}}", "{{identity.entity.aliases.name}}",
	} {
		p.Rejects(enginetest.WriteOp, "roles/people", enginetest.Fields{"bound_account": template}, "must be a template over the entity")
	}
	for _, template := range []string{"{{identity.entity.id}}", "x-{{ identity.entity.aliases.auth_userpass_1.name }}@example.com", "{{identity.entity.aliases.a.custom_metadata.mail}}"} {
		p.Write("roles/people", enginetest.Fields{"bound_account": template})
	}
	if warned := p.Write("roles/people", enginetest.Fields{"verify": true}).Warnings; len(warned) != 1 || !strings.Contains(warned[0], "each person brings their own with: vault write -force oauth/authorize/people") {
		t.Errorf("%q", warned)
	}
}
