package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Two hundred grants are handed over from a CSV, under a policy that can only create. The import is interrupted by Ctrl-C,
// then killed, then left to finish. Nothing is spent: the provider hears nothing of it until a reader comes. And when all of
// it is done again, without what the import has kept, grants that have rotated since are as they were.
func TestImportOfTwoHundredGrants(t *testing.T) {
	t.Parallel()
	const rows = 200
	l := newLab(t)
	l.run(`vault write oauth/providers/generic token_endpoint="$GENERIC_TOKEN_ENDPOINT" token_endpoint_auth_method=client_secret_basic`)
	l.writeFile("create.hcl", `path "oauth/roles/*" { capabilities = ["create", "read"] }`)
	l.run("vault policy write importer create.hcl")
	t.Cleanup(func() { l.run("vault policy delete importer") })
	l.writeFile("secret", l.sandbox.env["GENERIC_CLIENT_SECRET"]+"\n")
	var text strings.Builder
	text.WriteString("account,client_id,refresh_token,token_headers.X-Team,comment\n")
	for i := range rows {
		fmt.Fprintf(&text, "grant-%03d,%s,%s,\"red, blue\",\"said \"\"yes\"\"\"\n", i, l.sandbox.env["GENERIC_CLIENT_ID"], l.sandbox.grant("generic"))
	}
	l.writeFile("grants.csv", text.String())
	const command = `scripts/import -mapping account=name -mapping comment= -set provider=generic -set client_secret=@secret -report report.json`
	importer := l.as(l.run("vault token create -policy=importer -field=token"))
	before := l.sandbox.stats("generic")

	if said := importer.run(command + " -dry-run grants.csv"); !strings.Contains(said, "200 rows: 200 to be written") {
		t.Error(said)
	}
	importer.stopImport(command, syscall.SIGINT, 40)
	importer.stopImport(command, syscall.SIGKILL, 120)
	said := importer.run(command + " -rate 0 grants.csv")
	if !strings.Contains(said, "200 rows:") || strings.Contains(said, "skipped") || strings.Contains(said, "refused") {
		t.Error(said)
	}
	l.wantRoles(rows)
	if after := l.sandbox.stats("generic"); after != before {
		t.Errorf("the provider has heard of it: %+v, before %+v", after, before)
	}
	l.wantNoCanaries("report.json", "grants.csv.journal")

	for _, name := range []string{"grant-000", "grant-100", "grant-199"} { // each rotates
		l.sandbox.wantLive("generic", l.read("oauth/creds/"+name).token())
	}
	if err := os.Remove(filepath.Join(l.dir, "grants.csv.journal")); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, err := l.try(command + " -rate 0 grants.csv") // with a token that could overwrite them
	if err == nil || !strings.Contains(stdout, "200 rows: 200 skipped") {
		t.Errorf("%v\n%s%s", err, stdout, stderr)
	}
	for _, name := range []string{"grant-000", "grant-100", "grant-199"} {
		l.run("vault write -force oauth/refresh/" + name)
		l.sandbox.wantLive("generic", l.read("oauth/creds/"+name).token())
	}
}

// What Vault refuses of an import it says in its own words, and another engine's mount gets nothing.
func TestImportRefused(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	canaries.add("an imported grant", "zq7-imported-refresh-token")
	l.writeFile("grants.json", `{"good": {"provider": "salesforce", "client_id": "x", "client_secret": "zq7-imported-client-secret", "refresh_token": "zq7-imported-refresh-token"},
		"bad": {"provider": "nobody-has-this", "client_id": "x", "refresh_token": "zq7-imported-refresh-token-2"}, "waits": {"provider": "salesforce", "client_id": "x", "client_secret": "y"}}`)
	stdout, stderr, err := l.try("scripts/import -mount secret grants.json")
	if err == nil || !strings.Contains(stderr, "secret is no mount of this engine") {
		t.Errorf("%v\n%s%s", err, stdout, stderr)
	}
	stdout, stderr, err = l.try("scripts/import grants.json")
	for _, part := range []string{"entry 1 good: written\n", "entry 2 bad: refused: ", "provider", "entry 3 waits: written\n    ", "authorize/waits"} {
		if err == nil || !strings.Contains(stdout, part) {
			t.Errorf("not said: %s: %v\n%s%s", part, err, stdout, stderr)
		}
	}
	if n := l.sandbox.stats("salesforce").Requests; n != 0 {
		t.Errorf("the provider has heard %d requests", n)
	}
}

// stopImport starts an import and sends it a signal once its journal has so many lines.
func (s shell) stopImport(command string, signal syscall.Signal, lines int) {
	s.t.Helper()
	env := environ(append([]string{"VAULT_ADDR=" + s.v.addr, "VAULT_TOKEN=" + s.v.token}, s.env...)...)
	p, err := start(ownName("import")+".log", env, "sh", "-c", "cd "+s.dir+" && exec "+command+" -rate 100 grants.csv")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(p.stop)
	err = p.await("the import is under way", time.Minute, func() error {
		journal, _ := os.ReadFile(filepath.Join(s.dir, "grants.csv.journal"))
		if n := bytes.Count(journal, []byte("\n")); n < lines {
			return fmt.Errorf("%d lines in its journal", n)
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
	<-p.done
	text, _ := os.ReadFile(p.log)
	if p.cmd.ProcessState.Success() || signal == syscall.SIGINT && !bytes.Contains(text, []byte("interrupted: what was under way is finished")) {
		s.t.Errorf("%v: %s", p.cmd.ProcessState, text)
	}
}

// wantRoles counts the roles.
func (s shell) wantRoles(want int) {
	s.t.Helper()
	var names []string
	decode(s.t, s.run("vault list -format=json oauth/roles"), &names)
	if len(names) != want {
		s.t.Errorf("%d roles, want %d", len(names), want)
	}
}

// wantNoCanaries looks for secrets in files of the shell's directory.
func (s shell) wantNoCanaries(names ...string) {
	s.t.Helper()
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(s.dir, name))
		if hits := canaries.find(text); err != nil || len(text) == 0 || len(hits) > 0 {
			s.t.Errorf("%s: %v, %d bytes with %q", name, err, len(text), hits)
		}
	}
}

func (s shell) writeFile(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}
