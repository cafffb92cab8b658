// Package prometheustool holds examples/prometheus to Prometheus itself: promtool, which scripts/prometheus.sh finds or
// builds, checks the configuration and runs the rules and their tests, and its parser reads every expression.
package prometheustool

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const examples = "../../examples/prometheus"

// promtool finds the program with the script that make uses too, so that both run the same.
var promtool = sync.OnceValues(func() (string, error) {
	cmd := exec.Command("../../scripts/prometheus.sh")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
})

// run runs promtool in a directory and returns all that it says, with an error where it is not content.
func run(t *testing.T, dir, stdin string, args ...string) (string, error) {
	t.Helper()
	program, err := promtool()
	if err != nil {
		t.Fatal("nothing to test with, see scripts/prometheus.sh:", err)
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// must is run for what must be right.
func must(t *testing.T, dir, stdin string, args ...string) string {
	t.Helper()
	out, err := run(t, dir, stdin, args...)
	if err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// installed is a directory with the examples and the two files that an operator puts beside them.
func installed(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"prometheus.yml", "rules.yml", "rules_test.yml"} {
		copyTo(t, dir, name, read(t, name))
	}
	copyTo(t, dir, "vault-token", "hvs.x")
	copyTo(t, dir, "vault-ca.pem", "")
	return dir
}

func copyTo(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(examples, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestThePrometheusExamplesAreTaken(t *testing.T) {
	dir := installed(t)
	must(t, dir, "", "check", "config", "--lint=all", "--lint-fatal", "prometheus.yml")
	must(t, dir, "", "check", "rules", "--lint=all", "--lint-fatal", "rules.yml")
	must(t, dir, "", "test", "rules", "rules_test.yml")
	must(t, dir, read(t, "testdata/scrape.txt"), "check", "metrics")
	if err := os.Remove(filepath.Join(dir, "vault-token")); err != nil {
		t.Fatal(err)
	}
	if out, err := run(t, dir, "", "check", "config", "prometheus.yml"); err == nil || !strings.Contains(out, "vault-token") {
		t.Errorf("without the token: %v\n%s", err, out)
	}
}

// The mount is written once, as a label; the path of the scrape follows it.
func TestThePathOfTheScrapeFollowsTheMount(t *testing.T) {
	dir := installed(t)
	text := read(t, "prometheus.yml")
	copyTo(t, dir, "prometheus.yml", strings.Replace(text, "mount: oauth ", "mount: team/oauth ", 1))
	out := must(t, dir, "", "check", "service-discovery", "prometheus.yml", "oauthrefresh")
	var targets []struct {
		Labels map[string]string `json:"labels"`
	}
	if at := strings.Index(out, "["); at < 0 || json.Unmarshal([]byte(out[at:]), &targets) != nil || len(targets) != 1 {
		t.Fatal(out)
	}
	for name, want := range map[string]string{
		"__metrics_path__": "/v1/team/oauth/metrics", "__scheme__": "https", "job": "oauthrefresh", "mount": "team/oauth", "instance": "vault.example.com:8200",
	} {
		if got := targets[0].Labels[name]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// Every alert says what to do, and leads to a section of docs/operate.md of its own.
func TestEveryAlertSaysWhatToDo(t *testing.T) {
	document, err := os.ReadFile("../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	var described []string
	for line := range bytes.Lines(document) {
		if name, ok := bytes.CutPrefix(line, []byte("### ")); ok {
			described = append(described, strings.TrimSpace(string(name)))
		}
	}
	var alerts []string
	for _, r := range rules(t) {
		alerts = append(alerts, r.Alert)
		if !strings.HasSuffix(r.Annotations["runbook_url"], "/docs/operate.md#"+strings.ToLower(r.Alert)) {
			t.Errorf("%s leads to %s", r.Alert, r.Annotations["runbook_url"])
		}
		if !strings.Contains(r.Annotations["description"], "`vault read ") || r.Annotations["summary"] == "" || r.Labels["severity"] == "" {
			t.Errorf("%s: %s", r.Alert, r.Annotations)
		}
	}
	if !slices.Equal(alerts, described) {
		t.Errorf("docs/operate.md describes %q, rules.yml has %q", described, alerts)
	}
}
