package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sandbox is cmd/sandbox as its own process, seen through its observation API.
type sandbox struct {
	*process
	t   *testing.T
	env map[string]string // see sandbox.env
}

func startSandbox(t *testing.T, args ...string) *sandbox {
	t.Helper()
	name := ownName("sandbox-" + strings.ReplaceAll(t.Name(), "/", "-"))
	dir := filepath.Join(workdir, name)
	// Its log may show secrets of this process's own making; the canaries are not looked for in it.
	p, err := start(name+".out", environ(), bin.sandbox, append([]string{"-dir", dir}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	s := &sandbox{process: p, t: t}
	t.Cleanup(s.stop)
	err = p.await("the sandbox is ready", 20*time.Second, func() error {
		text, err := os.ReadFile(filepath.Join(dir, "sandbox.json"))
		if err != nil {
			return err
		}
		return json.Unmarshal(text, &s.env)
	})
	if err != nil {
		t.Fatal(err)
	}
	s.plantCanaries()
	return s
}

// plantCanaries tells the canary search every secret that an operator gets from the sandbox.
func (s *sandbox) plantCanaries() {
	for name, value := range s.env {
		switch {
		case strings.HasSuffix(name, "_SECRET"), strings.HasSuffix(name, "_TOKEN"), strings.HasSuffix(name, "_PASSWORD"):
			canaries.add(name, value)
		case strings.HasSuffix(name, "_KEY"), strings.HasSuffix(name, "_PFX_B64"):
			text, err := os.ReadFile(value)
			if err != nil {
				s.t.Fatal(err)
			}
			canaries.addKey(name, string(text))
		}
	}
}
