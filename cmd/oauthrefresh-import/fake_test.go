package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// fake is as much of a Vault with this engine as an import asks for, and does what a test tells it.
type fake struct {
	t       *testing.T
	server  *httptest.Server
	env     map[string]string
	dir     string
	pauses  []time.Duration
	onPause func()

	mu       sync.Mutex
	accessor string
	fields   map[string]any
	roles    map[string]map[string]any // as they were written
	posts    []string                  // the names, in order
	header   http.Header               // of the last request
	// first is asked about each request and answers it itself if it returns true; after is asked about each write that was
	// taken, before its answer is sent.
	first, after func(w http.ResponseWriter, r *http.Request, name string) bool
}

func newFake(t *testing.T) *fake {
	f := &fake{t: t, accessor: "oauth_1", roles: map[string]map[string]any{}, dir: t.TempDir()}
	sensitive := map[string]any{"type": "string", "x-vault-displayAttrs": map[string]any{"sensitive": true}}
	pairs := map[string]any{"type": "object", "format": "kvpairs"}
	f.fields = map[string]any{
		"provider": map[string]any{"type": "string"}, "client_id": map[string]any{"type": "string"}, "scope": map[string]any{"type": "string"},
		"verify": map[string]any{"type": "boolean"}, "client_secret": sensitive, "refresh_token": sensitive,
		"provider_params": pairs, "token_params": map[string]any{"format": "kvpairs", "x-vault-displayAttrs": map[string]any{"sensitive": true}},
	}
	f.server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.server.Close)
	f.env = map[string]string{"VAULT_ADDR": f.server.URL, "VAULT_TOKEN": "canary-vault-token"}
	return f
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.header = r.Header
	name, isRole := strings.CutPrefix(r.URL.Path, "/v1/oauth/roles/")
	if f.first != nil && f.first(w, r, name) {
		return
	}
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/v1/sys/internal/ui/mounts/oauth":
		reply(w, 200, map[string]any{"data": map[string]any{"accessor": f.accessor}})
	case isRole && r.URL.RawQuery == "help=1":
		reply(w, 200, map[string]any{"help": "", "openapi": map[string]any{"paths": map[string]any{"/roles/{name}": map[string]any{"post": map[string]any{
			"requestBody": map[string]any{"content": map[string]any{"application/json": map[string]any{"schema": map[string]any{"properties": f.fields}}}}}}}}})
	case isRole && r.Method == http.MethodGet && f.roles[name] == nil:
		reply(w, 404, map[string]any{"errors": []string{}})
	case isRole && r.Method == http.MethodGet:
		reply(w, 200, map[string]any{"data": shown(f.roles[name])})
	case isRole && r.Method == http.MethodPost:
		var fields map[string]any
		if err := json.NewDecoder(r.Body).Decode(&fields); err != nil {
			f.t.Error(err)
		}
		f.posts = append(f.posts, name)
		f.roles[name] = fields
		if f.after == nil || !f.after(w, r, name) {
			w.WriteHeader(204)
		}
	default:
		f.t.Errorf("an import asks for %s %s", r.Method, r.URL.Path)
		reply(w, 404, nil)
	}
}

func shown(role map[string]any) map[string]any {
	out := map[string]any{"client_secret_set": role["client_secret"] != nil, "refresh_token_set": role["refresh_token"] != nil}
	for _, name := range []string{"provider", "client_id"} {
		out[name] = role[name]
	}
	return out
}

func reply(w http.ResponseWriter, status int, body any) {
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

// cut ends a connection without an answer.
func cut(w http.ResponseWriter) bool {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close()
	}
	return true
}

// file writes an input that nobody else may read.
func (f *fake) file(name, text string) string {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	return path
}

// do runs the program and returns its exit code and all that it says.
func (f *fake) do(ctx context.Context, stdin string, args ...string) (code int, said string) {
	f.t.Helper()
	var out bytes.Buffer
	code = run(ctx, append([]string{"-rate", "0"}, args...), surroundings{
		stdin: strings.NewReader(stdin), stdout: &out, stderr: &out, getenv: func(name string) string { return f.env[name] },
		pause: func(ctx context.Context, d time.Duration) error {
			f.pauses = append(f.pauses, d)
			if f.onPause != nil {
				f.onPause()
			}
			return ctx.Err()
		},
	})
	f.mu.Lock() // whoever cut a connection is at its end
	defer f.mu.Unlock()
	if strings.Contains(out.String(), "canary-") {
		f.t.Errorf("a secret is said:\n%s", out.String())
	}
	return code, out.String()
}

// want runs the program over a file and wants an exit code and parts of what it says.
func (f *fake) want(code int, parts []string, args ...string) {
	f.t.Helper()
	got, said := f.do(f.t.Context(), "", args...)
	if got != code {
		f.t.Fatalf("exit code %d, want %d:\n%s", got, code, said)
	}
	for _, part := range parts {
		if !strings.Contains(said, part) {
			f.t.Errorf("not said: %s\n%s", part, said)
		}
	}
}

// wantPosts wants these writes and no others, in any order.
func (f *fake) wantPosts(names ...string) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if got := slices.Sorted(slices.Values(f.posts)); !slices.Equal(got, slices.Sorted(slices.Values(names))) {
		f.t.Errorf("written were %q, want %q", got, names)
	}
}

// grants is a CSV of roles with grants of their own.
func grants(names ...string) string {
	text := "name,provider,client_id,client_secret,refresh_token\n"
	for _, name := range names {
		text += fmt.Sprintf("%s,salesforce,%s-client,canary-secret-%s,canary-grant-%s\n", name, name, name, name)
	}
	return text
}

func grantOf(name string) map[string]any {
	return map[string]any{"provider": "salesforce", "client_id": name + "-client", "client_secret": "canary-secret-" + name, "refresh_token": "canary-grant-" + name}
}

// rotated is a grant whose refresh token the mount has replaced since.
func rotated(name string) map[string]any {
	role := maps.Clone(grantOf(name))
	role["refresh_token"] = "canary-replaced"
	return role
}

// wantFiles wants these files where the input is, and no others.
func (f *fake) wantFiles(names ...string) {
	f.t.Helper()
	left, err := os.ReadDir(f.dir)
	var got []string
	for _, file := range left {
		got = append(got, file.Name())
	}
	if err != nil || !slices.Equal(got, names) {
		f.t.Errorf("the files are %q, want %q: %v", got, names, err)
	}
}

// wantNoSecrets looks into every file that the program has left.
func (f *fake) wantNoSecrets(names ...string) {
	f.t.Helper()
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(f.dir, name))
		if err != nil || bytes.Contains(text, []byte("canary-")) || len(text) == 0 {
			f.t.Errorf("%s: %v\n%s", name, err, text)
		}
		if info, err := os.Stat(filepath.Join(f.dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			f.t.Errorf("%s is not its owner's alone", name)
		}
	}
}
