package e2e

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// scrape asks a server for the metrics of oauth/ as Prometheus does.
func (v *vault) scrape(t *testing.T, token string) (status int, contentType, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, v.addr+"/v1/oauth/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.1")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	transcribe("GET /v1/oauth/metrics", string(raw), "")
	return resp.StatusCode, resp.Header.Get("Content-Type"), string(raw)
}

// metricsLine is a line of Prometheus' text format.
var metricsLine = regexp.MustCompile(`^(# (HELP|TYPE) oauthrefresh_\w+ .+|oauthrefresh_\w+(\{(\w+="[^"\\]*",?)+\})? [0-9.e+-]+)$`)

// The token that Prometheus has, with the policy of examples/prometheus, reads the metrics and nothing else. Names of grants
// stand in what it gets, and in no log of Vault's.
func TestMetricsOverHTTP(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	audit := l.v.followAudit(t)
	const role = "told-of-by-name"
	l.with("GRANT=" + l.sandbox.grant("pandadoc")).run(`vault write oauth/roles/` + role + ` provider=pandadoc scope="$PANDADOC_SCOPE" client_id="$PANDADOC_CLIENT_ID"
		client_secret="$PANDADOC_CLIENT_SECRET" refresh_token="$GRANT" grant_expires_at="` + l.run(`date -u +%Y-%m-%d -d "+3 days"`) + `"`)
	l.read("oauth/creds/" + role)
	l.run("vault policy write oauth-metrics examples/prometheus/policy.hcl")
	t.Cleanup(func() { l.run("vault policy delete oauth-metrics") })
	token := l.run("vault token create -orphan -no-default-policy -policy=oauth-metrics -field=token")

	status, contentType, text := l.v.scrape(t, token)
	if status != 200 || !strings.HasPrefix(contentType, "text/plain; version=0.0.4") {
		t.Fatalf("%d %s\n%s", status, contentType, text)
	}
	for line := range strings.Lines(text) {
		if !metricsLine.MatchString(strings.TrimSuffix(line, "\n")) {
			t.Errorf("not a line of metrics: %s", line)
		}
	}
	for _, want := range []string{
		"oauthrefresh_leases_total 1\n", `oauthrefresh_refreshes_total{outcome="success",provider="pandadoc"} 1` + "\n",
		`oauthrefresh_grant_dies_in_seconds{cause="grant_expires_at",grant="` + role + `",provider="pandadoc"} `, "oauthrefresh_survey_complete 1\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("not in the scrape: %s\n%s", want, text)
		}
	}
	prometheus := l.as(token)
	prometheus.refused(403, "vault read oauth/creds/"+role)
	prometheus.refused(403, "vault read oauth/status")
	prometheus.run("vault token renew")
	if status, _, _ := l.v.scrape(t, l.run("vault token create -policy=default -field=token")); status != 403 {
		t.Errorf("without the policy: %d", status)
	}
	for line := range strings.Lines(audit.read()) {
		if strings.Contains(line, `"path":"oauth/metrics"`) && strings.Contains(line, role) {
			t.Errorf("the audit log names a grant: %s", line)
		}
	}
	if n := len(audit.requests("metrics")); n != 2 {
		t.Errorf("%d scrapes in the audit log", n)
	}

	l.run(`vault write sys/quotas/rate-limit/metrics path="oauth/metrics" rate=1 interval=1m`)
	t.Cleanup(func() { l.run("vault delete sys/quotas/rate-limit/metrics") })
	l.v.scrape(t, token)
	if status, _, _ := l.v.scrape(t, token); status != 429 {
		t.Errorf("more scrapes than the quota allows: %d", status)
	}
	l.read("oauth/creds/" + role)
}

// The picture in docs/operate.md is of what make demo prints: five roles, and one of them about to die.
func TestThePictureOfTheStatusIsTrue(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for name, fields := range map[string]string{
		"payments": `provider=isabel-connect client_id="$ISABEL_CLIENT_ID" client_secret="$ISABEL_CLIENT_SECRET" refresh_token="$ISABEL_REFRESH_TOKEN"
			pfx="$(base64 -w0 "$ISABEL_PFX")" pfx_password="$ISABEL_PFX_PASSWORD"`,
		"crm": `provider=salesforce provider_params=domain="$SALESFORCE_DOMAIN" client_id="$SALESFORCE_CLIENT_ID" client_secret="$SALESFORCE_CLIENT_SECRET"
			refresh_token="$SALESFORCE_REFRESH_TOKEN"`,
		"contracts": `provider=pandadoc scope="$PANDADOC_SCOPE" client_id="$PANDADOC_CLIENT_ID" client_secret="$PANDADOC_CLIENT_SECRET"
			refresh_token="$PANDADOC_REFRESH_TOKEN" client_secret_expires_at="` + l.run(`date -u +%Y-%m-%d -d "+5 days"`) + `"`,
		"hosting": `provider=keliweb client_id="$KELIWEB_CLIENT_ID" client_secret="$KELIWEB_CLIENT_SECRET" refresh_token="$KELIWEB_REFRESH_TOKEN"`,
		"login": pingoneRole + ` client_id="$PINGONE_CLIENT_ID" client_secret="$PINGONE_CLIENT_SECRET" scope="openid email"
			refresh_token="$PINGONE_REFRESH_TOKEN"`,
	} {
		l.run("vault write oauth/roles/" + name + " " + fields)
		l.read("oauth/creds/" + name)
	}
	const picture = "docs/images/status.txt"
	_, shown, _ := strings.Cut(readDocument(t, picture), "\n")
	wantAlike(t, picture, shown, l.run("vault read oauth/status"))
}
