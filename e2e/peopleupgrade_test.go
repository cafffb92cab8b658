package e2e

import (
	"strings"
	"testing"
)

// A role that v0.1.0 has written knows of no owners: it goes on with its one grant for all who may read it, a write stores
// nothing of owners, and an owner in the path is refused on every path that takes one. It becomes a role of people only when its
// grant has ended.
func TestRolesOfBeforeHaveNoOwners(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.opens()
	l.run("vault write oauth/roles/portal " + systemNamed("identity").role)
	before := l.read("oauth/creds/portal").token()
	l.storedBefore("role/portal", "token/portal")
	l.must(reload(l.shell))
	person := l.letsIn("alice")["alice"]
	sh := l.as(person.token)
	sh.read("oauth/creds/portal").want(t, map[string]string{"access_token": before})
	l.read("oauth/creds/portal").want(t, map[string]string{"access_token": before}) // root, who is nobody's entity
	l.run("vault write -force oauth/refresh/portal")
	sh.read("oauth/creds/portal").want(t, map[string]string{"generation": "2"})
	sh.read("oauth/status/portal").want(t, map[string]string{"state": "ok", "owner": "", "owner_standing": ""})

	l.allows("before", `path "oauth/creds/*" { capabilities = ["read"] }`) // as it was written when there was one segment
	reader := l.as(l.enters("bob", "before").token)
	reader.read("oauth/creds/portal").want(t, map[string]string{"generation": "2"})
	for _, owner := range []string{"x", person.entity, "carol@example.com"} {
		for _, line := range []string{
			"vault read oauth/creds/", "vault read oauth/status/", "vault read oauth/explain/", "vault write -force oauth/refresh/", "vault write -force oauth/revoke/",
			"vault write -force oauth/authorize/", "vault read oauth/authorize/", "vault delete oauth/authorize/", "vault write -force oauth/confirm/", "vault write -force oauth/device/", "vault delete oauth/status/",
		} {
			if text := l.refused(400, line+"portal/"+owner); !strings.Contains(text, "leave the owner out") {
				t.Errorf("$ %sportal/%s\n%s", line, owner, text)
			}
		}
		if text := reader.refused(400, "vault read oauth/creds/portal/"+owner); !strings.Contains(text, "leave the owner out") {
			t.Error(text)
		}
	}
	l.run("vault write oauth/roles/portal scope=openid")
	for key, text := range openStore(t, l.v, "oauth").entries("") {
		if strings.Contains(text, "grant_owner") || strings.Contains(text, "bound_account") || strings.HasPrefix(key, "token/portal/") {
			t.Errorf("%s has something of owners", key)
		}
	}
	l.wantRefusedWrite("has a living grant", "vault write oauth/roles/portal grant_owner=entity")
	sh.read("oauth/creds/portal")

	l.run("vault write -force oauth/revoke/portal")
	l.run(`vault write oauth/roles/portal grant_owner=entity scope="openid email"`)
	l.brings(person.token, "portal", alice)
	l.wantRefusedWrite("keeps grants of owners", `vault write oauth/roles/portal grant_owner=role refresh_token="$PINGONE_REFRESH_TOKEN"`)
	l.wantRefusedWrite("takes no refresh_token", `vault write oauth/roles/portal refresh_token="$PINGONE_REFRESH_TOKEN"`)
	sh.read("oauth/creds/portal").want(t, map[string]string{"generation": "1"})
}

// wantRefusedWrite asserts that an operator's write is refused with a sentence.
func (l *lab) wantRefusedWrite(says, line string) {
	l.t.Helper()
	if text := strings.Join(strings.Fields(l.refused(400, line)), " "); !strings.Contains(text, says) {
		l.t.Errorf("$ %s\n%s", line, text)
	}
}
