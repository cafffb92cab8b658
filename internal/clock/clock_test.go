package clock

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestStep(t *testing.T) {
	for _, d := range []time.Duration{24 * time.Hour, -24 * time.Hour} {
		Step(d)
		if off := Now().Sub(time.Now().Add(d).Round(0)).Abs(); off > time.Second {
			t.Errorf("after a step of %s the clock is off by %s", d, off)
		}
		Step(-d)
	}
}

func TestNowHasNoMonotonicReading(t *testing.T) {
	if text := Now().String(); strings.Contains(text, "m=") {
		t.Error(text)
	}
	if d := Until(Now().Add(time.Hour)); d < 59*time.Minute || d > time.Hour {
		t.Error(d)
	}
	if d := Since(Now().Add(-time.Hour)); d > 61*time.Minute || d < time.Hour {
		t.Error(d)
	}
}

// One function asks what time it is, so that a clock which jumps is one thing to think of. The plugin's own
// packages are held to that; the sandbox and the tests are not part of the product.
func TestOnlyThisPackageAsksForTheTime(t *testing.T) {
	root := filepath.Join("..", "..")
	files := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		inside, _ := filepath.Rel(root, path)
		if entry.IsDir() {
			switch inside {
			case ".git", "e2e", "browser", "bench", "tools", "chaos", "scripts", "internal/clock", "internal/enginetest", "sandbox", "cmd/sandbox", "client/clienttest":
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		files++
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if pkg, ok := s.X.(*ast.Ident); ok && pkg.Name == "time" && (s.Sel.Name == "Now" || s.Sel.Name == "Since" || s.Sel.Name == "Until") {
					t.Errorf("%s asks time.%s: ask the package clock", set.Position(s.Pos()), s.Sel.Name)
				}
			}
			return true
		})
		return nil
	})
	if err != nil || files < 50 {
		t.Fatalf("%d files, %v", files, err)
	}
}
