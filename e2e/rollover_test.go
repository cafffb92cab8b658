package e2e

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// rollover is the change of one kind of credentials, as the provider and the operator make it.
type rollover struct {
	name        string // of the credentials, as status calls them
	client      string // at the sandbox
	role, next  string // fields
	first, then map[string]any
	env         []string
}

// What a client proves itself with is replaced while it is in use. The next ones wait in the role and are not
// tried while the old ones work; when the provider knows only them, one refresh finds out, and they take the place
// of the old ones. A certificate is refused by TLS already. Nobody's read fails, and no refresh token is lost.
func TestRollover(t *testing.T) {
	t.Parallel()
	l := newLab(t, "-client-ca", fixture(t, "chain.pem"))
	canaries.add("password of the fixtures", identitiesPassword)
	l.run(aliasedProvider)
	l.run(`vault write oauth/providers/plain token_endpoint="$GENERIC_TOKEN_ENDPOINT" token_endpoint_auth_method=client_secret_basic`)
	one, oneKey := selfSigned(t, "p256")
	two, twoKey := selfSigned(t, "ed25519")
	three, threeKey := selfSigned(t, "p256")
	dir := "KEYS=" + filepath.Dir(fixture(t, "README"))
	for _, r := range []rollover{
		{
			"client_secret", "generic client", `provider=plain client_secret="$FIRST"`, `next_client_secret="$NEXT"`,
			map[string]any{"client_secret": "the-first-client-secret"}, map[string]any{"client_secret": "the-next-client-secret"},
			[]string{"FIRST=the-first-client-secret", "NEXT=the-next-client-secret"},
		},
		{
			"client_certificate", "generic-mtls",
			`provider=certified pfx="$(base64 -w0 "$KEYS/modern.pfx")" pfx_password="$PASSWORD"`, `next_pfx="$(base64 -w0 "$KEYS/p256.pfx")" next_pfx_password="$PASSWORD"`,
			map[string]any{"client_certificate": fixture(t, "rsa.pem")}, map[string]any{"client_certificate": fixture(t, "p256.pem")},
			[]string{dir, "PASSWORD=" + identitiesPassword},
		},
		{
			"client_certificate", "generic-self-signed",
			`provider=certified token_endpoint_auth_method=self_signed_tls_client_auth client_certificate=@"$CERT" client_private_key=@"$KEY"`,
			`next_client_certificate=@"$NEXT_CERT" next_client_private_key=@"$NEXT_KEY"`,
			map[string]any{"client_certificate": one}, map[string]any{"client_certificate": two},
			[]string{"CERT=" + one, "KEY=" + oneKey, "NEXT_CERT=" + two, "NEXT_KEY=" + twoKey},
		},
		{
			"assertion_private_key", "generic-jwt",
			`provider=plain token_endpoint_auth_method=private_key_jwt assertion_key_id="$GENERIC_KEY_ID" assertion_private_key=@"$KEYS/p256.key"`,
			`next_assertion_private_key=@"$NEXT_KEY" next_assertion_key_id="$GENERIC_KEY_ID"`,
			map[string]any{"public_key": fixture(t, "p256.pem")}, map[string]any{"public_key": three},
			[]string{dir, "NEXT_KEY=" + threeKey},
		},
	} {
		t.Run(r.client, func(t *testing.T) { r.scenario(t, l) })
	}
}

func (r rollover) scenario(t *testing.T, l *lab) {
	role := strings.ReplaceAll(r.client, " ", "-")
	sh := l.forTest(t).with(r.env...).with("CLIENT="+r.client, "GRANT="+l.sandbox.grantTo("generic", r.client))
	l.sandbox.register(r.client, r.first)
	sh.run("vault write oauth/roles/" + role + ` client_id="$CLIENT" refresh_token="$GRANT" ` + r.role)
	sh.run("vault write oauth/roles/" + role + " " + r.next)
	sh.run("vault write -force oauth/refresh/" + role)
	sh.read("oauth/status/"+role).want(t, map[string]string{r.name + "_in_use": r.name})
	sh.read("oauth/roles/"+role).want(t, map[string]string{"next_" + r.name + "_set": "true"})

	began := l.sandbox.last()
	l.sandbox.register(r.client, r.then)
	for range 3 {
		sh.run("vault write -force oauth/refresh/" + role)
	}
	l.sandbox.wantLive("generic", sh.read("oauth/creds/"+role).token())
	status := sh.read("oauth/status/" + role)
	status.want(t, map[string]string{"state": "ok", "generation": "4", r.name + "_in_use": r.name})
	status.wantFields(t, r.name+"_in_use_since")
	if sh.read("oauth/roles/"+role).get("next_"+r.name+"_set") == "true" {
		t.Error("what has taken over is still to come")
	}
	attempts, answered := 0, 0
	for _, a := range l.sandbox.next(began, 0) {
		if a.ClientID != r.client && a.ClientID != "" { // nobody's: one that TLS has refused
			continue
		}
		if attempts++; a.Status == http.StatusOK {
			answered++
		}
		if a.Replay {
			t.Error("a spent refresh token was presented")
		}
	}
	if attempts != 4 || answered != 3 {
		t.Errorf("%d attempts, %d with an answer: want one that is refused and three that are not", attempts, answered)
	}
}
