package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// followed are the documents whose commands are typed, in the order in which somebody with a fresh clone can type them.
var followed = []string{
	"README.md", "docs/systems.md", "docs/consent.md", "docs/people.md", "docs/providers.md", "docs/rollover.md", "docs/consumers.md", "docs/terraform.md",
	"docs/operations.md", "docs/moving.md", "docs/operate.md",
}

// definitions is the section of docs/providers.md that TestDefinitionsToCopy follows: its servers are others'.
const definitions = "\n## Definitions to copy\n"

// TestReadme follows README.md and the documents that it leads to, to the letter: every command is run as it stands
// there, and answers as it says there.
func TestReadme(t *testing.T) {
	t.Parallel()
	wantAllFollowed(t)
	l := newLab(t)
	t.Cleanup(func() {
		l.run("vault auth disable approle")
		l.run("vault auth disable userpass")
		for _, policy := range []string{"agreements", "caller", "oauth-metrics", "payments", "people"} {
			l.run("vault policy delete " + policy)
		}
	})
	l.sandbox.control("pingone", map[string]any{ // the sandbox knows 127.0.0.1, where make dev has its Vault
		"client_id": l.sandbox.env["PINGONE_CLIENT_ID"], "redirect_uri": l.v.addr + "/v1/oauth/callback/pingone",
	})
	for _, name := range followed {
		text, _, _ := strings.Cut(readDocument(t, name), definitions)
		l.followDocument(name, text)
	}
	for role, provider := range map[string]string{
		"payments": "isabel-connect", "crm": "salesforce", "agreements": "pandadoc", "login": "pingone", "hosting": "keliweb",
		"example": "generic", "batch": "generic", "signed": "generic", "service": "generic", "certified": "generic",
	} {
		l.sandbox.wantLive(provider, l.read("oauth/creds/"+role).token())
	}
	l.sandbox.control("generic", map[string]any{
		"client_id": l.sandbox.env["GENERIC_CLIENT_ID"], "client_secret": l.sandbox.env["GENERIC_NEXT_CLIENT_SECRET"],
	})
	l.run("vault write -force oauth/refresh/example")
	l.sandbox.wantLive("generic", l.read("oauth/creds/example").token())
	both := l.as(l.run("vault token create -policy=payments -policy=caller -field=token"))
	both.refused(403, "vault read oauth/identity/payments") // a deny of the same path wins
	rendered, err := os.ReadFile(filepath.Join(l.dir, "payments.env"))
	if err != nil || !strings.Contains(string(rendered), "ACCESS_TOKEN="+l.read("oauth/creds/payments").token()+"\n") {
		t.Errorf("the Agent's file does not hold the token: %v", err)
	}
}

// TestInstall follows docs/install.md, on a Vault of its own whose plugin directory is not that of the document.
func TestInstall(t *testing.T) {
	t.Parallel()
	l := &lab{shell: shell{t: t, v: idle.take(t), dir: ".."}}
	for _, variable := range os.Environ() { // make build finds what is compiled already
		if strings.HasPrefix(variable, "GO") || strings.HasPrefix(variable, "HOME=") || strings.HasPrefix(variable, "XDG_") {
			l.env = append(l.env, variable)
		}
	}
	t.Cleanup(func() {
		l.run("vault secrets disable oauth && vault delete sys/plugins/pins/secret/" + pluginName)
		l.run("vault plugin deregister -version=" + regexp.MustCompile(`v[0-9.]+`).FindString(versionLine(t)) + " secret " + pluginName)
	})
	const directory = "/etc/vault.d/plugins"
	text := readDocument(t, installDocument)
	if !strings.Contains(text, directory) {
		t.Fatalf("%s has another plugin directory now", installDocument)
	}
	l.followDocument(installDocument, strings.ReplaceAll(text, directory, bin.plugins))
	if got := l.run("vault read -field=allowed_hosts oauth/config"); !strings.Contains(got, "*.salesforce.com") {
		t.Errorf("allowed_hosts is %s", got)
	}
}

const installDocument = "docs/install.md"

// wantAllFollowed looks for commands in documents that no test follows.
func wantAllFollowed(t *testing.T) {
	t.Helper()
	names, err := filepath.Glob("../docs/*.md")
	if err != nil || len(names) == 0 {
		t.Fatal("no documents in docs/", err)
	}
	for _, name := range append(names, "../README.md", "../CONTRIBUTING.md", "../SECURITY.md", "../CHANGELOG.md") {
		name = strings.TrimPrefix(name, "../")
		if name == installDocument || slices.Contains(followed, name) {
			continue
		}
		for _, b := range blocks(readDocument(t, name)) {
			if b.language == "sh" {
				t.Errorf("%s has commands that no test runs:\n%s", name, b.text)
			}
		}
	}
}

func readDocument(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// followDocument writes a document's files, runs its commands and compares what they answer.
func (l *lab) followDocument(name, text string) {
	l.t.Helper()
	output := ""
	for _, b := range blocks(text) {
		switch {
		case b.file != "":
			if err := os.WriteFile(filepath.Join(l.dir, b.file), []byte(b.text), 0o600); err != nil {
				l.t.Fatal(err)
			}
		case b.language == "sh":
			output = l.follow(name, b.text)
		default:
			wantAlike(l.t, name, b.text, output)
		}
	}
}

// Every definition that docs/providers.md offers to be copied is one that Vault takes, with values of the right
// kind.
func TestDefinitionsToCopy(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	canaries.add("password of the fixtures", identitiesPassword)
	for _, name := range []string{"ENTRA_TENANT", "ENTRA_CLIENT_ID", "GOOGLE_CLIENT_EMAIL", "GOOGLE_KEY_ID", "DOCUSIGN_INTEGRATION_KEY",
		"DOCUSIGN_USER_ID", "SALESFORCE_USERNAME", "REVOLUT_CLIENT_ID", "REVOLUT_REDIRECT_DOMAIN", "REVOLUT_REFRESH_TOKEN"} {
		l.env = append(l.env, name+"=value-of-"+name)
	}
	for _, name := range []string{"GOOGLE_KEY", "DOCUSIGN_KEY", "SALESFORCE_KEY", "REVOLUT_KEY"} {
		l.env = append(l.env, name+"="+fixture(t, "rsa.key"))
	}
	l.env = append(l.env, "ENTRA_PFX="+fixture(t, "modern.pfx"), "ENTRA_PFX_PASSWORD="+identitiesPassword)
	_, text, _ := strings.Cut(readDocument(t, "docs/providers.md"), definitions)
	l.followDocument("docs/providers.md", text)
	var roles []string
	decode(t, l.run("vault list -format=json oauth/roles"), &roles)
	if n := len(blocks(text)); n != 5 || len(roles) != 5 {
		t.Errorf("%d definitions, %q", n, roles)
	}
}

// block is a fenced block of a document.
type block struct {
	language, text string
	file           string // named in the line before, when the block is a file's content
}

var (
	fenced   = regexp.MustCompile("(?ms)(?:`([a-z-]+(?:\\.[a-z]+)+)`[^\n]*:\n\n)?^```(\\w+)\n(.*?)^```$")
	followUp = regexp.MustCompile(`\\\n\s*`)
)

func blocks(text string) (out []block) {
	for _, match := range fenced.FindAllStringSubmatch(text, -1) {
		out = append(out, block{file: match[1], language: match[2], text: match[3]})
	}
	return out
}

// follow runs the commands of a block and returns what the last one printed. The Agent is the one that does
// not come back by itself. What a line assigns to a variable, the lines after it have.
func (l *lab) follow(document, commands string) (output string) {
	l.t.Helper()
	for line := range strings.Lines(followUp.ReplaceAllString(commands, "")) {
		if strings.HasPrefix(line, "vault agent ") {
			l.startReadmeAgent(line)
			continue
		}
		variable := ""
		if match := assignment.FindStringSubmatch(line); match != nil {
			variable = match[1]
			line = strings.TrimSuffix(line, "\n") + `; printf %s "$` + variable + `"`
		}
		stdout, stderr, err := l.try(line)
		if err != nil && !strings.Contains(stderr, "Code: 403.") { // the policy's denial
			l.t.Fatalf("%s:\n$ %s\n%s%s", document, strings.TrimSpace(line), stdout, stderr)
		}
		if variable != "" {
			l.env = append(l.env, variable+"="+stdout)
		}
		output = stdout + stderr
	}
	return output
}

var (
	// assignment is a line that only sets a variable.
	assignment  = regexp.MustCompile(`^([A-Z0-9_]+)="\$\(.*\)"\n?$`)
	agentConfig = regexp.MustCompile(`-config=(\S+)`)
	destination = regexp.MustCompile(`destination\s*= "(.+)"`)
)

// startReadmeAgent starts an Agent and waits for all the files that its configuration names.
func (l *lab) startReadmeAgent(line string) {
	l.t.Helper()
	name := agentConfig.FindStringSubmatch(line)[1]
	config, err := os.ReadFile(filepath.Join(l.dir, name))
	if err != nil {
		l.t.Fatal(err)
	}
	env := environ("VAULT_ADDR="+l.v.addr, "VAULT_LOG_LEVEL=trace")
	p, err := start(ownName("agent-readme-"+name)+".log", env, "sh", "-c", "cd "+l.dir+" && exec "+line)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(p.stop)
	for _, file := range destination.FindAllSubmatch(config, -1) {
		if err := p.await("the Agent renders its template", 30*time.Second, func() error {
			_, err := os.Stat(filepath.Join(l.dir, string(file[1])))
			return err
		}); err != nil {
			l.t.Fatal(err)
		}
	}
}

// fresh are the fields of an answer that are others each time.
var fresh = regexp.MustCompile(`^(lease_id|access_token|authorization_url|client_certificate_fingerprint|id_token|token_id|expires_at|issued_at|signature|server_clock_ahead)$`)

// passing are the times in an answer's sentences. What is left of a token may be a whole minute.
var passing = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:]+Z|\b(\d+h)?\d+m\d+s\b|\banother \d[0-9hms]*`)

// alike compares sentences but for the times in them.
func alike(a, b string) bool {
	return a == b || strings.Contains(b, " ") && passing.ReplaceAllString(a, "") == passing.ReplaceAllString(b, "")
}

// wantAlike compares an answer with the one in the document: a table field by field, an error by its lines.
func wantAlike(t *testing.T, document, documented, answer string) {
	t.Helper()
	if !strings.HasPrefix(documented, "Key ") {
		for line := range strings.Lines(documented) {
			if !strings.Contains(answer, strings.TrimSpace(line)) {
				t.Errorf("%s: not in the answer: %s\n%s", document, line, answer)
			}
		}
		return
	}
	want, got := table(documented), table(answer)
	for field, value := range want {
		if _, ok := got[field]; !ok || !fresh.MatchString(field) && !alike(got[field], value) && !nearly(got[field], value) {
			t.Errorf("%s says %s %s, the answer is %q", document, field, value, got[field])
		}
	}
	for field := range got {
		if _, ok := want[field]; !ok {
			t.Errorf("%s does not show %s", document, field)
		}
	}
}

// table reads what the vault CLI prints of a secret.
func table(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		field, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if field != "" {
			out[field] = strings.TrimSpace(value)
		}
	}
	return out
}

// nearly tells whether two texts are durations that differ by what a slow machine makes of them.
func nearly(a, b string) bool {
	x, errX := time.ParseDuration(a)
	y, errY := time.ParseDuration(b)
	return errX == nil && errY == nil && (x-y).Abs() < 20*time.Second
}
