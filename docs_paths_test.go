package oauthrefresh_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	oauthrefresh "vault-plugin-secrets-oauthrefresh"

	"vault-plugin-secrets-oauthrefresh/mount"
)

// referenceFile is made of the code: every path with its operations and its fields, one to a line.
const referenceFile = "docs/paths.md"

const referenceBegins = `# Paths

For whoever wants to know what a path does and what a field means. This page is made of the code, and says what
` + "`vault path-help oauth/roles/x`" + ` and its like tell: ` + "`go test . -run TestDocs -update`" + ` rewrites it.

A write keeps the fields that it does not name and replaces those that it names, maps as a whole; a field that the path
does not have is refused. A duration is written as ` + "`90s` or `24h`" + ` or in seconds, a map as ` + "`field=name=value`" + `, once
for each name, a list with commas. A default that is not named is an empty one. Of a role's fields one column says what a
read shows: *yes* is answered under the same name, *no* is not, or in another form, and *never* is a secret.

`

// checkReference compares the reference with the code, and rewrites it when asked to.
func checkReference(t *testing.T) {
	want := reference(t)
	if *updateDocs {
		if err := os.WriteFile(referenceFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if readDoc(t, referenceFile) != want {
		t.Fatalf("%s is out of date: run go test . -run TestDocs -update", referenceFile)
	}
}

func reference(t *testing.T) string {
	role := readRole(t)
	var menu, out strings.Builder
	for _, path := range oauthrefresh.NewBackend().Paths {
		name := shown(path)
		fmt.Fprintf(&menu, "- [`%s`](#%s): %s\n", name, sections("# " + name)[0], quoteNames(path.HelpSynopsis))
		fmt.Fprintf(&out, "\n## `%s`\n\n%s Operations: %s.\n\n%s\n", name, quoteNames(path.HelpSynopsis),
			strings.Join(offered(path), ", "), quoteNames(strings.TrimSpace(path.HelpDescription)))
		var answer map[string]any
		if name == "roles/<name>" {
			answer = role
		}
		out.WriteString(fieldTable(t, path, answer))
	}
	return referenceBegins + menu.String() + out.String()
}

// shown is a path as people write it.
func shown(path *framework.Path) string {
	return strings.NewReplacer("/?$", "", "(?P<name>.+)", "<name>", mount.OwnedPattern, "<name>", "status/"+mount.OwnersPattern, "LIST status/<name>").Replace(path.Pattern)
}

// shownOperations are those that the reference shows, in this order.
var shownOperations = []logical.Operation{
	logical.ListOperation, logical.ReadOperation, logical.CreateOperation, logical.UpdateOperation,
	logical.PatchOperation, logical.DeleteOperation,
}

func offered(path *framework.Path) (out []string) {
	for _, o := range shownOperations {
		if path.Operations[o] != nil {
			out = append(out, string(o))
		}
	}
	return out
}

// fieldTable has a line for each field but the name in the path, and says what a read shows of it if that is given.
func fieldTable(t *testing.T, path *framework.Path, answer map[string]any) string {
	head, rows := []string{"field", "type", "default", "meaning"}, ""
	if answer != nil {
		head = slices.Insert(head, 3, "shown")
	}
	for _, name := range slices.Sorted(maps.Keys(path.Fields)) {
		field := path.Fields[name]
		if name == "name" || name == "owner" {
			continue
		}
		cells := []string{"`" + name + "`", fieldTypes[field.Type], cell(fieldDefault(field)), cell(field.Description)}
		if answer != nil {
			_, ok := answer[name]
			cells = slices.Insert(cells, 3, shownIn(t, name, field, ok))
		}
		if slices.Contains(cells[:2], "") {
			t.Errorf("%s: %s is of a type without a name", path.Pattern, name)
		}
		rows += "| " + strings.Join(cells, " | ") + " |\n"
	}
	if rows == "" {
		return ""
	}
	return "\n| " + strings.Join(head, " | ") + " |\n" + strings.Repeat("|---", len(head)) + "|\n" + rows
}

var fieldTypes = map[framework.FieldType]string{
	framework.TypeString: "text", framework.TypeBool: "true or false", framework.TypeInt64: "number", framework.TypeInt: "number",
	framework.TypeDurationSecond: "duration", framework.TypeKVPairs: "map", framework.TypeCommaStringSlice: "list", framework.TypeStringSlice: "list",
}

// saidDefault finds a default that only the description says, since it depends on something.
var saidDefault = regexp.MustCompile(`(\S+) \(default[,)]|[Dd]efault(?: and upper bound)?(?: is|:)? ([^;.]+)|^Replaces (the provider's)`)

func fieldDefault(field *framework.FieldSchema) string {
	said := saidDefault.FindStringSubmatch(field.Description)
	value := ""
	switch {
	case field.Default != nil && field.Type == framework.TypeDurationSecond:
		value = (time.Duration(field.Default.(int)) * time.Second).String()
	case field.Default != nil:
		value = fmt.Sprint(field.Default)
	case said != nil:
		value = cmp.Or(said[1:]...)
	case field.Type == framework.TypeBool:
		value = "false"
	}
	if value != "" && !strings.ContainsAny(value, " _<*{") { // a value, and none that quoteNames knows
		return "`" + value + "`"
	}
	return value
}

// shownIn says what a read shows of a field: a secret is no part of an answer.
func shownIn(t *testing.T, name string, field *framework.FieldSchema, ok bool) string {
	secret := field.DisplayAttrs != nil && field.DisplayAttrs.Sensitive
	switch {
	case secret && ok:
		t.Errorf("a read answers the secret %s", name)
		return ""
	case secret:
		return "never"
	case ok:
		return "yes"
	}
	return "no"
}

var (
	docName  = regexp.MustCompile(`^([("]*)(\S*?)([).,;:"]*)$`)
	docValue = regexp.MustCompile(`[_<{]|^\*.|^[a-z]+=[a-z]+$`)
)

// quoteNames puts what is a name and no word of English into backquotes: GitHub would swallow <name> otherwise.
func quoteNames(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		words := strings.Split(line, " ")
		for j, word := range words {
			if parts := docName.FindStringSubmatch(word); parts != nil && docValue.MatchString(parts[2]) {
				words[j] = parts[1] + "`" + parts[2] + "`" + parts[3]
			}
		}
		lines[i] = strings.Join(words, " ")
	}
	return strings.Join(lines, "\n")
}

// cell is a text that may stand in a cell of a table.
func cell(text string) string {
	return strings.ReplaceAll(quoteNames(text), "|", `\|`)
}

// readRole is what a read of a role answers in which all that is only shown where it is set has been set.
func readRole(t *testing.T) map[string]any {
	b, err := oauthrefresh.Factory(t.Context(), &logical.BackendConfig{System: logical.TestSystemView()})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Cleanup(context.Background())
	storage := new(logical.InmemStorage)
	do := func(o logical.Operation, path string, data map[string]any) *logical.Response {
		t.Helper()
		resp, err := b.HandleRequest(t.Context(), &logical.Request{Operation: o, Path: path, Data: data, Storage: storage})
		if err != nil || resp != nil && resp.IsError() {
			t.Fatal(o, path, resp, err)
		}
		return resp
	}
	do(logical.CreateOperation, "providers/x", map[string]any{"token_endpoint": "https://example.com/token"})
	do(logical.CreateOperation, "roles/x", map[string]any{
		"provider": "x", "client_id": "x", "client_secret": "canary-secret", "refresh_token": "canary-refresh",
		"refresh_window": 300, "next_client_secret": "canary-next", "next_from": "2099-03-01",
	})
	return do(logical.ReadOperation, "roles/x", nil).Data
}
