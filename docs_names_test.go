package oauthrefresh_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/hashicorp/vault/sdk/logical"

	oauthrefresh "vault-plugin-secrets-oauthrefresh"
	"vault-plugin-secrets-oauthrefresh/provider"
)

// cliVerbs are the operations behind the commands of the vault CLI.
var cliVerbs = map[string][]logical.Operation{
	"read": {logical.ReadOperation}, "list": {logical.ListOperation}, "delete": {logical.DeleteOperation},
	"write": {logical.CreateOperation, logical.UpdateOperation}, "patch": {logical.PatchOperation},
	"path-help": nil,
}

// docFence matches a block of commands or of anything else, fenced or indented.
var (
	docFence     = regexp.MustCompile("(?ms)^```\\w*\n(.*?)^```$")
	docIndent    = regexp.MustCompile(`(?m)^    (\S.*)$`)
	docContinued = regexp.MustCompile(`\\\n\s*`)
	docCommand   = regexp.MustCompile(`\bvault ([a-z-]+) ([^\n|]*)`)
)

// checkCommands routes every vault command of a document or script: the path must exist and offer
// the operation, fields and providers must be known.
func checkCommands(t *testing.T, text string) {
	text = docContinued.ReplaceAllString(text, "")
	b := oauthrefresh.NewBackend()
	providers := provider.Builtins()
	for _, match := range docCommand.FindAllStringSubmatch(text, -1) {
		offered, known := cliVerbs[match[1]]
		args := shellWords(match[2])
		at := slices.IndexFunc(args, func(arg string) bool { return !strings.HasPrefix(arg, "-") })
		if !known || at < 0 || !strings.HasPrefix(args[at], "oauth/") {
			continue
		}
		name := strings.Trim(args[at][len("oauth/"):], `'"`) // demo.sh quotes whole commands
		route := name
		if match[1] == "list" { // which asks for what stands below it
			route += "/"
		}
		path := b.Route(route)
		if path == nil {
			t.Errorf("there is no path %s: vault %s", name, match[1])
			continue
		}
		if offered != nil && !slices.ContainsFunc(offered, func(o logical.Operation) bool { return path.Operations[o] != nil }) {
			t.Errorf("%s does not offer %s", name, match[1])
		}
		if own, ok := strings.CutPrefix(name, "providers/"); ok && match[1] == "write" {
			providers = append(providers, own)
		}
		for _, arg := range args[at+1:] {
			field, value, ok := strings.Cut(arg, "=")
			if !ok || strings.HasPrefix(field, "-") {
				continue
			}
			if path.Fields[field] == nil {
				t.Errorf("%s has no field %s", name, field)
			}
			if field == "provider" && !strings.Contains(value, "$") && !slices.Contains(providers, value) {
				t.Errorf("there is no provider %s", value)
			}
		}
	}
}

// shellWords splits a command as a shell does, as far as that matters here: what is quoted or in $( )
// stays in its word. The command ends with a backquote, or with what redirects its output.
func shellWords(line string) (out []string) {
	line, _, _ = strings.Cut(line, "`")
	var word strings.Builder
	var quote rune
	depth := 0
	flush := func() {
		if word.Len() > 0 {
			out = append(out, word.String())
		}
		word.Reset()
	}
	for _, c := range line {
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case depth == 0 && (c == quote || quote == 0 && (c == '"' || c == '\'')):
			quote ^= c // opens when there is none, closes when it is this one
		case depth == 0 && quote == 0 && c == '>':
			flush()
			return out
		case depth == 0 && quote == 0 && unicode.IsSpace(c):
			flush()
			continue
		}
		word.WriteRune(c)
	}
	flush()
	return out
}

var (
	docLink   = regexp.MustCompile(`(?m)(?:\]\(|^\[[^]]+\]: )([^)#\s]*)(?:#([^)\s]+))?`)
	docTarget = regexp.MustCompile("(?m)(?:^|[`\\s])make ([a-z]+)")
	// docFile is a name that can only be one of this tree: by its ending, or a directory by its slash.
	docFile     = regexp.MustCompile(`^[A-Za-z0-9_.<>/-]+(\.(go|md|sh|json|mod)|/)$`)
	docRule     = regexp.MustCompile(`(?m)^([a-z]+):`)
	docExamples = []string{"oauth/", "roles/", "creds/", "providers/", "role/", "token/", "provider/", "config/", "callback/", "start/"}
)

// checkNames finds every file, link and make target that a document names.
func checkNames(t *testing.T, document, text string) {
	prose := docFence.ReplaceAllString(text, "")
	for _, match := range docLink.FindAllStringSubmatch(prose, -1) {
		checkLink(t, document, match[1], match[2])
	}
	for _, match := range docQuoted.FindAllStringSubmatch(prose, -1) {
		if name := match[1]; docFile.MatchString(name) && !slices.Contains(docExamples, name) {
			wantInTree(t, name)
		}
	}
	checkCited(t, prose)
	var rules []string
	for _, match := range docRule.FindAllStringSubmatch(readDoc(t, "Makefile"), -1) {
		rules = append(rules, match[1])
	}
	var commands strings.Builder // "make sure" is English, so only commands are looked at
	for _, pattern := range []*regexp.Regexp{docFence, docIndent, docQuoted} {
		for _, match := range pattern.FindAllStringSubmatch(text, -1) {
			fmt.Fprintln(&commands, match[1])
		}
	}
	for _, match := range docTarget.FindAllStringSubmatch(commands.String(), -1) {
		if !slices.Contains(rules, match[1]) {
			t.Errorf("there is no target: make %s", match[1])
		}
	}
}

// checkLink follows a link within the tree, to its section too: name is empty where that is of the same document.
func checkLink(t *testing.T, document, name, section string) {
	t.Helper()
	if strings.Contains(name, "://") {
		return
	}
	to := document
	if name != "" {
		to = filepath.Join(filepath.Dir(document), name)
		wantInTree(t, to)
	}
	if section == "" || !strings.HasSuffix(to, ".md") {
		return
	}
	if text, err := os.ReadFile(to); err == nil && !slices.Contains(sections(string(text)), section) {
		t.Errorf("%s has no section #%s", to, section)
	}
}

var docHeading = regexp.MustCompile(`(?m)^#{1,6} (.*)$`)

// sections are the names under which a document's sections are linked, made of their headings as GitHub does it.
func sections(text string) (out []string) {
	seen := map[string]int{}
	for _, match := range docHeading.FindAllStringSubmatch(docFence.ReplaceAllString(text, ""), -1) {
		name := strings.Map(func(c rune) rune {
			switch {
			case c == ' ':
				return '-'
			case c == '-', c == '_', unicode.IsLetter(c), unicode.IsNumber(c):
				return unicode.ToLower(c)
			}
			return -1
		}, match[1])
		seen[name]++
		if n := seen[name]; n > 1 {
			name = fmt.Sprintf("%s-%d", name, n-1)
		}
		out = append(out, name)
	}
	return out
}

func wantInTree(t *testing.T, name string) {
	t.Helper()
	if _, err := os.Stat(name); err != nil {
		t.Errorf("there is no %s", name)
	}
}
