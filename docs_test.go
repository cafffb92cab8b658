package oauthrefresh

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/provider"
)

var updateDocs = flag.Bool("update", false, "rewrite the generated table of README.md")

// The table of paths stands between these.
const tableBegins, tableEnds = "<!-- paths:begin -->\n", "<!-- paths:end -->\n"

// TestDocs holds what the documents say against the code: a name in them must exist, a command must
// be one that the engine takes.
func TestDocs(t *testing.T) {
	readme := readDoc(t, "README.md")
	t.Run("table of paths", func(t *testing.T) { checkTable(t, readme) })
	t.Run("built-in providers", func(t *testing.T) { checkBuiltins(t, readme) })
	t.Run("states", func(t *testing.T) { checkStates(t, readme) })
	t.Run("version", func(t *testing.T) { checkVersion(t, readme) })
	t.Run("lines on safety", func(t *testing.T) { checkSafety(t, readme) })
	for _, name := range append(documents(t), "scripts/demo.sh") {
		t.Run(name, func(t *testing.T) {
			text := readDoc(t, name)
			checkCommands(t, text)
			if strings.HasSuffix(name, ".md") {
				checkNames(t, name, text)
			}
		})
	}
}

func documents(t *testing.T) []string {
	deeper, err := filepath.Glob("docs/*.md")
	if err != nil || len(deeper) == 0 {
		t.Fatal("no documents in docs/", err)
	}
	return append(deeper, "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
}

func readDoc(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// checkTable compares the table of paths with the code, and rewrites it when asked to.
func checkTable(t *testing.T, readme string) {
	before, rest, ok := strings.Cut(readme, tableBegins)
	table, after, ends := strings.Cut(rest, tableEnds)
	if !ok || !ends {
		t.Fatal("README.md lacks the comments around the table of paths")
	}
	want := pathTable()
	if table == want {
		return
	}
	if !*updateDocs {
		t.Fatalf("the table of paths is out of date: run go test . -run TestDocs -update\n%s", want)
	}
	if err := os.WriteFile("README.md", []byte(before+tableBegins+want+tableEnds+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// shownOperations are those that the table shows, in this order.
var shownOperations = []logical.Operation{
	logical.ListOperation, logical.ReadOperation, logical.CreateOperation, logical.UpdateOperation,
	logical.PatchOperation, logical.DeleteOperation,
}

func pathTable() string {
	var out strings.Builder
	out.WriteString("| path | operations | what | fields |\n|---|---|---|---|\n")
	for _, path := range newBackend().Paths {
		var offered, fields []string
		for _, o := range shownOperations {
			if path.Operations[o] != nil {
				offered = append(offered, string(o))
			}
		}
		for _, field := range slices.Sorted(maps.Keys(path.Fields)) {
			if field != "name" {
				fields = append(fields, "`"+field+"`")
			}
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", shown(path), strings.Join(offered, ", "), path.HelpSynopsis, strings.Join(fields, ", "))
	}
	return out.String()
}

// shown is a path as people write it.
func shown(path *framework.Path) string {
	return strings.NewReplacer("/?$", "", "(?P<name>.+)", "<name>").Replace(path.Pattern)
}

var docQuoted = regexp.MustCompile("`([^`\n]+)`")

// docColumn returns the first name in backquotes of each row of a section's table, and every name of
// the row in which the given text stands.
func docColumn(t *testing.T, text, heading, row string) (first, named []string) {
	t.Helper()
	_, section, ok := strings.Cut(text, "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("there is no section %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	for line := range strings.Lines(section) {
		names := docQuoted.FindAllStringSubmatch(line, -1)
		if !strings.HasPrefix(line, "|") || len(names) == 0 {
			continue
		}
		first = append(first, names[0][1])
		if row != "" && strings.Contains(line, row) {
			for _, name := range names {
				named = append(named, name[1])
			}
		}
	}
	return first, named
}

func checkBuiltins(t *testing.T, readme string) {
	if _, got := docColumn(t, readme, "What it does, and what it does not", "out of the box"); !slices.Equal(got, provider.Builtins()) {
		t.Errorf("README.md says %q are built in, they are %q", got, provider.Builtins())
	}
}

func checkStates(t *testing.T, readme string) {
	want := []string{grant.StateNew, grant.StateOK, grant.StateFailing, grant.StateUnknown, grant.StateUnpersisted, grant.StateBlocked, grant.StateDead}
	if got, _ := docColumn(t, readme, "When a read fails", ""); !slices.Equal(got, want) {
		t.Errorf("README.md explains the states %q, there are %q", got, want)
	}
}

func checkVersion(t *testing.T, readme string) {
	version := strings.TrimPrefix(Version, "v")
	if _, newest, _ := strings.Cut(readDoc(t, "CHANGELOG.md"), "\n## "); !strings.HasPrefix(newest, version+" ") {
		t.Errorf("the newest entry of CHANGELOG.md is not that of %s", version)
	}
	if !strings.Contains(readme, "-version="+Version+" ") {
		t.Errorf("README.md installs another version than %s", Version)
	}
}

// checkSafety keeps the promise as short as it is: eight lines, none broken.
func checkSafety(t *testing.T, readme string) {
	_, section, _ := strings.Cut(readme, "\n## How a refresh stays safe\n\n")
	section, _, _ = strings.Cut(section, "\n\n")
	lines := strings.Split(section, "\n")
	for i, line := range lines {
		if !strings.HasPrefix(line, fmt.Sprintf("%d. ", i+1)) || len(line) > 120 {
			t.Errorf("not one line: %s", line)
		}
	}
	if len(lines) != 8 {
		t.Errorf("%d lines, want 8", len(lines))
	}
}
