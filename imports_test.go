package oauthrefresh_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	source "go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The plugin is loaded once per mount, so what it carries counts. Vault's API client is for those who
// call Vault: a plugin answers it. Vault's own packages are not made to be imported at all.
func TestNoVaultClientInThePlugin(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "./cmd/vault-plugin-secrets-oauthrefresh")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if len(deps) < 100 {
		t.Fatalf("go list names %d packages only", len(deps))
	}
	for _, dep := range deps {
		for _, unwanted := range []string{"github.com/hashicorp/vault/api", "github.com/hashicorp/vault/vault"} {
			if dep == unwanted || strings.HasPrefix(dep, unwanted+"/") {
				t.Errorf("the plugin carries %s", dep)
			}
		}
	}
}

// Imports go down only: each room may use those that are listed with it and the clock, and no other of this module.
func TestRoomsUseWhatLiesBelow(t *testing.T) {
	const module = "vault-plugin-secrets-oauthrefresh/"
	for room, below := range map[string][]string{
		".":         {"authorize", "schedule", "metrics", "index", "grant", "role", "provider", "mount", "client"},
		"authorize": {"grant", "role", "provider", "mount", "client"}, // beside schedule: neither imports the other
		"schedule":  {"index", "grant", "role", "provider", "mount", "client"},
		"metrics":   {"index", "grant"},
		"index":     {"grant", "role", "provider"},
		"grant":     {"role", "provider", "mount", "client"},
		"role":      {"provider", "mount", "client"},
		"provider":  {"mount", "client"},
		"mount":     {},
		"client":    {},
	} {
		cmd := exec.Command("go", "list", "-f", `{{join .Imports "\n"}}`, "./"+room)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range strings.Fields(string(out)) {
			if own, ok := strings.CutPrefix(path, module); ok && own != "internal/clock" && !slices.Contains(below, own) {
				t.Errorf("%s imports %s", room, own)
			}
		}
	}
}

// A field is declared in one row, a mount.Field. Whoever needs the framework for one writes a second list.
func TestOnlyTheRootAndTheMountKnowTheFramework(t *testing.T) {
	for _, room := range []string{"authorize", "schedule", "metrics", "index", "grant", "role", "provider", "client", "internal/clock"} {
		cmd := exec.Command("go", "list", "-f", `{{join .Imports "\n"}}`, "./"+room)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(strings.Fields(string(out)), "github.com/hashicorp/vault/sdk/framework") {
			t.Errorf("%s imports the framework", room)
		}
	}
}

// What can spend a grant, end one or lead secrets elsewhere is called in one place each.
func TestOneCallerEach(t *testing.T) {
	for call, place := range map[string]string{
		"client.Exchange(": "grant/attempt.go",
		"client.Revoke(":   "role/target.go",
		"client.Discover(": "provider/discovery.go",

		"client.AuthorizeDevice(":   "role/authorization.go",
		"client.PushAuthorization(": "role/authorization.go",
	} {
		for _, room := range []string{".", "authorize", "schedule", "metrics", "index", "grant", "role", "provider", "mount"} {
			names, err := filepath.Glob(filepath.Join(room, "*.go"))
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				text, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				if n := strings.Count(string(text), call); !strings.HasSuffix(name, "_test.go") && (n > 0) != (name == place) {
					t.Errorf("%s calls %s %d times", name, strings.TrimSuffix(call, "("), n)
				}
			}
		}
	}
}

// What others can see explains itself.
func TestExportedSymbolsAreDocumented(t *testing.T) {
	for _, dir := range []string{".", "authorize", "schedule", "metrics", "index", "grant", "role", "provider", "mount", "client", "client/clienttest", "internal/enginetest"} {
		fset := source.NewFileSet()
		var files []*ast.File
		names, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
		// AllDecls: exported methods of unexported types are called by others too.
		pkg, err := doc.NewFromFiles(fset, files, "vault-plugin-secrets-oauthrefresh/"+dir, doc.AllDecls|doc.PreserveAST)
		if err != nil {
			t.Fatal(err)
		}
		if pkg.Doc == "" {
			t.Errorf("package %s has no comment", pkg.Name)
		}
		for name, text := range exported(pkg) {
			if !strings.HasPrefix(text, name[strings.LastIndex(name, ".")+1:]+" ") && !strings.Contains(name, "const ") {
				t.Errorf("%s: %s has the comment %q", pkg.Name, name, text)
			}
		}
	}
}

// exported are the comments of a package's exported names.
func exported(pkg *doc.Package) map[string]string {
	comments := map[string]string{}
	add := func(prefix, name, text string) {
		if ast.IsExported(name) {
			comments[prefix+name] = text
		}
	}
	for _, f := range pkg.Funcs {
		add("", f.Name, f.Doc)
	}
	for _, v := range append(pkg.Consts, pkg.Vars...) {
		for _, name := range v.Names {
			add("const ", name, v.Doc)
		}
	}
	for _, typ := range pkg.Types {
		add("", typ.Name, typ.Doc)
		for _, f := range append(typ.Funcs, typ.Methods...) {
			if f.Name == "Error" && !ast.IsExported(typ.Name) {
				continue // the error interface says it all
			}
			add(typ.Name+".", f.Name, f.Doc)
		}
	}
	return comments
}

// A handler decodes a request, calls a room and answers. What is longer decides something that belongs below.
func TestHandlersDecodeCallAndAnswer(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range names {
		fset := source.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || !strings.HasPrefix(f.Name.Name, "path") {
				continue
			}
			found++
			if lines := fset.Position(f.End()).Line - fset.Position(f.Pos()).Line + 1; lines > 25 {
				t.Errorf("%s has %d lines", f.Name.Name, lines)
			}
		}
	}
	if found < 20 {
		t.Errorf("%d handlers were found", found)
	}
}
