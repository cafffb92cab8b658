package e2e

import (
	"encoding/json"
	"strings"
	"testing"
)

// A role that v0.1.0 has written goes on with its grant, and says what it needs before a person can agree to another: one
// write without any secret, since where people log in was not noted then. So it is for one whose grant has died.
func TestRolesOfBeforeCanBeAuthorized(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.opens()
	fields := map[string]string{"crm": systemNamed("crm").role, "contracts": systemNamed("documents").role, "portal": systemNamed("identity").role}
	for role, as := range fields {
		l.run("vault write oauth/roles/" + role + " " + as)
	}
	before := map[string]string{}
	for role := range fields {
		before[role] = l.read("oauth/creds/" + role).token()
	}
	l.storedBefore("role/crm", "role/contracts", "role/portal", "token/crm", "token/contracts", "token/portal")
	if err := reload(l.shell); err != nil {
		t.Fatal(err)
	}
	root := l.v.caller(t, l.v.token)
	for _, s := range asking {
		t.Run(s.provider, func(t *testing.T) {
			sh := l.forTest(t)
			root.t = t
			sh.read("oauth/creds/"+s.role).want(t, map[string]string{"access_token": before[s.role]})
			sh.run("vault write -force oauth/refresh/" + s.role)
			root.refused("oauth/authorize/"+s.role, nil, "write the role once more, for which no secret is needed")
			if got := sh.read("oauth/explain/" + s.role).get("authorization_hindered"); !strings.Contains(got, "write the role once more") {
				t.Errorf("explain says %q", got)
			}
			if s.provider == "pingone" {
				sh.run("vault write -force oauth/revoke/" + s.role)
			}
			sh.run("vault write oauth/roles/" + s.role + ` scope="` + map[string]string{"salesforce": "api", "pandadoc": "read+write", "pingone": "openid email"}[s.provider] + `"`)
			link := root.begins(s.role, nil)
			root.confirms(s.role, l.codeFrom(bob, link))
			l.wantGrant(sh, s.role, s.provider)
		})
	}
}

// sinceConsent are the members of stored entries that v0.1.0 did not know, as far as these roles have them.
var sinceConsent = []string{
	"authorization_origin", "authorization_params", "redirect_uris", "device_flow", "pins", "grant_owner", "bound_account", // of a role
	"account", "account_verified", "last_account", "authorized_at", "callback", // of a grant's state
}

// storedBefore takes out of entries what v0.1.0 did not store.
func (l *lab) storedBefore(keys ...string) {
	l.t.Helper()
	store := openStore(l.t, l.v, "oauth")
	all := store.entries("")
	for _, key := range keys {
		var entry map[string]json.RawMessage
		decode(l.t, all[key], &entry)
		if _, ok := entry["authorization_origin"]; !ok && strings.HasPrefix(key, "role/") {
			l.t.Fatal("a role notes where people log in under another name now")
		}
		for _, name := range sinceConsent {
			delete(entry, name)
		}
		changed, err := json.Marshal(entry)
		if err != nil {
			l.t.Fatal(err)
		}
		if _, err := l.v.client().Logical().Write("sys/raw/"+store.root+key, map[string]any{"value": string(changed)}); err != nil {
			l.t.Fatal(err)
		}
	}
}
