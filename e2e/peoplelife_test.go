package e2e

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// refusedByVault asserts that Vault itself turns a token away.
func (l *lab) refusedByVault(token string) {
	l.t.Helper()
	if text := l.as(token).refused(403, "vault read oauth/creds/portal"); !strings.Contains(text, "permission denied") {
		l.t.Error(text)
	}
}

// wantRead asserts whose token somebody reads, by its id, and that the provider takes it.
func (l *lab) wantRead(token, id string) {
	l.t.Helper()
	got := l.as(token).read("oauth/creds/portal")
	got.want(l.t, map[string]string{"token_id": id})
	l.sandbox.wantLive("pingone", got.token())
}

// wantOrphan asserts that what somebody has left is there, and that it says so wherever an operator looks.
func (l *lab) wantOrphan(entity, account string) {
	l.t.Helper()
	got := l.read("oauth/status/portal/" + entity)
	got.want(l.t, map[string]string{"state": "orphaned", "owner_standing": "orphaned", "owner": entity, "account": account, "generation": "1"})
	if !strings.Contains(got.get("next_step"), "revoke/portal/"+entity) {
		l.t.Errorf("next_step is %q", got.get("next_step"))
	}
	l.read("oauth/status").want(l.t, map[string]string{"orphaned": "[portal/" + entity + "]"})
	if line := grep(l.run("vault list -detailed oauth/status/portal"), entity); !strings.Contains(line, "orphaned") || !strings.Contains(line, account) {
		l.t.Errorf("the list says %q", line)
	}
	l.sandbox.wantGrantOf(account)
}

// wantGrantOf asserts that the provider has a grant of an account that lives.
func (s *sandbox) wantGrantOf(account string) {
	s.t.Helper()
	var all map[string]struct {
		Grants []struct{ User, Revoked string }
	}
	s.call("/stats", nil, &all)
	if !slices.ContainsFunc(all["pingone"].Grants, func(g struct{ User, Revoked string }) bool { return g.User == account && g.Revoked == "" }) {
		s.t.Errorf("the provider has no living grant of %s: %+v", account, all["pingone"].Grants)
	}
}

// A disabled entity's tokens are refused by Vault, and its grant rests: it is not kept alive, as another's is. It goes on as
// it was when the entity is enabled again.
func TestADisabledPersonsGrantRests(t *testing.T) {
	t.Parallel()
	l, people := forPeople(t, "alice", "bob")
	l.run("vault write oauth/roles/portal keepalive_period=15s")
	own := l.brings(people["alice"].token, "portal", alice).get("token_id")
	l.wantRead(people["alice"].token, own)
	l.knows(people["alice"].entity, map[string]any{"disabled": true})
	l.refusedByVault(people["alice"].token)
	l.brings(people["bob"].token, "portal", bob)
	generation := func(p person) int {
		n, _ := strconv.Atoi(l.read("oauth/status/portal/" + p.entity).get("generation"))
		return n
	}
	before := generation(people["alice"])
	l.must(l.v.await("another's grant is kept alive", 2*time.Minute, func() error {
		if generation(people["bob"]) < 3 {
			return errors.New("it is not")
		}
		return nil
	}))
	l.read("oauth/status/portal/"+people["alice"].entity).want(t, map[string]string{
		"state": "ok", "owner_standing": "disabled", "account": alice, "generation": strconv.Itoa(before),
	})
	l.knows(people["alice"].entity, map[string]any{"disabled": false})
	l.wantRead(people["alice"].token, l.read("oauth/status/portal/"+people["alice"].entity).get("token_id"))
	l.read("oauth/status/portal/"+people["alice"].entity).want(t, map[string]string{"state": "ok", "owner_standing": ""})
	l.run("vault write -force oauth/refresh/portal/" + people["alice"].entity)
	l.as(people["alice"].token).read("oauth/creds/portal")
}

// An entity that was deleted leaves its grant behind, for an operator to end and to forget. Whoever logs in under its name
// is somebody else, who has nothing of it.
func TestADeletedPersonsGrantIsOrphaned(t *testing.T) {
	t.Parallel()
	l, people := forPeople(t, "alice")
	gone := people["alice"]
	l.brings(gone.token, "portal", alice)
	left := l.as(gone.token).read("oauth/creds/portal").token()
	l.run("vault delete identity/entity/id/" + gone.entity)
	l.refusedByVault(gone.token)
	l.wantOrphan(gone.entity, alice)

	now := l.logsIn("alice")
	if now.entity == gone.entity {
		t.Fatal("it is the same entity")
	}
	now.readRefused("oauth/creds/portal", "authorize it with")
	own := l.brings(now.token, "portal", alice).get("token_id")
	l.wantRead(now.token, own)
	l.wantOrphan(gone.entity, alice)
	l.run("vault write -force oauth/revoke/portal/" + gone.entity)
	if live, _ := l.sandbox.live("pingone", left); live {
		t.Error("what was revoked lives")
	}
	l.run("vault delete oauth/status/portal/" + gone.entity)
	l.read("oauth/status").want(t, map[string]string{"orphaned": "[]", "owners": "1", "ok": "1"})
	l.wantRead(now.token, own)
}

// Of two entities that are merged the one that is no more leaves its grant behind: whoever logs in is the other one, and
// authorizes again. A grant that this one has is untouched.
func TestAMergedPersonsGrantIsOrphaned(t *testing.T) {
	t.Parallel()
	l, people := forPeople(t, "alice")
	before := people["alice"]
	left := l.brings(before.token, "portal", alice).get("token_id")
	kept := l.makesEntity("alice-of-before")
	l.run("vault write identity/entity/merge from_entity_ids=" + before.entity + " to_entity_id=" + kept)
	l.wantOrphan(before.entity, alice)
	l.wantRead(before.token, left) // a token of before the merge stays who it was, to Vault too

	now := l.logsIn("alice")
	if now.entity != kept {
		t.Fatal("a login is not the entity that was kept")
	}
	now.readRefused("oauth/creds/portal", "authorize it with")
	own := l.brings(now.token, "portal", alice).get("token_id")
	l.wantRead(now.token, own)
	l.wantOrphan(before.entity, alice)
}

// makesEntity makes an entity that nobody has logged in as, for this test.
func (l *lab) makesEntity(name string) (id string) {
	l.t.Helper()
	client := l.v.client()
	got, err := client.Logical().Write("identity/entity", map[string]any{"name": name, "policies": "people"})
	l.must(err)
	id = got.Data["id"].(string)
	l.t.Cleanup(func() { l.forgetsEntity(client, id) })
	return id
}

// A person who is renamed, and one who logs in in another way that is theirs too, go on with their grant.
func TestARenamedPersonGoesOn(t *testing.T) {
	t.Parallel()
	l, people := forPeople(t, "alice")
	own := l.brings(people["alice"].token, "portal", alice).get("token_id")
	l.knows(people["alice"].entity, map[string]any{"name": "alicia-" + people["alice"].entity})
	l.wantRead(people["alice"].token, own)
	l.wantRead(l.logsIn("alice").token, own)

	machine := l.approle("people")
	_, err := l.v.client().Logical().Write("identity/entity-alias", map[string]any{
		"name": machine.id, "mount_accessor": l.accepts("approle"), "canonical_id": people["alice"].entity,
	})
	l.must(err)
	other := l.comesAs("alice", "auth/approle/login", map[string]any{"role_id": machine.id, "secret_id": machine.secret})
	if other.entity != people["alice"].entity {
		t.Fatal("the other way in is another entity")
	}
	l.wantRead(other.token, own)
	l.read("oauth/status").want(t, map[string]string{"owners": "1", "ok": "1", "orphaned": "[]"})
}

// approle is what a machine logs in with.
type approle struct{ id, secret string }

// approle makes one with policies, which has not logged in yet.
func (l *lab) approle(policies ...string) approle {
	l.t.Helper()
	l.accepts("approle")
	client := l.v.client().Logical()
	_, err := client.Write("auth/approle/role/machine", map[string]any{"token_policies": policies})
	l.must(err)
	id, err := client.Read("auth/approle/role/machine/role-id")
	l.must(err)
	secret, err := client.Write("auth/approle/role/machine/secret-id", nil)
	l.must(err)
	it := approle{id.Data["role_id"].(string), secret.Data["secret_id"].(string)}
	canaries.add("secret_id", it.secret)
	return it
}
