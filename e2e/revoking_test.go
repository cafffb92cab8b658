package e2e

import (
	"strings"
	"testing"
	"time"
)

// Readers whose own Vault token ends at once, as docs/consumers.md has it: a shared token is good for whoever has it, one
// of the lease's own ends with the lease, and a wrapped answer says by expires_at what it is worth when it is unwrapped.
func TestReadersWhoseTokenEndsAtOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.run(`vault write oauth/providers/library token_endpoint="$GENERIC_TOKEN_ENDPOINT" revocation_endpoint="$GENERIC_REVOCATION_ENDPOINT"`)
	const client = ` client_id="$GENERIC_CLIENT_ID" client_secret="$GENERIC_CLIENT_SECRET" grant_type=client_credentials scope=api`
	l.run(`vault write oauth/roles/shared provider=library` + client)
	l.run(`vault write oauth/roles/own provider=library token_mode=per_lease` + client)
	l.run(`echo 'path "oauth/creds/*" { capabilities = ["read"] }' | vault policy write brief -`)
	t.Cleanup(func() { l.run("vault policy delete brief") })

	once := func(role, create string) (token string, sh shell) {
		t.Helper()
		sh = l.as(l.run(`vault token create -policy=brief -ttl=5m -field=token ` + create))
		return sh.read("oauth/creds/" + role).token(), sh
	}
	ended := func(token string) bool {
		for range 50 { // the revocation goes its own way
			if live, _ := l.sandbox.live("generic", token); !live {
				return true
			}
			time.Sleep(100 * time.Millisecond)
		}
		return false
	}
	own, sh := once("own", "")
	l.sandbox.wantLive("generic", own)
	sh.run("vault token revoke -self")
	if !ended(own) {
		t.Error("a token of the lease's own outlives its reader's")
	}
	shared, sh := once("shared", "")
	sh.run("vault token revoke -self")
	l.sandbox.wantLive("generic", shared)
	if again := l.read("oauth/creds/shared"); again.token() != shared {
		t.Error("another reader gets another shared token")
	}
	batch, sh := once("own", "-type=batch")
	if text := sh.refused(400, "vault token revoke -self"); !strings.Contains(text, "batch tokens cannot be revoked") {
		t.Error(text)
	}
	l.sandbox.wantLive("generic", batch)

	wrapping := l.run("vault read -wrap-ttl=5m -field=wrapping_token oauth/creds/shared")
	time.Sleep(2 * time.Second)
	unwrapped := parseSecret(t, l.run("vault unwrap -format=json "+wrapping))
	end, err := time.Parse(time.RFC3339, unwrapped.get("expires_at"))
	if err != nil || unwrapped.token() != shared {
		t.Fatalf("%v, %v", unwrapped.Data, err)
	}
	if late := l.read("oauth/creds/shared"); unwrapped.LeaseDuration <= late.LeaseDuration || late.get("expires_at") != unwrapped.get("expires_at") {
		t.Errorf("wrapped: %ds until %s; now: %ds until %s", unwrapped.LeaseDuration, end, late.LeaseDuration, late.get("expires_at"))
	}

	_, warning, err := l.try("vault delete oauth/providers/library")
	if err != nil || !strings.Contains(strings.Join(strings.Fields(warning), " "), "roles of this provider: 2 (own, shared)") {
		t.Errorf("the delete of a provider in use says %q, %v", warning, err)
	}
}
