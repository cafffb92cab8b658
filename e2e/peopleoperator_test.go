package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// lookingAfter is the policy of whoever looks after people's grants, and gets at no token.
const lookingAfter = `path "oauth/status/portal/*" { capabilities = ["list", "read", "delete"] }
path "oauth/revoke/portal/*" { capabilities = ["update"] }`

// owners is the answer of a list with its details.
type owners struct {
	Keys []string `json:"keys"`
	Info map[string]struct {
		State, Account string
	} `json:"key_info"`
}

// An operator sees who has a grant, how each stands and with which account; ends one grant, which costs nobody else theirs,
// and forgets it. No token is within reach.
func TestAnOperatorOfPeoplesGrants(t *testing.T) {
	t.Parallel()
	l, people := forPeople(t, "alice", "bob")
	l.allows("looking-after", lookingAfter)
	operator := l.enters("olive", "looking-after")
	sh := l.as(operator.token)
	if text, _, err := sh.try("vault list oauth/status/portal"); err == nil {
		t.Errorf("before anybody has agreed there are\n%s", text)
	}
	l.brings(people["alice"].token, "portal", alice)
	l.brings(people["bob"].token, "portal", bob)
	l.brings(l.v.token, "portal/carol", bob)
	tokens := map[string]string{}
	for name, p := range people {
		tokens[name] = l.as(p.token).read("oauth/creds/portal").token()
	}
	all := []string{people["alice"].entity, people["bob"].entity, "carol"}
	slices.Sort(all)

	l.wantOwners(operator, "", all...)
	for name, account := range map[string]string{people["alice"].entity: alice, people["bob"].entity: bob, "carol": bob} {
		line := grep(sh.run("vault list -detailed oauth/status/portal"), name)
		if !regexp.MustCompile(`\b` + regexp.QuoteMeta(account) + `\b.*\bok\b|\bok\b.*\b` + regexp.QuoteMeta(account)).MatchString(line) {
			t.Errorf("vault list -detailed says %q of %s", line, name)
		}
		sh.read("oauth/status/portal/"+name).want(t, map[string]string{"owner": name, "account": account, "state": "ok", "owner_standing": ""})
	}
	for _, line := range []string{
		"vault read oauth/creds/portal", "vault read oauth/creds/portal/carol", "vault write -force oauth/authorize/portal/carol", "vault write -force oauth/refresh/portal/carol",
		"vault read oauth/roles/portal", "vault read oauth/status",
	} {
		sh.refused(403, line)
	}
	l.read("oauth/status").want(t, map[string]string{"owners": "3", "ok": "3", "roles": "1", "orphaned": "[]"})

	ended := people["bob"].entity
	sh.run("vault write -force oauth/revoke/portal/" + ended)
	if got := l.wantOwners(operator, "", all...).Info[ended].State; got != "dead" {
		t.Errorf("a grant that was revoked is %q", got)
	}
	for name, want := range map[string]bool{"alice": true, "bob": false} {
		if live, why := l.sandbox.live("pingone", tokens[name]); live != want {
			t.Errorf("the token of %s is live: %t %s", name, live, why)
		}
	}
	people["bob"].readRefused("oauth/creds/portal", "authorize again with authorize/portal")
	l.as(people["alice"].token).read("oauth/creds/portal").want(t, map[string]string{"access_token": tokens["alice"]})
	sh.run("vault delete oauth/status/portal/" + ended)
	l.wantOwners(operator, "", slices.DeleteFunc(slices.Clone(all), func(owner string) bool { return owner == ended })...)
	people["bob"].readRefused("oauth/creds/portal", "authorize it with")
	l.brings(people["bob"].token, "portal", bob)
	l.wantOwners(operator, "", all...)

	l.run("vault delete oauth/roles/portal && vault write oauth/roles/portal " + peoplesRole)
	if left := openStore(t, l.v, "oauth").entries("token/"); len(left) != 0 {
		t.Errorf("%d grants are left of a role that was deleted", len(left))
	}
	people["alice"].readRefused("oauth/creds/portal", "authorize it with")
}

// The list comes in pages: each begins behind the last owner of the one before.
func TestOwnersAreListedInPages(t *testing.T) {
	t.Parallel()
	l, people := forPeople(t, "alice")
	l.allows("looking-after", lookingAfter)
	operator := l.enters("olive", "looking-after")
	l.brings(people["alice"].token, "portal", alice)
	all := []string{people["alice"].entity}
	for n := range 4 {
		name := "user-" + strconv.Itoa(n)
		l.brings(l.v.token, "portal/"+name, bob)
		all = append(all, name)
	}
	slices.Sort(all)
	for _, limit := range []int{1, 2, 3, 5, 1000} {
		rest, after := all, ""
		for len(rest) > 0 {
			page := l.wantOwners(operator, "?limit="+strconv.Itoa(limit)+"&after="+after, rest[:min(limit, len(rest))]...)
			after, rest = page.Keys[len(page.Keys)-1], rest[len(page.Keys):]
		}
		if status, text := l.listOwners(operator, "?limit="+strconv.Itoa(limit)+"&after="+after); status != http.StatusNotFound {
			t.Errorf("behind the last: %d %s", status, text)
		}
	}
	for _, limit := range []string{"0", "-1", "1001", "many", ""} {
		if status, text := l.listOwners(operator, "?limit="+limit); status != http.StatusBadRequest {
			t.Errorf("limit=%s: %d %s", limit, status, text)
		}
	}
	if status, _ := l.listOwners(people["alice"], ""); status != http.StatusForbidden {
		t.Errorf("everybody's policy lists owners: %d", status)
	}
}

// listOwners is a list over HTTP, with parameters.
func (l *lab) listOwners(who person, query string) (status int, text string) {
	l.t.Helper()
	req, err := http.NewRequestWithContext(l.t.Context(), "LIST", l.v.addr+"/v1/oauth/status/portal"+query, nil)
	l.must(err)
	req.Header.Set("X-Vault-Token", who.token)
	resp, err := stranger.Do(req)
	l.must(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	l.must(err)
	return resp.StatusCode, string(body)
}

// wantOwners asserts whom a list over HTTP names, in their order, and that it says how each stands.
func (l *lab) wantOwners(who person, query string, want ...string) (got owners) {
	l.t.Helper()
	status, text := l.listOwners(who, query)
	var answer struct{ Data owners }
	if err := json.Unmarshal([]byte(text), &answer); status != http.StatusOK || err != nil || !slices.Equal(answer.Data.Keys, want) {
		l.t.Fatalf("%s: %d %s, %v, want %q", query, status, text, err, want)
	}
	for _, owner := range want {
		if got := answer.Data.Info[owner]; got.State == "" {
			l.t.Errorf("%s: nothing is said of %s", query, owner)
		}
	}
	return answer.Data
}
