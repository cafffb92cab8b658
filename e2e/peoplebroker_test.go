package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A broker's policy names the owner by a template over whom Vault has let in: each login reaches the grant of its own name,
// and no other. A login whose name is somebody's entity id picks nobody's grant.
func TestATemplatedOwner(t *testing.T) {
	t.Parallel()
	l, people := forPeople(t, "alice")
	l.brings(people["alice"].token, "portal", alice)
	ids := map[string]string{"carol": l.brings(l.v.token, "portal/carol", alice).get("token_id"), "dave": l.brings(l.v.token, "portal/dave", bob).get("token_id")}
	l.allows("broker", strings.ReplaceAll(`path "oauth/creds/portal/{{identity.entity.aliases.ACCESSOR.name}}" { capabilities = ["read", "update"] }`, "ACCESSOR", l.accepts("userpass")))
	for name, other := range map[string]string{"carol": "dave", "dave": "carol"} {
		sh := l.as(l.enters(name, "broker").token)
		got := sh.read("oauth/creds/portal/" + name)
		got.want(t, map[string]string{"token_id": ids[name]})
		l.sandbox.wantLive("pingone", got.token())
		for _, path := range []string{"oauth/creds/portal/" + other, "oauth/creds/portal", "oauth/creds/portal/" + people["alice"].entity, "oauth/status/portal/" + name} {
			sh.refused(403, "vault read "+path)
		}
	}
	liar := l.as(l.enters(people["alice"].entity, "broker").token) // the policy lets it through, the engine does not
	if text := liar.refused(400, "vault read oauth/creds/portal/"+people["alice"].entity); !strings.Contains(text, "must not look like an entity id") {
		t.Error(text)
	}
	nobody := l.as(l.enters("erin", "broker").token)
	if text := nobody.refused(400, "vault read oauth/creds/portal/erin"); !strings.Contains(text, "vault write -force oauth/authorize/portal/erin") {
		t.Error(text)
	}
}

// Warden, a broker of other people's making, knows nothing of this engine: it is configured with a mount and a credential_name,
// reads <mount>/creds/<credential_name> with a token, and takes from the answer what the two fields below say. A name with an owner in
// it is all that it takes to serve somebody's own token.
func TestTheContractOfWarden(t *testing.T) {
	t.Parallel()
	l, people := forPeople(t, "alice")
	l.brings(people["alice"].token, "portal", alice)
	ids := map[string]string{"carol": l.brings(l.v.token, "portal/carol", bob).get("token_id"), "dave": l.brings(l.v.token, "portal/dave", alice).get("token_id")}
	l.brings(l.v.token, "portal/erin", alice)
	l.allows("warden", `path "oauth/creds/portal/carol" { capabilities = ["read"] }
		path "oauth/creds/portal/dave" { capabilities = ["read"] }`)
	token := l.run("vault token create -orphan -policy=warden -field=token")
	read := func(credentialName string) (status int, accessToken string, until time.Time) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.v.addr+"/v1/oauth/creds/"+credentialName, nil)
		l.must(err)
		req.Header.Set("X-Vault-Token", token)
		resp, err := stranger.Do(req)
		l.must(err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		l.must(err)
		var answer struct {
			LeaseDuration int `json:"lease_duration"`
			Data          struct {
				AccessToken string `json:"access_token"`
				ExpiresAt   string `json:"expires_at"`
			}
		}
		l.must(json.Unmarshal(text, &answer))
		if until, err = time.Parse(time.RFC3339, answer.Data.ExpiresAt); err != nil {
			until = time.Now().Add(time.Duration(answer.LeaseDuration) * time.Second)
		}
		if end := time.Now().Add(time.Duration(answer.LeaseDuration) * time.Second); resp.StatusCode == http.StatusOK && until.Before(end.Add(-time.Second)) {
			t.Errorf("the token ends at %s, before its lease at %s", until, end)
		}
		return resp.StatusCode, answer.Data.AccessToken, until
	}
	for _, lease := range []string{"true", "false"} {
		l.run("vault write oauth/roles/portal lease=" + lease)
		for owner, id := range ids {
			status, got, until := read("portal/" + owner)
			if status != http.StatusOK || time.Until(until) < 30*time.Minute || time.Until(until) > time.Hour {
				t.Fatalf("lease=%s: %d, until %s", lease, status, until)
			}
			l.sandbox.wantLive("pingone", got)
			if want := l.read("oauth/creds/portal/" + owner); want.get("token_id") != id || want.token() != got {
				t.Errorf("lease=%s: it is another token than that of %s", lease, owner)
			}
		}
	}
	l.run("vault write -force oauth/refresh/portal/carol")
	if _, got, _ := read("portal/carol"); got != l.read("oauth/creds/portal/carol").token() {
		t.Error("after a refresh it is another token than carol's")
	}
	for _, name := range []string{"portal", "portal/erin", "portal/" + people["alice"].entity} {
		if status, got, _ := read(name); status != http.StatusForbidden || got != "" {
			t.Errorf("%s: %d", name, status)
		}
	}
}
