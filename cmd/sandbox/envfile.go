package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// envName and jsonName hold the same names and values, one for shells, one for programs. They are written
// last and at once, so that their presence means that the sandbox is ready, and removed at the end.
const (
	envName  = "sandbox.env"
	jsonName = "sandbox.json"
)

func writeEnvironment(dir string, env map[string]string) error {
	var names []string
	for name := range env {
		names = append(names, name)
	}
	slices.Sort(names)
	var sh strings.Builder
	for _, name := range names {
		fmt.Fprintf(&sh, "export %s='%s'\n", name, env[name]) // no value holds a quote
	}
	js, err := json.MarshalIndent(env, "", "  ")
	if err != nil {
		return err
	}
	if err := writeWhole(filepath.Join(dir, jsonName), append(js, '\n')); err != nil {
		return err
	}
	return writeWhole(filepath.Join(dir, envName), []byte(sh.String()))
}

// writeWhole lets no reader see half a file.
func writeWhole(path string, data []byte) error {
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func readEnvironment(dir string) (map[string]string, error) {
	data, err := os.ReadFile(filepath.Join(dir, jsonName))
	if err != nil {
		return nil, fmt.Errorf("no sandbox runs in %s: start one with sandbox -dir %s", dir, dir)
	}
	var env map[string]string
	if err := json.Unmarshal(data, &env); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", jsonName, err)
	}
	return env, nil
}

func removeEnvironment(dir string) {
	os.Remove(filepath.Join(dir, envName))
	os.Remove(filepath.Join(dir, jsonName))
}

// runningDir is where the sandbox runs that a command speaks to: where its environment says, or here.
func runningDir() string { return cmp.Or(os.Getenv("SANDBOX_DIR"), "sandbox-data") }
