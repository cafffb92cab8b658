package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
)

// newCaller is a Vault token whose policy grants reading the paths.
func (l *lab) newCaller(policy string, paths ...string) string {
	l.t.Helper()
	var rules strings.Builder
	for _, path := range paths {
		fmt.Fprintf(&rules, `path "oauth/%s" { capabilities = ["read"] } `, path)
	}
	l.with("RULES=" + rules.String()).run(`printf '%s' "$RULES" | vault policy write ` + policy + ` -`)
	l.t.Cleanup(func() { l.run("vault policy delete " + policy) })
	return l.run("vault token create -policy=" + policy + " -ttl=10m -field=token")
}

// fetch reads past the transcript, which must hold no key, and makes canaries of what it gets.
func (l *lab) fetch(token, path string) *api.Secret {
	l.t.Helper()
	client := l.v.client()
	client.SetToken(token)
	secret, err := client.Logical().ReadWithContext(l.t.Context(), path)
	if err != nil || secret == nil {
		l.t.Fatalf("%s: %v", path, err)
	}
	for _, field := range []string{"private_key", "pfx", "pfx_password"} {
		if text, ok := secret.Data[field].(string); ok {
			canaries.addKey(path+" "+field, text)
		}
	}
	return secret
}

// A workload that may read tokens gets no key, and one that may read both makes the whole call. An operator can't
// let a certificate be read by policy alone.
func TestIdentity(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.run("vault write oauth/roles/payments " + systems[0].role)
	reader := l.newCaller("identity-reader", "creds/payments")
	caller := l.newCaller("identity-caller", "creds/payments", "identity/payments")
	if text := l.as(caller).refused(400, "vault read oauth/identity/payments"); !strings.Contains(text, "identity_readable=true on roles/payments") {
		t.Error(text)
	}
	l.run("vault write oauth/roles/payments identity_readable=true")
	if text := l.as(reader).refused(403, "vault read oauth/identity/payments"); !strings.Contains(text, "permission denied") {
		t.Error(text)
	}
	l.as(reader).read("oauth/creds/payments").want(t, map[string]string{
		"client_certificate_required":    "true",
		"client_certificate_fingerprint": l.read("oauth/roles/payments").get("client_certificate_fingerprint"),
	})

	identity := l.fetch(caller, "oauth/identity/payments")
	if identity.Renewable || identity.LeaseDuration < 3590 || identity.LeaseDuration > 3600 {
		t.Errorf("the lease is %ds, renewable %v", identity.LeaseDuration, identity.Renewable)
	}
	token := l.fetch(caller, "oauth/creds/payments").Data["access_token"].(string)
	pair, err := tls.X509KeyPair([]byte(identity.Data["certificate_chain"].(string)), []byte(identity.Data["private_key"].(string)))
	if err != nil {
		t.Fatal(err)
	}
	if status, err := l.callIsabel(token, pair); status != http.StatusOK {
		t.Errorf("the whole call: %d, %v", status, err)
	}
	if status, err := l.callIsabel("stolen", pair); status != http.StatusUnauthorized {
		t.Errorf("without a token: %d, %v", status, err)
	}
	if status, err := l.callIsabel(token); err == nil {
		t.Errorf("without the certificate: %d", status)
	}

	l.run("vault lease revoke -sync " + identity.LeaseID)
	if status, err := l.callIsabel(token, pair); status != http.StatusOK {
		t.Errorf("after the lease: %d, %v", status, err)
	}
	l.fetch(caller, "oauth/identity/payments") // a lease that is there when the mount is disabled
	l.run("vault delete oauth/roles/payments")
	l.as(caller).refused(400, "vault read oauth/identity/payments")
}

// callIsabel asks the sandbox's API for the accounts.
func (l *lab) callIsabel(token string, certificates ...tls.Certificate) (status int, err error) {
	l.t.Helper()
	authority, err := os.ReadFile(l.sandbox.env["SANDBOX_CA"])
	if err != nil {
		l.t.Fatal(err)
	}
	proxy, err := url.Parse(l.sandbox.env["SANDBOX_PROXY"])
	if err != nil {
		l.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	req, err := http.NewRequestWithContext(l.t.Context(), http.MethodGet, "https://api.ibanity.com/isabel-connect/accounts", nil)
	if err != nil {
		l.t.Fatal(err)
	}
	req.Header.Set("Accept", "application/vnd.api+json")
	req.Header.Set("Authorization", "Bearer "+token)
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: certificates}}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// The one template that docs/systems.md gives for clients that take no PEM, rendered by an Agent.
func TestIdentityAsPFX(t *testing.T) {
	t.Parallel()
	template := regexp.MustCompile("`(\\{\\{ with secret .*writeToFile.*)`").FindStringSubmatch(readDocument(t, "docs/systems.md"))
	if template == nil {
		t.Fatal("docs/systems.md has no such template")
	}
	l := newLab(t)
	l.run("vault write oauth/roles/payments identity_readable=true " + systems[0].role)
	dir := t.TempDir()
	config := fmt.Sprintf("auto_auth {\n method \"token_file\" {\n  config = { token_file_path = \"token\" }\n }\n}\n"+
		"template {\n contents = %q\n destination = \"password\"\n}\n", template[1])
	for name, text := range map[string]string{"token": l.newCaller("identity-pfx", "identity/payments"), "agent.hcl": config} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := environ("VAULT_ADDR="+l.v.addr, "VAULT_LOG_LEVEL=trace")
	p, err := start(ownName("agent-pfx")+".log", env, "sh", "-c", "cd "+dir+" && exec vault agent -config=agent.hcl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	if err := p.await("the Agent renders the PFX", 30*time.Second, func() error {
		_, err := os.Stat(filepath.Join(dir, "password"))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	password, err := os.ReadFile(filepath.Join(dir, "password"))
	if err != nil {
		t.Fatal(err)
	}
	canaries.add("password of the PFX", string(password))
	sh := l.with("DIR="+dir, "TOKEN="+l.read("oauth/creds/payments").token())
	if got := sh.run(`curl --silent --show-error --output /dev/null --write-out '%{http_code}'
		--proxy "$SANDBOX_PROXY" --cacert "$SANDBOX_CA" --cert-type P12 --cert "$DIR/payments.pfx:$(cat "$DIR/password")"
		--header "Authorization: Bearer $TOKEN" --header "Accept: application/vnd.api+json"
		https://api.ibanity.com/isabel-connect/accounts`); got != "200" {
		t.Errorf("the call with the PFX is answered with %s", got)
	}
}
