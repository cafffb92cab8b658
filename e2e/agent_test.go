package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An application reads a file that Vault Agent keeps fresh. Over several lifetimes of a short-lived token
// the file never holds one that the provider would refuse.
func TestAgent(t *testing.T) {
	t.Parallel()
	const lifetime = 20 * time.Second
	lifetimes := amount(t, "AGENT_LIFETIMES", 4, 2)
	l := newLab(t, "-ttl", lifetime.String())
	for role, more := range map[string]string{"leased": "", "crowd": "lease=false"} {
		grant := l.sandbox.grant("generic")
		l.with("GRANT=" + grant).run("vault write oauth/providers/generic token_endpoint=\"$GENERIC_TOKEN_ENDPOINT\" token_endpoint_auth_method=client_secret_basic")
		l.with("GRANT=" + grant).run("vault write oauth/roles/" + role + ` provider=generic client_id="$GENERIC_CLIENT_ID" client_secret="$GENERIC_CLIENT_SECRET" refresh_token="$GRANT" ` + more)
	}
	agent := startAgent(t, l, "leased", "crowd")
	watched := map[string]*watch{"leased": {}, "crowd": {}}
	end := time.Now().Add(time.Duration(lifetimes) * lifetime)
	for time.Now().Before(end) {
		for role, w := range watched {
			w.look(t, l, agent.rendered(role))
		}
		time.Sleep(100 * time.Millisecond)
	}
	for role, w := range watched {
		t.Logf("%s: %d tokens in %d lifetimes, %d looks", role, len(w.tokens), lifetimes, w.looks)
		if len(w.tokens) < lifetimes {
			t.Errorf("%s: %d tokens in %d lifetimes: the file is not kept fresh", role, len(w.tokens), lifetimes)
		}
		// A reader who comes at 85 to 95 % of a lease must cost about one refresh a lifetime, not several.
		if len(w.tokens) > 3*lifetimes {
			t.Errorf("%s: %d tokens in %d lifetimes: far too many refreshes", role, len(w.tokens), lifetimes)
		}
	}
	if n := l.sandbox.stats("generic").Replays; n != 0 {
		t.Errorf("%d refresh tokens were replayed", n)
	}
}

// watch follows one rendered file.
type watch struct {
	tokens []string // in the order in which they appeared
	looks  int
}

// look fails the test when the file holds a token that the provider does not accept.
func (w *watch) look(t *testing.T, l *lab, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return // not rendered yet
	}
	token := strings.TrimSpace(string(text))
	if err != nil || token == "" {
		t.Fatalf("%s: %q, %v", path, token, err)
	}
	if len(w.tokens) == 0 || w.tokens[len(w.tokens)-1] != token {
		w.tokens = append(w.tokens, token)
	}
	w.looks++
	if ok, why := l.sandbox.live("generic", token); !ok {
		// The Agent may have replaced the file between our reading and our asking.
		if now, _ := os.ReadFile(path); strings.TrimSpace(string(now)) == token {
			t.Fatalf("%s holds a token that the provider refuses: %s", path, why)
		}
	}
}

// agent is vault agent with automatic login and one template per role.
type agent struct {
	*process
	dir string
}

func (a *agent) rendered(role string) string { return filepath.Join(a.dir, role) }

func startAgent(t *testing.T, l *lab, roles ...string) *agent {
	t.Helper()
	l.run(`printf 'path "oauth/creds/*" { capabilities = ["read"] }' | vault policy write reader -`)
	token := l.run("vault token create -orphan -policy=reader -field=token")
	return startAgentBy(t, l, `method "token_file" { config = { token_file_path = "DIR/vault-token" } }`, map[string]string{"vault-token": token}, roles...)
}

// startAgentBy is startAgent for one that logs in by a method, with files in a directory that the method calls DIR.
func startAgentBy(t *testing.T, l *lab, method string, files map[string]string, roles ...string) *agent {
	t.Helper()
	a := &agent{dir: t.TempDir()}
	in := func(name string) string { return filepath.Join(a.dir, name) }
	config := fmt.Sprintf("vault {\n address = %q\n}\nauto_auth {\n %s\n}\n", l.v.addr, strings.ReplaceAll(method, "DIR", a.dir))
	for _, role := range roles {
		config += fmt.Sprintf("template {\n contents = %q\n destination = %q\n error_on_missing_key = true\n}\n",
			`{{ with secret "oauth/creds/`+role+`" }}{{ .Data.access_token }}{{ end }}`, in(role))
	}
	files["agent.hcl"] = config
	for name, text := range files {
		if err := os.WriteFile(in(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := start(ownName("agent-"+t.Name())+".log", environ(), bin.vault, "agent", "-log-level=trace", "-config="+in("agent.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	a.process = p
	t.Cleanup(a.stop)
	err = a.await("the Agent renders its templates", 30*time.Second, func() error {
		for _, role := range roles {
			if _, err := os.Stat(a.rendered(role)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}
