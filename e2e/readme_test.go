package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestReadme follows README.md to the letter: every command from the five systems on is run as it stands
// there, and answers as it says there.
func TestReadme(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	t.Cleanup(func() {
		l.run("vault policy delete payments && vault policy delete caller && vault auth disable approle")
	})
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, followed, ok := strings.Cut(string(text), "\n## The five systems\n")
	followed, _, ends := strings.Cut(followed, "\n## Paths\n")
	if !ok || !ends {
		t.Fatal("README.md has other sections now")
	}
	output := ""
	for _, b := range blocks(followed) {
		switch {
		case b.file != "":
			if err := os.WriteFile(filepath.Join(l.dir, b.file), []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
		case b.language == "sh":
			output = l.follow(b.text)
		default:
			wantAlike(t, b.text, output)
		}
	}
	for role, provider := range map[string]string{
		"payments": "isabel-connect", "crm": "salesforce", "contracts": "pandadoc", "login": "pingone", "hosting": "keliweb",
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
	text, err := os.ReadFile("../docs/providers.md")
	if err != nil {
		t.Fatal(err)
	}
	followed := blocks(string(text))
	for _, b := range followed {
		l.follow(b.text)
	}
	var roles []string
	decode(t, l.run("vault list -format=json oauth/roles"), &roles)
	if len(followed) != 5 || len(roles) != 5 {
		t.Errorf("%d definitions, %q", len(followed), roles)
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
// not come back by itself.
func (l *lab) follow(commands string) (output string) {
	l.t.Helper()
	for line := range strings.Lines(followUp.ReplaceAllString(commands, "")) {
		if strings.HasPrefix(line, "vault agent ") {
			l.startReadmeAgent(line)
			continue
		}
		stdout, stderr, err := l.try(line)
		if err != nil && !strings.Contains(stderr, "Code: 403.") { // the policy's denial
			l.t.Fatalf("$ %s%s%s", line, stdout, stderr)
		}
		output = stdout + stderr
	}
	return output
}

var (
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
var fresh = regexp.MustCompile(`^(lease_id|access_token|client_certificate_fingerprint|id_token|token_id|expires_at|issued_at|signature|server_clock_ahead)$`)

// passing are the times in an answer's sentences.
var passing = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:]+Z|\b(\d+h)?\d+m\d+s\b`)

// alike compares sentences but for the times in them.
func alike(a, b string) bool {
	return a == b || strings.Contains(b, " ") && passing.ReplaceAllString(a, "") == passing.ReplaceAllString(b, "")
}

// wantAlike compares an answer with the one in the document: a table field by field, an error by its lines.
func wantAlike(t *testing.T, documented, answer string) {
	t.Helper()
	if !strings.HasPrefix(documented, "Key ") {
		for line := range strings.Lines(documented) {
			if !strings.Contains(answer, strings.TrimSpace(line)) {
				t.Errorf("not in the answer: %s\n%s", line, answer)
			}
		}
		return
	}
	want, got := table(documented), table(answer)
	for field, value := range want {
		if _, ok := got[field]; !ok || !fresh.MatchString(field) && !alike(got[field], value) && !nearly(got[field], value) {
			t.Errorf("README.md says %s %s, the answer is %q", field, value, got[field])
		}
	}
	for field := range got {
		if _, ok := want[field]; !ok {
			t.Errorf("README.md does not show %s", field)
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
