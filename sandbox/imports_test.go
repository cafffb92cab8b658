package sandbox_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "vault-plugin-secrets-oauthrefresh/"

// mayImport is what each room may import besides the standard library. It has no row for anything of the product: a
// witness that shared code with whom it is to judge would share its mistakes.
var mayImport = map[string][]string{
	"sandbox/oauth":       {"github.com/go-jose/go-jose/v4"},
	"sandbox/browse":      {"golang.org/x/net/html"},
	"sandbox/dialect":     {module + "sandbox/oauth"},
	"sandbox/watch":       {module + "sandbox/oauth"},
	"sandbox/front":       {module + "sandbox/oauth", module + "sandbox/watch"},
	"sandbox":             {module + "sandbox/oauth", module + "sandbox/dialect", module + "sandbox/front", module + "sandbox/watch"},
	"sandbox/sandboxtest": {module + "sandbox", module + "sandbox/browse", module + "sandbox/oauth", module + "sandbox/front", module + "sandbox/watch"},
	"cmd/sandbox": {
		module + "sandbox", module + "sandbox/browse", module + "sandbox/oauth", module + "sandbox/watch",
		"github.com/youmark/pkcs8", "software.sslmate.com/src/go-pkcs12",
	},
}

// Who may import whom: the sandbox's rooms each other in one direction, and nobody of the product the sandbox.
func TestImportsOfTheSandboxGoOneWay(t *testing.T) {
	seen := map[string]bool{}
	each(t, "..", func(dir, path string) {
		allowed, ours := mayImport[dir]
		if strings.HasPrefix(dir, "sandbox/") && !ours {
			t.Errorf("%s is in no row of mayImport", dir)
		}
		seen[dir] = true
		for _, to := range imports(t, path) {
			switch std := !strings.Contains(strings.SplitN(to, "/", 2)[0], ".") && !strings.HasPrefix(to, module); {
			case std, ours && slices.Contains(allowed, to):
			case ours:
				t.Errorf("%s imports %s", path, to)
			case to+"/" == module+"sandbox/", strings.HasPrefix(to, module+"sandbox/"):
				t.Errorf("%s imports %s, which is not part of the product", path, to)
			}
		}
	})
	for dir := range mayImport {
		if !seen[dir] {
			t.Errorf("%s is not there", dir)
		}
	}
}

// What another room can see explains itself.
func TestExportedNamesOfTheSandboxHaveContracts(t *testing.T) {
	introduced := map[string]bool{}
	each(t, "..", func(dir, path string) {
		if mayImport[dir] == nil {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		introduced[dir] = introduced[dir] || file.Doc != nil
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				explained(t, path, d.Name, d.Doc)
			case *ast.GenDecl:
				if d.Tok != token.TYPE {
					continue
				}
				for _, s := range d.Specs {
					explained(t, path, s.(*ast.TypeSpec).Name, d.Doc)
				}
			}
		}
	})
	for dir := range mayImport {
		if !introduced[dir] {
			t.Errorf("%s has no package comment", dir)
		}
	}
}

func explained(t *testing.T, path string, name *ast.Ident, doc *ast.CommentGroup) {
	t.Helper()
	if name.IsExported() && !strings.HasPrefix(doc.Text(), name.Name+" ") {
		t.Errorf("%s: %s has the comment %q", path, name.Name, doc.Text())
	}
}

// each visits the Go files below a directory, but for tests, by the directory that they are in.
func each(t *testing.T, root string, visit func(dir, path string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := entry.Name(); entry.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "e2e" || name == "browser" || name == "bin") {
			return filepath.SkipDir
		}
		if !entry.IsDir() && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			dir, err := filepath.Rel(root, filepath.Dir(path))
			if err != nil {
				return err
			}
			visit(filepath.ToSlash(dir), path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func imports(t *testing.T, path string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, i := range file.Imports {
		to, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, to)
	}
	return out
}
