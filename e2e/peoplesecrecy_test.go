package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// plantOwners makes canaries of the tokens that are stored for owners, and tells of how many.
func (s secrets) plantOwners(l *lab) (planted int) {
	l.t.Helper()
	for key, text := range openStore(l.t, l.v, "oauth").entries("token/") {
		var e struct {
			RefreshToken string `json:"refresh_token"`
			AccessToken  string `json:"access_token"`
		}
		l.must(json.Unmarshal([]byte(text), &e))
		for name, value := range map[string]string{"refresh token": e.RefreshToken, "access token": e.AccessToken} {
			if s.plant(name+" of "+key, value); value != "" {
				planted++
			}
		}
	}
	return planted
}

// consents brings somebody's grant as a browser's form does, and plants what it is made of. Only the page that shows the
// code has it.
func (s secrets) consents(l *lab, who caller, path, account string) (page shownPage) {
	l.t.Helper()
	link := who.begins(path, nil)
	s.plant("state", query(link).Get("state"))
	if s.plantStored(l) < 2 {
		l.t.Fatal("no verifier and nonce found in storage: does the test know their shape?")
	}
	back := query(l.comesBack(account, link, "pingone"))
	s.plant("authorization code", back.Get("code"))
	page = visit(l.t, http.MethodPost, l.callback("pingone"), back)
	s.wantNone(l.t, "the page", page.body)
	if code := page.code(); code != "" {
		s.plant("confirmation code", code)
		s.plant("confirmation code", strings.ReplaceAll(code, "-", ""))
	}
	return page
}

// Tokens, codes, states and verifiers of people's grants and of those that a broker names are in no log, no error, no list
// and no status: of consents that go well and of those that bring another account, of grants that are read, refreshed,
// refused, revoked and forgotten.
func TestSecrecyOfPeoplesGrants(t *testing.T) {
	t.Parallel()
	l, people := bound(t, boundToAddress, "alice", "bob", "mallory")
	l.has(people["alice"], alice)
	l.has(people["bob"], bob)
	l.has(people["mallory"], mallory)
	l.run("vault write oauth/roles/named " + peoplesRole)
	root := l.v.caller(t, l.v.token)
	audit, log := l.v.followAudit(t), l.v.follow(t)
	known := secrets{&canarySet{values: map[string]string{}}}
	var said []string
	fails := func(who caller, path string, fields map[string]any) {
		t.Helper()
		_, err := who.try(path, fields)
		if err == nil {
			t.Fatalf("%s succeeds", path)
		}
		said = append(said, err.Error())
	}
	shows := func(who caller, path string) {
		t.Helper()
		said = append(said, fmt.Sprint(who.read(path)))
	}

	for who, account := range map[string]string{"alice": alice, "bob": bob} {
		page := known.consents(l, people[who].caller, "portal", account)
		fails(people["mallory"].caller, "oauth/confirm/portal", map[string]any{"confirmation_code": page.code()})
		fails(root, "oauth/confirm/portal/"+people[who].entity, map[string]any{"confirmation_code": page.code()})
		said = append(said, fmt.Sprint(people[who].confirms("portal", page.code())))
	}
	if page := known.consents(l, people["mallory"].caller, "portal", alice); page.code() != "" { // another's account
		t.Errorf("%d %s", page.status, page.text())
	}
	fails(people["mallory"].caller, "oauth/confirm/portal", map[string]any{"confirmation_code": "BBBB-BBBB"})
	said = append(said, fmt.Sprint(root.confirms("named/carol", known.consents(l, root, "named/carol", bob).code())))

	owned := map[string]caller{"portal": people["alice"].caller, "named/carol": root}
	for path, who := range owned {
		got := who.read("oauth/creds/" + path)
		known.plant("access token", fmt.Sprint(got["access_token"]))
		known.plant("ID token", strings.Split(fmt.Sprint(got["id_token"]), ".")[1])
	}
	if n := known.plantOwners(l); n != 6 {
		t.Errorf("%d tokens found in storage, want two for each of three", n)
	}
	for _, path := range []string{"portal/" + people["alice"].entity, "portal/" + people["bob"].entity, "named/carol"} {
		root.write("oauth/refresh/"+path, nil)
		if known.plantOwners(l) != 6 {
			t.Error("a refresh has left other tokens than two for each of three")
		}
		for _, of := range []string{"status/", "explain/"} {
			shows(root, "oauth/"+of+path)
		}
	}
	l.sandbox.control("pingone", map[string]any{"revoke": "grants"})
	for path := range map[string]bool{"portal/" + people["alice"].entity: true, "named/carol": true} {
		fails(root, "oauth/refresh/"+path, nil)
		shows(root, "oauth/status/"+path)
	}
	for _, p := range people {
		shows(p.caller, "oauth/status/portal")
	}
	shows(root, "oauth/status")
	for _, name := range []string{"portal", "named"} {
		listed, err := root.client.Logical().ListWithContext(t.Context(), "oauth/status/"+name)
		l.must(err)
		said = append(said, fmt.Sprint(listed.Data))
	}
	_, _ = people["bob"].try("oauth/revoke/portal", nil)
	l.run("vault delete oauth/status/portal/" + people["bob"].entity + " && vault delete oauth/roles/named")

	known.wantNone(t, "an answer or an error", strings.Join(said, "\n"))
	known.wantNone(t, "Vault's log", log.read())
	known.wantNone(t, "the audit log", audit.read())
	if !strings.Contains(audit.read(), "oauth/creds/named/carol") || !strings.Contains(log.read(), "a person has agreed to a new grant") {
		t.Error("there was nothing to search")
	}
}
