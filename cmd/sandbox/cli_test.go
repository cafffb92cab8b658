package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/youmark/pkcs8"
	"software.sslmate.com/src/go-pkcs12"

	"vault-plugin-secrets-oauthrefresh/sandbox/sandboxtest"
)

// startProgram runs the program as a person would and waits until its files are there.
func startProgram(t *testing.T, args ...string) (dir string, env map[string]string, stop func() error) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "data")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, append([]string{"-dir", dir}, args...), nil, io.Discard, io.Discard)
	}()
	for deadline := time.Now().Add(20 * time.Second); ; {
		select {
		case err := <-done:
			t.Fatal("the sandbox ended: ", err)
		case <-time.After(5 * time.Millisecond):
		}
		if data, err := os.ReadFile(filepath.Join(dir, jsonName)); err == nil {
			if err := json.Unmarshal(data, &env); err != nil {
				t.Fatal(err)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no " + jsonName)
		}
	}
	return dir, env, func() error { cancel(); return <-done }
}

func TestProgram(t *testing.T) {
	dir, env, stop := startProgram(t, "-ttl", "20s")
	b := sandboxtest.At(t, env)
	got := b.Want(200, "", b.Good("keliweb", env["KELIWEB_REFRESH_TOKEN"]))
	if got.Body["expires_in"] != 20.0 {
		t.Errorf("-ttl 20s and expires_in %v", got.Body["expires_in"])
	}
	say := func(stdin string, args ...string) (string, error) {
		var out bytes.Buffer
		args = append([]string{args[0], "-dir", dir}, args[1:]...)
		err := run(t.Context(), args, strings.NewReader(stdin), &out, &out)
		return out.String(), err
	}
	for _, c := range []struct{ stdin, args, want string }{
		{"", "requests keliweb", "POST apiv2.keliweb.it/oauth/token -> 200"},
		{"", "stats", "keliweb"},
		{got.Text("access_token") + "\n", "introspect keliweb", "live until"},
		{"", "control provider=keliweb fail=1 status=429 body=5", ""},
		{"", "grant keliweb", "def50200"},
	} {
		if out, err := say(c.stdin, strings.Fields(c.args)...); err != nil || !strings.Contains(out, c.want) {
			t.Errorf("sandbox %s: %v\n%s", c.args, err, out)
		}
	}
	b.Want(429, "", b.Good("keliweb", got.Text("refresh_token")))
	for _, args := range []string{"introspect keliweb nothing", "control fail", "control provider=nobody", "grant"} {
		if out, err := say("", strings.Fields(args)...); err == nil {
			t.Errorf("sandbox %s: no error\n%s", args, out)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if _, err := say("", "stats"); err == nil {
		t.Error("stats of a stopped sandbox")
	}
	if _, err := os.Stat(filepath.Join(dir, envName)); err == nil {
		t.Error(envName + " is still there")
	}
}

// The client certificate in all its forms is one and the same.
func TestIdentityFiles(t *testing.T) {
	_, env, stop := startProgram(t)
	defer stop()
	read := func(name string) []byte {
		data, err := os.ReadFile(env[name])
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	pfx := read("ISABEL_PFX")
	key, cert, chain, err := pkcs12.DecodeChain(pfx, env["ISABEL_PFX_PASSWORD"])
	if err != nil || len(chain) != 1 {
		t.Fatal(err, len(chain))
	}
	if raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(read("ISABEL_PFX_B64")))); err != nil || !bytes.Equal(raw, pfx) {
		t.Error("isabel.b64 is not isabel.pfx: ", err)
	}
	if block, _ := pem.Decode(read("ISABEL_CERT")); block == nil || !bytes.Equal(block.Bytes, cert.Raw) {
		t.Error("isabel-cert.pem holds another certificate")
	}
	block, _ := pem.Decode(read("ISABEL_KEY"))
	if block == nil {
		t.Fatal("isabel-key.pem is no PEM")
	}
	fromPEM, err := pkcs8.ParsePKCS8PrivateKeyRSA(block.Bytes, []byte(env["ISABEL_KEY_PASSWORD"]))
	if err != nil || !fromPEM.Equal(key) {
		t.Error("isabel-key.pem holds another key: ", err)
	}
	for _, path := range []string{env["ISABEL_KEY"], env["ISABEL_PFX"], filepath.Join(env["SANDBOX_DIR"], envName)} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s can be read by others (%v)", filepath.Base(path), err)
		}
	}
}

// A second sandbox in the same directory would take the first one's files away.
func TestOneSandboxPerDirectory(t *testing.T) {
	dir, env, stop := startProgram(t)
	key, err := os.ReadFile(env["GENERIC_KEY"])
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err = run(ctx, []string{"-dir", dir}, nil, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "runs in "+dir+" already") {
		t.Errorf("the second one: %v", err)
	}
	if again, err := os.ReadFile(env["GENERIC_KEY"]); err != nil || !bytes.Equal(key, again) {
		t.Error("the first one's key was overwritten")
	}
	if _, err := os.Stat(filepath.Join(dir, envName)); err != nil {
		t.Error(err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}
