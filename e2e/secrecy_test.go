package e2e

import (
	"testing"
)

// Faults of every kind are where secrets slip into messages. This scenario provokes them; the search over all
// logs follows when the run is over, see TestMain.
func TestSecrecyUnderFaults(t *testing.T) {
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
		sh := l.with("GRANT=" + l.sandbox.grant("generic"))
		sh.run("vault write oauth/roles/" + name + ` provider=generic client_id="$GENERIC_CLIENT_ID"
			client_secret="$GENERIC_CLIENT_SECRET" refresh_token="$GRANT"`)
		l.sandbox.control("generic", fault)
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
