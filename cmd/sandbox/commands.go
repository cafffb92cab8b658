package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"vault-plugin-secrets-oauthrefresh/sandbox/oauth"
	"vault-plugin-secrets-oauthrefresh/sandbox/watch"
)

func (r *remote) requests(args []string) error {
	path := "/requests"
	if len(args) > 0 {
		path += "?provider=" + args[0]
	}
	var entries []watch.Entry
	if err := r.call(path, nil, &entries); err != nil {
		return err
	}
	for _, e := range entries {
		fmt.Fprintf(r.stdout, "%d  %s  %s  %s %s%s -> %d", e.Seq, e.Time.Format("15:04:05.000"), e.Provider, e.Method, e.Host, e.Path, e.Status)
		for _, more := range []string{e.Refusal, e.Fault} {
			if more != "" {
				fmt.Fprintf(r.stdout, " (%s)", more)
			}
		}
		fmt.Fprintln(r.stdout)
		printMap(r.stdout, "      ", ": ", e.Headers)
		printMap(r.stdout, "        ", "=", e.Params)
	}
	return nil
}

func printMap(w io.Writer, indent, sep string, m map[string]string) {
	for _, name := range sortedKeys(m) {
		fmt.Fprintf(w, "%s%s%s%s\n", indent, name, sep, m[name])
	}
}

func sortedKeys[V any](m map[string]V) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (r *remote) stats([]string) error {
	var all map[string]oauth.Stats
	if err := r.call("/stats", nil, &all); err != nil {
		return err
	}
	fmt.Fprintf(r.stdout, "%-17s %8s %9s %8s %6s %7s %7s %10s %5s\n", "provider", "requests", "successes", "refusals", "faults", "replays", "resends", "generation", "live")
	for _, name := range sortedKeys(all) {
		s := all[name]
		fmt.Fprintf(r.stdout, "%-17s %8d %9d %8d %6d %7d %7d %10d %5d\n", name, s.Requests, s.Successes, s.Refusals, s.Faults, s.Replays, s.Resends, s.Generation, s.LiveTokens)
	}
	return nil
}

// textFields are the fields of control that hold text, whatever it looks like.
var textFields = []string{"provider", "body", "content_type", "revoke", "client_id", "refresh_token", "client_secret", "client_certificate", "public_key", "signing_alg", "redirect_uri", "endpoint", "user"}

// control turns key=value into the JSON of POST /control: numbers and booleans as such, all else as text.
func (r *remote) control(args []string) error {
	body := map[string]any{}
	for _, arg := range args {
		key, value, ok := strings.Cut(arg, "=")
		if !ok {
			return fmt.Errorf("%q is not key=value", arg)
		}
		body[key] = value
		if slices.Contains(textFields, key) {
			continue
		}
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			body[key] = n
		} else if value == "true" || value == "false" {
			body[key] = value == "true"
		}
	}
	if len(body) == 0 {
		return errors.New("nothing to change; see sandbox -h")
	}
	return r.call("/control", body, &struct{}{})
}

func (r *remote) grant(args []string) error {
	if len(args) == 0 {
		return errors.New("which provider?")
	}
	body := map[string]any{"provider": args[0]}
	if len(args) > 1 {
		body["client_id"] = args[1]
	}
	var out map[string]string
	if err := r.call("/grant", body, &out); err != nil {
		return err
	}
	fmt.Fprintln(r.stdout, out["refresh_token"])
	return nil
}

func (r *remote) introspect(args []string) error {
	if len(args) == 0 {
		return errors.New("which provider?")
	}
	token := ""
	if len(args) > 1 {
		token = args[1]
	} else {
		in, err := io.ReadAll(io.LimitReader(r.stdin, oauth.MaxBody))
		if err != nil {
			return err
		}
		token = strings.TrimSpace(string(in))
	}
	var state oauth.TokenState
	if err := r.call("/introspect", map[string]any{"provider": args[0], "token": token}, &state); err != nil {
		return err
	}
	if !state.Active {
		return fmt.Errorf("not live: %s", state.Reason)
	}
	fmt.Fprintf(r.stdout, "live until %s, generation %d\n", state.ExpiresAt.Format("15:04:05"), state.Generation)
	return nil
}

func (r *remote) reset([]string) error { return r.call("/reset", map[string]any{}, &struct{}{}) }
