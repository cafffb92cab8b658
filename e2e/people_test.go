package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// ofPeople is the policy of everybody, once for all of them: each reaches their own by the role's name.
const ofPeople = `path "oauth/creds/portal" { capabilities = ["read", "update"] }
path "oauth/authorize/portal" { capabilities = ["read", "update", "delete"] }
path "oauth/confirm/portal" { capabilities = ["update"] }
path "oauth/status/portal" { capabilities = ["read"] }
path "oauth/revoke/portal" { capabilities = ["update"] }`

const peoplesRole = consentRole + " grant_owner=entity"

// forPeople is a mount with a role that keeps a grant for each person, and people of Vault whose policy is everybody's.
func forPeople(t *testing.T, names ...string) (l *lab, people map[string]person) {
	t.Helper()
	l = newLab(t)
	l.opens()
	l.run("vault write oauth/roles/portal " + peoplesRole)
	return l, l.letsIn(names...)
}

// letsIn makes people of Vault whose policy is everybody's.
func (l *lab) letsIn(names ...string) map[string]person {
	l.t.Helper()
	l.allows("people", ofPeople)
	people := map[string]person{}
	for _, name := range names {
		people[name] = l.enters(name, "people")
	}
	return people
}

// brings is somebody's consent by the vault command and a browser in which an account is logged in: to their own grant or,
// where the path says so, to that of an owner whom it names.
func (l *lab) brings(token, path, account string) secret {
	l.t.Helper()
	sh := l.as(token)
	code := l.codeFrom(account, sh.write("oauth/authorize/"+path).get("authorization_url"))
	done := sh.with("CODE=" + code).write("oauth/confirm/" + path + ` confirmation_code="$CODE"`)
	done.want(l.t, map[string]string{"account": account, "account_verified": "true", "generation": "1"})
	return done
}

// Two people, two browsers side by side, one role and one policy: each has their own token and nobody else's, of the
// account that they have agreed with, also after a refresh and after the plugin was killed.
func TestTwoPeopleOfOneRole(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.opens()
	_, warning, err := l.try("vault write oauth/roles/portal " + peoplesRole)
	if err != nil || !strings.Contains(strings.Join(strings.Fields(warning), " "), "each person brings their own with: vault write -force oauth/authorize/portal") {
		t.Errorf("%v, the warning is %q", err, warning)
	}
	people := l.letsIn("alice", "bob")
	accounts := map[string]string{"alice": alice, "bob": bob}
	links, codes, own := map[string]string{}, map[string]string{}, map[string]secret{}
	for name, p := range people {
		sh := l.as(p.token)
		if text := sh.refused(400, "vault read oauth/creds/portal"); !strings.Contains(text, "vault write -force oauth/authorize/portal") || strings.Contains(text, p.entity) {
			t.Error(text)
		}
		sh.read("oauth/status/portal").want(t, map[string]string{"state": "unauthorized", "owner": p.entity})
		begun := sh.write("oauth/authorize/portal")
		begun.want(t, map[string]string{"finish": "vault write oauth/confirm/portal confirmation_code=..."})
		links[name] = begun.get("authorization_url")
	}
	for name, link := range links {
		shown, _ := l.browse(accounts[name], link)
		if !strings.Contains(shown, "userpass-"+name) || strings.Contains(shown, people[name].entity) {
			t.Errorf("%s is shown %s", name, shown)
		}
		codes[name] = shownCode.FindString(shown)
	}
	people["alice"].refused("oauth/confirm/portal", map[string]any{"confirmation_code": codes["bob"]}, "not the confirmation code of anything that you have begun")
	for name, p := range people {
		done := l.as(p.token).with("CODE=" + codes[name]).write(`oauth/confirm/portal confirmation_code="$CODE"`)
		done.want(t, map[string]string{"account": accounts[name], "account_verified": "true"})
		own[name] = l.as(p.token).read("oauth/creds/portal")
		own[name].want(t, map[string]string{"token_id": done.get("token_id"), "generation": "1"})
		own[name].wantExpiry(t)
		l.sandbox.wantLive("pingone", own[name].token())
	}
	if own["alice"].token() == own["bob"].token() {
		t.Fatal("both have one token")
	}
	inTurn := func() {
		t.Helper()
		for range 3 { // from memory too
			for name, p := range people {
				if got := p.read("oauth/creds/portal"); got["access_token"] != own[name].token() {
					t.Errorf("%s is served another token than before", name)
				}
			}
		}
	}
	inTurn()

	l.run("vault write -force oauth/refresh/portal/" + people["alice"].entity) // an operator may
	l.kill()
	l.awaitPlugin()
	l.as(people["bob"].token).read("oauth/creds/portal").want(t, map[string]string{"access_token": own["bob"].token(), "generation": "1"})
	next := l.as(people["alice"].token).read("oauth/creds/portal min_ttl=60")
	if next.want(t, map[string]string{"generation": "2"}); next.token() == own["alice"].token() {
		t.Error("a refresh brings no other token")
	}
	first := own["alice"]
	own["alice"] = next
	inTurn()
	l.as(people["alice"].token).run("vault write -force oauth/revoke/portal")
	for token, want := range map[string]bool{first.token(): false, next.token(): false, own["bob"].token(): true} {
		if live, why := l.sandbox.live("pingone", token); live != want {
			t.Errorf("after alice has revoked hers, a token is live: %t %s", live, why)
		}
	}
	l.as(people["alice"].token).refused(400, "vault read oauth/creds/portal")
	l.as(people["bob"].token).read("oauth/creds/portal").want(t, map[string]string{"access_token": own["bob"].token()})
	if got := l.sandbox.stats("pingone"); got.Replays != 0 || got.Refusals != 0 {
		t.Errorf("the provider saw %+v", got)
	}
}

// scripts/authorize needs nothing that everybody's policy does not give, and brings a person their own grant, and whoever
// serves as a broker that of an owner.
func TestAuthorizeScriptOfAPerson(t *testing.T) {
	t.Parallel()
	l, people := forPeople(t, "alice")
	for _, c := range []struct{ token, path, account string }{{people["alice"].token, "portal", alice}, {l.v.token, "portal/carol", bob}} {
		out := l.as(c.token).typed(c.path, func(address string) string { return l.codeFrom(c.account, address) })
		if got := table(out); got["account"] != c.account || !strings.Contains(out, "oauth/creds/"+c.path+" has its first token") {
			t.Errorf("it shows\n%s", out)
		}
	}
	l.read("oauth/status/portal/"+people["alice"].entity).want(t, map[string]string{"account": alice, "state": "ok"})
	l.read("oauth/status/portal/carol").want(t, map[string]string{"account": bob, "state": "ok"})
}

// What is another's is out of reach: by everybody's policy, and by the engine where a policy is too wide and names an entity,
// in any case of letters.
func TestNobodyReachesAnothersGrant(t *testing.T) {
	t.Parallel()
	l, people := forPeople(t, "alice", "bob")
	l.brings(people["alice"].token, "portal", alice)
	l.brings(people["bob"].token, "portal", bob)
	l.brings(l.v.token, "portal/carol", bob)
	before := l.as(people["alice"].token).read("oauth/creds/portal").token()
	for _, owner := range []string{people["alice"].entity, people["bob"].entity, "carol"} {
		for _, line := range []string{
			"vault read oauth/creds/portal/%s", "vault write oauth/creds/portal/%s min_ttl=60", "vault read oauth/status/portal/%s", "vault read oauth/explain/portal/%s",
			"vault read oauth/authorize/portal/%s", "vault write -force oauth/authorize/portal/%s", "vault delete oauth/authorize/portal/%s", "vault write -force oauth/confirm/portal/%s",
			"vault write -force oauth/device/portal/%s", "vault write -force oauth/refresh/portal/%s", "vault write -force oauth/revoke/portal/%s", "vault delete oauth/status/portal/%s",
		} {
			if text := l.as(people["bob"].token).refused(403, fmt.Sprintf(line, owner)); !strings.Contains(text, "permission denied") {
				t.Errorf("$ %s\n%s", line, text)
			}
		}
	}
	l.as(people["bob"].token).refused(403, "vault list oauth/status/portal")

	l.allows("wide", `path "oauth/+/portal/*" { capabilities = ["create", "read", "update", "delete", "list", "sudo"] }`)
	mallorys := l.enters("mallory", "wide", "people")
	eve := l.as(mallorys.token)
	root := l.shell
	for _, id := range []string{people["alice"].entity, strings.ToUpper(people["alice"].entity)} {
		for who, sh := range map[string]shell{"mallory": eve, "root": root} {
			for _, line := range []string{
				"vault read oauth/creds/portal/" + id, "vault write oauth/creds/portal/" + id + " min_ttl=60", "vault read oauth/authorize/portal/" + id,
				"vault write -force oauth/authorize/portal/" + id, "vault write oauth/confirm/portal/" + id + " confirmation_code=BBBB-BBBB", "vault write -force oauth/device/portal/" + id,
			} {
				if text := sh.refused(400, line); !strings.Contains(text, "must not look like an entity id") {
					t.Errorf("%s: $ %s\n%s", who, line, text)
				}
			}
		}
	}
	if text := eve.refused(400, "vault read oauth/creds/portal"); !strings.Contains(text, "authorize it with") {
		t.Error(text)
	}
	code := l.codeFrom(bob, l.v.caller(t, l.v.token).begins("portal/carol", nil))
	mallorys.refused("oauth/confirm/portal/carol", map[string]any{"confirmation_code": code}, nothingBegun) // an owner's consent too is its caller's
	eve.read("oauth/creds/portal/carol")                                                                    // a name is what such a policy is for
	l.as(people["alice"].token).read("oauth/creds/portal").want(t, map[string]string{"access_token": before})
}

// A token that belongs to nobody has no grant, and is told so on each path; what a person makes of their own token, but for
// orphans, is that person.
func TestWhoseToken(t *testing.T) {
	t.Parallel()
	l, people := forPeople(t, "alice")
	l.allows("tokens", `path "auth/token/create" { capabilities = ["update"] }
		path "auth/token/create-orphan" { capabilities = ["update", "sudo"] }`)
	l.brings(people["alice"].token, "portal", alice)
	own := l.as(people["alice"].token).read("oauth/creds/portal").token()
	maker := l.as(l.enters("alice", "people", "tokens").token)
	for line, has := range map[string]bool{
		"vault token create -field=token": true, "vault token create -field=token -type=batch": true, "vault token create -field=token -policy=people -ttl=5m": true,
		"vault write -force -field=token auth/token/create-orphan": false,
	} {
		sh := l.as(maker.run(line))
		if has {
			sh.read("oauth/creds/portal").want(t, map[string]string{"access_token": own})
			sh.read("oauth/status/portal").want(t, map[string]string{"owner": people["alice"].entity, "account": alice})
			continue
		}
		l.wantNobody(sh)
	}
	l.wantNobody(l.as(l.run("vault token create -field=token -orphan -policy=people")))
	l.wantNobody(l.as(l.run("vault token create -field=token -policy=people")))
	l.wantNobody(l.shell) // root's
}

// wantNobody asserts that a token has no grant, and that whoever has it is told why.
func (l *lab) wantNobody(sh shell) {
	l.t.Helper()
	for _, line := range []string{
		"vault read oauth/creds/portal", "vault read oauth/status/portal", "vault write -force oauth/authorize/portal", "vault read oauth/authorize/portal",
		"vault write oauth/confirm/portal confirmation_code=BBBB-BBBB", "vault write -force oauth/revoke/portal",
	} {
		text := strings.Join(strings.Fields(sh.refused(400, line)), " ")
		if !strings.Contains(text, "this role keeps one grant for each person, and this token belongs to none: log in through an auth method") {
			l.t.Errorf("$ %s\n%s", line, text)
		}
	}
}
