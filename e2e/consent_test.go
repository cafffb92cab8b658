package e2e

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// asking are the systems at which a person agrees, with the roles as docs/consent.md has them written: without a grant.
var asking = []struct {
	role, provider, fields string
	account                string // who has agreed, as far as the system says
	posts                  bool   // the answer comes as a form
}{
	{role: "crm", provider: "salesforce", fields: `provider=salesforce client_id="$SALESFORCE_CLIENT_ID" client_secret="$SALESFORCE_CLIENT_SECRET" scope=api`,
		account: "https://login.salesforce.com/id/00D5g000004SandboxEAA/0055g00000aliceAAA"},
	{role: "contracts", provider: "pandadoc", fields: `provider=pandadoc scope="$PANDADOC_SCOPE" client_id="$PANDADOC_CLIENT_ID" client_secret="$PANDADOC_CLIENT_SECRET"`},
	{role: "portal", provider: "pingone", fields: consentRole, account: alice, posts: true},
}

const consentRole = pingoneRole + ` client_id="$PINGONE_CLIENT_ID" client_secret="$PINGONE_CLIENT_SECRET" scope="openid email"`

// From a role without a grant to a lease by the vault command and a browser: through the callback, a GET or a form's POST,
// and by pasting; then what the life of a grant has, and a new consent in the place of the first.
func TestConsentInThreeSystems(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.opens()
	audit := l.v.followAudit(t)
	for _, s := range asking {
		t.Run(s.provider, func(t *testing.T) {
			sh := l.forTest(t)
			_, warning, err := sh.try("vault write oauth/roles/" + s.role + " " + s.fields)
			if err != nil || !strings.Contains(strings.Join(strings.Fields(warning), " "), "vault write -force oauth/authorize/"+s.role) {
				t.Errorf("%v, the warning is %q", err, warning)
			}
			sh.read("oauth/status/"+s.role).want(t, map[string]string{"state": "unauthorized"})
			if text := sh.refused(400, "vault read oauth/creds/"+s.role); !strings.Contains(text, "vault write -force oauth/authorize/"+s.role) {
				t.Error(text)
			}
			l.agreedAtCallback(sh, s.role, s.account)
			l.wantGrant(sh, s.role, s.provider)
			for _, e := range audit.requests("callback/" + s.provider) {
				if got := e.Request.Operation == "update"; got != s.posts {
					t.Errorf("the answer came by %s", e.Request.Operation)
				}
			}

			// Anew, in place, by an address that nobody listens at.
			begun := sh.write("oauth/authorize/" + s.role + " redirect_uri=http://127.0.0.1:8400/")
			if begun.get("current_account") != s.account || len(begun.Warnings) == 0 {
				t.Errorf("authorize says %q, %q", begun.get("current_account"), begun.Warnings)
			}
			done := parseSecret(t, sh.with("ADDRESS="+begun.get("authorization_url")).run(`sandbox browse -user bob@example.test
				-stop-at http://127.0.0.1:8400/ "$ADDRESS" | vault write -format=json oauth/confirm/`+s.role+` redirected_to=-`))
			if done.get("previous_account") != s.account || (len(done.Warnings) > 0) != (s.account != "") {
				t.Errorf("confirm says %v, %q", done.Data, done.Warnings)
			}
			l.wantGrant(sh, s.role, s.provider)

			// A grant that has ended.
			l.ends(sh, s.role, s.provider)
			if text := sh.read("oauth/status/" + s.role).get("next_step"); !strings.Contains(text, "vault write -force oauth/authorize/"+s.role) {
				t.Errorf("next_step is %q", text)
			}
			l.agreedAtCallback(sh, s.role, s.account)
			l.wantGrant(sh, s.role, s.provider)
		})
	}
	for _, s := range asking {
		if got := l.sandbox.stats(s.provider); got.Replays != 0 || s.provider != "pandadoc" && got.Refusals != 0 {
			t.Errorf("%s saw %+v, want no replay and nothing to refuse", s.provider, got)
		}
	}
}

// agreedAtCallback is a consent of alice's that comes back to the mount.
func (l *lab) agreedAtCallback(sh shell, role, account string) {
	sh.t.Helper()
	begun := sh.write("oauth/authorize/" + role)
	code := shownCode.FindString(sh.with("ADDRESS=" + begun.get("authorization_url")).run(`sandbox browse "$ADDRESS"`))
	if want := "vault write oauth/confirm/" + role + " confirmation_code=..."; code == "" || begun.get("finish") != want {
		sh.t.Fatalf("the code is %q, to finish it says %q", code, begun.get("finish"))
	}
	want := map[string]string{"state": "granted"}
	sh.read("oauth/authorize/"+role).want(sh.t, want)
	done := sh.with("CODE=" + strings.ToLower(strings.ReplaceAll(code, "-", " "))).write("oauth/confirm/" + role + ` confirmation_code="$CODE"`)
	done.want(sh.t, map[string]string{"account": account, "generation": "1"})
}

// ends ends a role's grant, at the provider where the role can't.
func (l *lab) ends(sh shell, role, provider string) {
	sh.t.Helper()
	if provider != "pandadoc" {
		sh.run("vault write -force oauth/revoke/" + role)
		return
	}
	l.sandbox.control(provider, map[string]any{"revoke": "grants"})
	sh.refused(400, "vault write -force oauth/refresh/"+role)
}

// wantGrant asserts a grant that yields tokens, and again after a refresh.
func (l *lab) wantGrant(sh shell, role, provider string) {
	sh.t.Helper()
	first := sh.read("oauth/creds/" + role)
	first.want(sh.t, map[string]string{"generation": "1"})
	l.sandbox.wantLive(provider, first.token())
	sh.run("vault write -force oauth/refresh/" + role)
	next := sh.read("oauth/creds/" + role)
	next.want(sh.t, map[string]string{"generation": "2"})
	l.sandbox.wantLive(provider, next.token())
	sh.read("oauth/status/"+role).want(sh.t, map[string]string{"state": "ok"})
	if left := openStore(sh.t, l.v, "oauth").entries("consent/"); len(left) != 0 {
		sh.t.Errorf("%d consents are left in storage", len(left))
	}
}

// scripts/authorize, with the code typed: it prints the address, asks, confirms and reads the first token, which it does not show.
func TestAuthorizeScript(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.opens()
	for _, s := range asking {
		l.run("vault write oauth/roles/" + s.role + " " + s.fields)
	}
	t.Run("the code is typed", func(t *testing.T) {
		for _, s := range asking {
			out := l.forTest(t).typed(s.role, func(address string) string { return l.codeFrom(alice, address) })
			if got := table(out); got["account"] != s.account || !strings.Contains(out, "oauth/creds/"+s.role+" has its first token, good until 20") || strings.Contains(out, "access_token") {
				t.Errorf("it shows\n%s", out)
			}
			l.wantGrant(l.shell, s.role, s.provider)
		}
	})
	t.Run("it listens", func(t *testing.T) {
		for _, s := range asking {
			sh := l.forTest(t).with("PORT=" + freePort(t))
			if out := sh.run(`scripts/authorize -listen "$PORT" -mount oauth ` + s.role + ` </dev/null`); !strings.Contains(out, "has its first token") {
				t.Errorf("it shows\n%s", out)
			}
			l.wantGrant(l.shell, s.role, s.provider)
		}
	})
	t.Run("others come to where it listens", func(t *testing.T) {
		// A browser that opens connections ahead of need and says nothing, and somebody with an answer to another state.
		port := freePort(t)
		browser := filepath.Join(t.TempDir(), "browser")
		idle := `exec 7<>/dev/tcp/127.0.0.1/` + port + `; printf 'GET /?code=x&state=y HTTP/1.1\r\n\r\n' >/dev/tcp/127.0.0.1/` + port
		if err := os.WriteFile(browser, []byte("#!/bin/bash\n"+idle+"\nexec sandbox browse \"$1\"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		s := asking[0]
		sh := l.forTest(t).with("PORT="+port, "BROWSER="+browser)
		if out := sh.run(`scripts/authorize -listen "$PORT" ` + s.role + ` </dev/null`); !strings.Contains(out, "has its first token") {
			t.Errorf("it shows\n%s", out)
		}
	})
	t.Run("it fails", func(t *testing.T) {
		sh := l.forTest(t).with("PORT=" + freePort(t))
		for _, line := range []string{
			"scripts/authorize", "scripts/authorize -scop x portal", "scripts/authorize portal contracts", "scripts/authorize nobody </dev/null",
			`BROWSER="sandbox browse -deny" scripts/authorize -listen "$PORT" portal`, // access_denied is in the address
		} {
			if out, said, err := sh.try(line); err == nil || out+said == "" {
				t.Errorf("$ %s\nsucceeds: %s%s", line, out, said)
			}
		}
	})
}

// typed runs scripts/authorize, agrees at the address that it prints, and types what comes of that.
func (s shell) typed(role string, agree func(address string) (code string)) (output string) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), "scripts/authorize", role)
	cmd.Dir = s.dir
	cmd.Env = environ(append(append([]string{"VAULT_ADDR=" + s.v.addr, "VAULT_TOKEN=" + s.v.token}, s.env...), "BROWSER=true")...)
	types, err := cmd.StdinPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	prints, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	lines := bufio.NewScanner(prints)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "https://") {
		s.t.Fatalf("it prints %q, and %s", lines.Text(), said.String())
	}
	fmt.Fprintln(types, agree(lines.Text()))
	var rest strings.Builder
	for lines.Scan() {
		fmt.Fprintln(&rest, lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		s.t.Fatalf("scripts/authorize: %v\n%s%s", err, rest.String(), said.String())
	}
	return rest.String()
}

// freePort is one of this machine's that nobody listens at.
func freePort(t *testing.T) string {
	t.Helper()
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer door.Close()
	_, port, _ := net.SplitHostPort(door.Addr().String())
	return port
}
