package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
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
	name := "sandbox-" + strings.ReplaceAll(t.Name(), "/", "-")
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

// stats is what a provider has counted.
type stats struct {
	Requests, Successes, Refusals, Replays, Resends, Generation int
}

func (s *sandbox) stats(provider string) stats {
	s.t.Helper()
	all := map[string]stats{}
	s.call("/stats", nil, &all)
	out, ok := all[provider]
	if !ok {
		s.t.Fatalf("the sandbox has no provider %s", provider)
	}
	return out
}

// control changes a provider's behaviour; the fields are those of POST /control.
func (s *sandbox) control(provider string, fields map[string]any) {
	s.t.Helper()
	body := map[string]any{"provider": provider}
	for name, value := range fields {
		body[name] = value
	}
	s.call("/control", body, nil)
}

// grant starts a new grant and returns its refresh token.
func (s *sandbox) grant(provider string) string {
	s.t.Helper()
	var out struct {
		RefreshToken string `json:"refresh_token"`
	}
	s.call("/grant", map[string]any{"provider": provider}, &out)
	canaries.add(provider+" refresh token", out.RefreshToken)
	return out.RefreshToken
}

// live tells whether the provider would accept an access token now, and if not, why.
func (s *sandbox) live(provider, token string) (bool, string) {
	s.t.Helper()
	var out struct {
		Active bool
		Reason string
	}
	s.call("/introspect", map[string]any{"provider": provider, "token": token}, &out)
	return out.Active, out.Reason
}

// wantLive fails the test unless the provider accepts the access token.
func (s *sandbox) wantLive(provider, token string) {
	s.t.Helper()
	if ok, why := s.live(provider, token); !ok {
		s.t.Fatalf("%s does not accept the access token: %s", provider, why)
	}
}

// call asks the observation API: a GET without a body, else a POST.
func (s *sandbox) call(path string, body, into any) {
	s.t.Helper()
	method, payload := http.MethodGet, []byte(nil)
	if body != nil {
		method = http.MethodPost
		payload, _ = json.Marshal(body)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, s.env["SANDBOX_API"]+path, bytes.NewReader(payload))
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		s.t.Fatalf("sandbox %s: %s", path, resp.Status)
	}
	if into != nil {
		if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
			s.t.Fatal(err)
		}
	}
}
