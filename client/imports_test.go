package client

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The line that keeps OAuth apart from Vault: nothing here may know of storage, mounts or leases.
// The other line keeps the wire server honest: it must not share the code that it tests.
func TestImports(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if strings.Contains(name, "hashicorp") || strings.Contains(name, "openbao") {
				t.Errorf("%s imports %s: Vault is none of this package's business", path, name)
			}
			if strings.HasPrefix(path, "clienttest") && strings.HasSuffix(name, "/client") {
				t.Errorf("%s imports the package under test", path)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
