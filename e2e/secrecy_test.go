package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Faults of every kind are where secrets slip into messages. This scenario provokes them; the search over all
// logs follows when the run is over, see TestMain.
func TestSecrecyUnderFaults(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	body := `{"error":"server_error","error_description":"zq7-provider-body-canary"}`
	canaries.add("provider's body", "zq7-provider-body-canary")
	l.sandbox.control("generic", map[string]any{"expires_in": 20})
	l.run(`vault write oauth/providers/generic token_endpoint="$GENERIC_TOKEN_ENDPOINT"
		token_endpoint_auth_method=client_secret_basic`)
	for name, fault := range map[string]map[string]any{
		"500":         {"fail": 1, "status": 500, "body": body},
		"400":         {"fail": 1, "status": 400, "body": body},
		"429":         {"fail": 1, "status": 429, "body": body, "retry_after": 1},
		"html":        {"fail": 1, "status": 200, "body": "<html>zq7-provider-body-canary", "content_type": "text/html"},
		"no-token":    {"fail": 1, "status": 200, "body": `{"refresh_token":"zq7-salvaged-refresh-token","x":"zq7-provider-body-canary"}`},
		"lost-answer": {"drop": 1},
		"refused":     {"fail": 1, "status": 400, "body": `{"error":"invalid_grant","error_description":"zq7-provider-body-canary"}`},
	} {
		canaries.add("salvaged token", "zq7-salvaged-refresh-token")
		grant := l.sandbox.grant("generic")
		sh := l.with("GRANT=" + grant)
		sh.run("vault write oauth/roles/" + name + ` provider=generic client_id="$GENERIC_CLIENT_ID"
			client_secret="$GENERIC_CLIENT_SECRET" refresh_token="$GRANT"`)
		l.sandbox.controlGrant("generic", grant, fault) // the others' background work comes meanwhile
		if _, _, err := sh.try("vault read oauth/creds/" + name); err == nil {
			t.Errorf("%s: the read succeeded", name)
		}
		sh.run("vault read oauth/roles/" + name)
		sh.run("vault read oauth/status/" + name)
		_, _, _ = sh.try("vault write -force oauth/revoke/" + name)
	}
	l.run("vault write oauth/roles/isabel " + systems[0].role)
	l.run("vault read oauth/creds/isabel")
	l.run("vault write -force oauth/refresh/isabel")
	l.run("vault write -force oauth/revoke/isabel")
	for _, path := range []string{"roles/isabel", "status/isabel", "status", "config", "providers/generic"} {
		l.run("vault read oauth/" + path)
	}
	// Without this the search at the end would be for what operators typed, not for what rotated.
	if n := openStore(t, l.v, "oauth").plantCanaries(); n < 10 {
		t.Errorf("only %d secrets found in storage: does plant know its shape?", n)
	}
}

// The same for clients that sign and for what is to come: requests that get lost, are refused or answered with
// noise, and clients whose keys, certificates and secrets are all refused, the old ones and the next.
func TestSecrecyOfSignersAndSuccessors(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	server := startOAuthServer(t, time.Minute)
	server.signing(publicKey(t, "p256.pem"), "the-key", "ES256")
	server.weather = new(weather)
	next, nextKey := selfSigned(t, "p256")
	canaries.add("next client secret", "zq7-next-client-secret-of-forty-bytes-zq7")
	sh := l.with("URL="+server.URL, "AUTHORITY="+server.authority(), "ID="+oauthClient, "OLD="+fixture(t, "p256.key"),
		"NEXT="+next, "NEXT_KEY="+nextKey, "SECRET=zq7-next-client-secret-of-forty-bytes-zq7")
	sh.run(`vault write oauth/providers/library token_endpoint="$URL/token" token_endpoint_auth_method=private_key_jwt`)
	sh.run(aliasedProvider)
	signs := ` provider=library grant_type=client_credentials client_id="$ID" assertion_key_id=the-key ca_certificate=@"$AUTHORITY"
		assertion_private_key=@"$OLD" next_assertion_private_key=@"$NEXT_KEY" next_assertion_key_id=the-key`
	for i := range skies {
		sh.run(fmt.Sprintf("vault write oauth/roles/sky-%d", i) + signs)
		_, _, _ = sh.try(fmt.Sprintf("vault read oauth/creds/sky-%d", i))
		sh.run(fmt.Sprintf("vault read oauth/status/sky-%d", i))
	}
	server.weather.clear()
	server.signing(publicKey(t, "p384.pem"), "the-key", "ES256")
	sh.run("vault write oauth/roles/key" + signs)
	sh.run(`vault write oauth/roles/certificate provider=certified client_id=generic-self-signed refresh_token="$GENERIC_SELF_SIGNED_REFRESH_TOKEN"
		token_endpoint_auth_method=self_signed_tls_client_auth client_certificate=@"$NEXT" client_private_key=@"$NEXT_KEY"
		next_client_certificate=@"$ISABEL_CERT" next_client_private_key=@"$ISABEL_KEY" next_client_private_key_password="$ISABEL_KEY_PASSWORD"`)
	sh.run(`vault write oauth/roles/secret provider=library token_endpoint_auth_method=client_secret_jwt grant_type=client_credentials
		client_id="$ID" client_secret="$GENERIC_SECRET_JWT_CLIENT_SECRET" next_client_secret="$SECRET" ca_certificate=@"$AUTHORITY"`)
	for role, says := range map[string]string{"key": "invalid_client", "certificate": "refused", "secret": "invalid_client"} {
		if text := sh.refused(400, "vault read oauth/creds/"+role); !strings.Contains(text, says) {
			t.Errorf("%s: %s", role, text)
		}
		sh.run("vault read oauth/roles/" + role)
		sh.run("vault read oauth/status/" + role)
	}
	if got := server.tally(); got.UsedIDs != 0 || got.Requests < len(skies)/2 {
		t.Errorf("the library has seen %+v", got)
	}
	if n := openStore(t, l.v, "oauth").plantCanaries(); n < 2*len(skies) {
		t.Errorf("only %d secrets found in storage: does plant know its shape?", n)
	}
}
