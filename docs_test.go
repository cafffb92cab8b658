package oauthrefresh_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	oauthrefresh "vault-plugin-secrets-oauthrefresh"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/provider"
)

var updateDocs = flag.Bool("update", false, "rewrite docs/paths.md")

// readmeLines is how long a README may be that a stranger reads to the end.
const readmeLines = 260

// TestDocs holds what the documents say against the code: a name in them must exist, a command must
// be one that the engine takes.
func TestDocs(t *testing.T) {
	readme := readDoc(t, "README.md")
	t.Run("reference of paths", checkReference)
	t.Run("built-in providers", func(t *testing.T) { checkBuiltins(t, readme) })
	t.Run("states", func(t *testing.T) { checkStates(t, readDoc(t, "docs/operations.md")) })
	t.Run("events", func(t *testing.T) { checkEvents(t, readDoc(t, "docs/operations.md")) })
	t.Run("version", func(t *testing.T) { checkVersion(t, readDoc(t, "docs/install.md")) })
	t.Run("lines on safety", func(t *testing.T) { checkSafety(t, readme) })
	t.Run("the way in", func(t *testing.T) { checkWayIn(t, readme) })
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
	return append(deeperDocuments(t), "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
}

func deeperDocuments(t *testing.T) []string {
	deeper, err := filepath.Glob("docs/*.md")
	if err != nil || len(deeper) == 0 {
		t.Fatal("no documents in docs/", err)
	}
	return deeper
}

func readDoc(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
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

func checkStates(t *testing.T, operations string) {
	want := []string{grant.StateUnauthorized, grant.StateNew, grant.StateOK, grant.StateFailing, grant.StateUnknown, grant.StateUnpersisted, grant.StateBlocked, grant.StateOrphaned, grant.StateDead}
	if got, _ := docColumn(t, operations, "When a read fails", ""); !slices.Equal(got, want) {
		t.Errorf("docs/operations.md explains the states %q, there are %q", got, want)
	}
}

// checkEvents compares the table of events with what is told: the types, the words of the log and the keys.
func checkEvents(t *testing.T, operations string) {
	const heading = "What is told"
	var want []string
	for _, kind := range grant.Kinds() {
		want = append(want, kind.Type())
		row := "| `" + kind.Type() + "` | " + kind.Words() + " |"
		if _, named := docColumn(t, operations, heading, row); !slices.Equal(named, append([]string{kind.Type()}, kind.Keys()...)) {
			t.Errorf("docs/operations.md says of %s %q, it has the words %q and the keys %q", kind.Type(), named, kind.Words(), kind.Keys())
		}
	}
	if got, _ := docColumn(t, operations, heading, ""); !slices.Equal(got, want) {
		t.Errorf("docs/operations.md explains the events %q, there are %q", got, want)
	}
}

var docVersion = regexp.MustCompile(`v\d+\.\d+\.\d+`)

func checkVersion(t *testing.T, install string) {
	version := strings.TrimPrefix(oauthrefresh.Version, "v")
	if _, newest, _ := strings.Cut(readDoc(t, "CHANGELOG.md"), "\n## "); !strings.HasPrefix(newest, version+" ") {
		t.Errorf("the newest entry of CHANGELOG.md is not that of %s", version)
	}
	for _, match := range docVersion.FindAllString(install, -1) {
		if match != oauthrefresh.Version {
			t.Errorf("docs/install.md installs %s, not %s", match, oauthrefresh.Version)
		}
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

// checkWayIn keeps the README short, and every document found from it and opened by a word on whom it is for.
func checkWayIn(t *testing.T, readme string) {
	if n := strings.Count(readme, "\n"); n > readmeLines {
		t.Errorf("README.md has %d lines, at most %d are read to the end", n, readmeLines)
	}
	_, rest, _ := strings.Cut(readme, "\n## Where the rest is\n")
	for _, name := range documents(t) {
		if name != "README.md" && !strings.Contains(rest, "]("+name+")") {
			t.Errorf("README.md does not say where %s is", name)
		}
	}
	for _, name := range deeperDocuments(t) {
		if _, text, _ := strings.Cut(readDoc(t, name), "\n\n"); !strings.HasPrefix(text, "For whoever ") {
			t.Errorf("%s does not begin with whom it is for", name)
		}
	}
}
