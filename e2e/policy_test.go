package e2e

import (
	"regexp"
	"strings"
	"testing"
)

// A workload may read its credentials and nothing else; an operator finds out what is installed.
func TestPolicyAndCatalog(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for _, role := range []string{"x", "y"} {
		sh := l.with("GRANT=" + l.sandbox.grant("salesforce"))
		sh.run("vault write oauth/roles/" + role + ` provider=salesforce client_id="$SALESFORCE_CLIENT_ID"
			client_secret="$SALESFORCE_CLIENT_SECRET" refresh_token="$GRANT"`)
	}
	l.run(`printf 'path "oauth/creds/x" { capabilities = ["read", "update"] }' | vault policy write app -`)
	app := l.as(l.run("vault token create -policy=app -field=token"))

	first := app.read("oauth/creds/x")
	l.sandbox.wantLive("salesforce", first.token())
	if put := app.write("oauth/creds/x min_ttl=60"); put.token() != first.token() {
		t.Error("PUT with a parameter brings another token than GET")
	}
	for _, line := range []string{
		"vault read oauth/creds/y",
		"vault read oauth/roles/x",
		"vault list oauth/roles",
		"vault write oauth/roles/x client_id=other",
		"vault write -force oauth/refresh/x",
		"vault write -force oauth/revoke/x",
		"vault read oauth/status/x",
		"vault read oauth/status",
		"vault read oauth/metrics",
		"vault list oauth/status/x",
		"vault delete oauth/status/x",
		"vault read oauth/creds/x/somebody",
		"vault read oauth/identity/x",
		"vault read oauth/explain/x",
		"vault read oauth/rehearse/x",
		"vault read oauth/config",
		"vault write -force oauth/authorize/x",
		"vault read oauth/authorize/x",
		"vault delete oauth/authorize/x",
		"vault write oauth/confirm/x confirmation_code=BBBB-BBBB",
		"vault write -force oauth/confirm/x",
		"vault write -force oauth/device/x",
	} {
		if text := app.refused(403, line); !strings.Contains(text, "permission denied") {
			t.Errorf("$ %s\n%s", line, text)
		}
	}
	if n := l.sandbox.stats("salesforce").Requests; n != 1 {
		t.Errorf("%d requests to the provider, want the one of the first read", n)
	}

	version := regexp.MustCompile(pluginName + `\s+v\d+\.\d+\.\d+\S*`)
	if list := l.run("vault plugin list secret"); !version.MatchString(list) {
		t.Errorf("vault plugin list shows no version:\n%s", grep(list, pluginName))
	}
	mounts := l.run("vault secrets list -detailed")
	if line := grep(mounts, "oauth/"); !regexp.MustCompile(`v\d+\.\d+\.\d+`).MatchString(line) {
		t.Errorf("vault secrets list shows no running version:\n%s", line)
	}
}

// grep returns the lines that contain a string.
func grep(text, part string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			out.WriteString(line)
		}
	}
	return out.String()
}
