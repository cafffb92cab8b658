package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"time"

	"vault-plugin-secrets-oauthrefresh/sandbox/oauth"
)

// remote is a running sandbox as the subcommands see it.
type remote struct {
	ctx    context.Context
	api    string
	stdin  io.Reader
	stdout io.Writer
}

var commands = map[string]func(*remote, []string) error{
	"requests":   (*remote).requests,
	"stats":      (*remote).stats,
	"control":    (*remote).control,
	"grant":      (*remote).grant,
	"introspect": (*remote).introspect,
	"reset":      (*remote).reset,
}

func runCommand(ctx context.Context, command func(*remote, []string) error, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	f := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	f.SetOutput(io.Discard) // main prints the error, once
	f.Usage = func() { fmt.Fprint(stderr, usage) }
	dir := f.String("dir", runningDir(), "directory of the running sandbox (default: $SANDBOX_DIR, or sandbox-data)")
	if err := f.Parse(args); err != nil {
		return err
	}
	env, err := readEnvironment(*dir)
	if err != nil {
		return err
	}
	return command(&remote{ctx, env["SANDBOX_API"], stdin, stdout}, f.Args())
}

// alone refuses to serve in the directory of a sandbox that answers: its keys and its environment would be
// overwritten, and removed at the end.
func alone(ctx context.Context, dir string) error {
	env, err := readEnvironment(dir)
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r := &remote{ctx, env["SANDBOX_API"], nil, io.Discard}
	if r.call("/stats", nil, new(map[string]oauth.Stats)) != nil {
		return nil // it was killed
	}
	return fmt.Errorf("a sandbox runs in %s already: see sandbox -h for what it can be told, or name another directory with -dir", dir)
}

// call asks the observation API; a body of nil is a GET.
func (r *remote) call(path string, body, into any) error {
	method, payload := http.MethodGet, []byte(nil)
	if body != nil {
		method = http.MethodPost
		payload, _ = json.Marshal(body) // plain values
	}
	req, err := http.NewRequestWithContext(r.ctx, method, r.api+path, bytes.NewReader(payload))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("the sandbox does not answer: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var out struct{ Error string }
		json.NewDecoder(resp.Body).Decode(&out)
		return fmt.Errorf("the sandbox answers %d: %s", resp.StatusCode, out.Error)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}
