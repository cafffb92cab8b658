package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// shell runs command lines as an operator types them: the real vault CLI, in sh, with the variables that
// the sandbox writes. What it prints goes into a transcript, which the canary search reads.
type shell struct {
	t   *testing.T
	v   *vault
	dir string // in which the commands run
	env []string
}

// as is the same shell for somebody with another Vault token.
func (s shell) as(token string) shell {
	s.env = append(s.env[:len(s.env):len(s.env)], "VAULT_TOKEN="+token)
	return s
}

// with is the same shell with more variables, each NAME=value.
func (s shell) with(env ...string) shell {
	s.env = append(s.env[:len(s.env):len(s.env)], env...)
	return s
}

// run runs a command that must succeed and returns what it prints to stdout, without the last newline.
func (s shell) run(line string) string {
	s.t.Helper()
	stdout, stderr, err := s.try(line)
	if err != nil {
		s.t.Fatalf("$ %s\n%s%s%v", line, stdout, stderr, err)
	}
	return strings.TrimSuffix(stdout, "\n")
}

// refused runs a command that Vault must answer with the given HTTP status; it returns the error's text.
func (s shell) refused(status int, line string) string {
	s.t.Helper()
	stdout, stderr, err := s.try(line)
	if err == nil {
		s.t.Fatalf("$ %s\nsucceeded, a %d was expected\n%s", line, status, stdout)
	}
	if !strings.Contains(stderr, fmt.Sprintf("Code: %d.", status)) {
		s.t.Fatalf("$ %s\nnot refused with %d:\n%s", line, status, stderr)
	}
	_, text, _ := strings.Cut(stderr, "Errors:")
	return strings.TrimSpace(text)
}

// read is vault read -format=json of a path with optional key=value parameters.
func (s shell) read(path string) secret {
	s.t.Helper()
	return parseSecret(s.t, s.run("vault read -format=json "+path))
}

// write is vault write -format=json, which is a PUT.
func (s shell) write(path string) secret {
	s.t.Helper()
	return parseSecret(s.t, s.run("vault write -force -format=json "+path))
}

// try runs a line. To sh a line break ends a command; here it only keeps the source readable.
func (s shell) try(line string) (stdout, stderr string, err error) {
	line = strings.Join(strings.Fields(line), " ")
	cmd := exec.Command("sh", "-ec", line)
	cmd.Dir = s.dir
	cmd.Env = environ(append([]string{
		"VAULT_ADDR=" + s.v.addr, "VAULT_TOKEN=" + s.v.token, "VAULT_MAX_RETRIES=0",
	}, s.env...)...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	transcribe(line, out.String(), errs.String())
	return out.String(), errs.String(), err
}

// transcribe keeps what the operator saw. Command lines hold variable names where secrets go, so they may
// be kept too.
func transcribe(line, stdout, stderr string) {
	f, err := os.OpenFile(filepath.Join(workdir, "transcript.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	fmt.Fprintf(f, "$ %s\n%s%s\n", line, stdout, stderr)
}
