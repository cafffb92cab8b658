package main

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A mount of another engine gets nothing: a KV mount would keep the secrets where readers see them.
func TestOnlyAMountOfThisEngine(t *testing.T) {
	f := newFake(t)
	delete(f.fields, "refresh_token")
	f.want(exitRefused, []string{"oauth is no mount of this engine"}, f.file("in", grants("a")))
	f.wantPosts()
}

func TestTheEnvironment(t *testing.T) {
	f := newFake(t)
	in := f.file("in", grants("a"))
	for _, c := range []struct{ name, value, says string }{
		{"VAULT_ADDR", "canary-address", "VAULT_ADDR is to be an address"},
		{"VAULT_TOKEN", "", "there is no token"},
		{"VAULT_CACERT", in, "holds no certificate"},
		{"VAULT_CLIENT_CERT", in, "VAULT_CLIENT_CERT"},
	} {
		old := f.env[c.name]
		f.env[c.name] = c.value
		f.want(exitRefused, []string{c.says}, in)
		f.env[c.name] = old
	}
	f.file(".vault-token", "canary-of-the-home\n")
	f.env["HOME"], f.env["VAULT_TOKEN"], f.env["VAULT_NAMESPACE"] = f.dir, "", "team/a"
	f.want(exitDone, nil, "-mount", "oauth/", in)
	if f.header.Get("X-Vault-Token") != "canary-of-the-home" || f.header.Get("X-Vault-Namespace") != "team/a" || f.header.Get("X-Vault-Request") != "true" {
		t.Errorf("the headers are %q", f.header)
	}
}

func TestServersCertificate(t *testing.T) {
	f := newFake(t)
	secure := httptest.NewTLSServer(http.HandlerFunc(f.serve))
	defer secure.Close()
	f.env["VAULT_ADDR"] = secure.URL
	in := f.file("in", grants("a"))
	f.want(exitRefused, []string{"certificate"}, in)
	f.env["VAULT_CACERT"] = f.file("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})))
	f.want(exitDone, nil, in)
	f.env["VAULT_CACERT"], f.env["VAULT_SKIP_VERIFY"] = "", "1"
	f.want(exitDone, nil, in)
	f.wantPosts("a")
}

// A standby sends the request on, with all it holds; into the open it is not followed.
func TestRedirects(t *testing.T) {
	f := newFake(t)
	standby := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, f.server.URL+r.URL.RequestURI(), http.StatusTemporaryRedirect)
	}))
	defer standby.Close()
	f.env["VAULT_ADDR"] = standby.URL
	f.want(exitDone, nil, f.file("in", grants("a")))
	f.wantPosts("a")
	if f.roles["a"]["refresh_token"] != "canary-grant-a" {
		t.Errorf("written was %q", f.roles["a"])
	}

	found := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, f.server.URL+r.URL.RequestURI(), http.StatusFound)
	}))
	defer found.Close()
	f.env["VAULT_ADDR"] = found.URL
	f.after = func(http.ResponseWriter, *http.Request, string) bool {
		t.Error("it was written behind a 302")
		return false
	}
	f.want(exitPartly, []string{"or a write to a read", "c: not reached"}, f.file("in3", grants("c")))

	down := httptest.NewTLSServer(standby.Config.Handler)
	defer down.Close()
	f.env["VAULT_ADDR"], f.env["VAULT_SKIP_VERIFY"], f.header = down.URL, "true", nil
	f.want(exitRefused, []string{"from https to http"}, f.file("in2", grants("b")))
	if f.header != nil {
		t.Error("the token was sent into the open")
	}
}

func TestUsage(t *testing.T) {
	f := newFake(t)
	f.want(exitDone, []string{"scripts/import [flags] FILE", "-mapping theirs=ours"}, "-h")
	f.want(exitRefused, []string{"Usage:"})
	for _, rate := range []string{"-1", "NaN"} {
		f.want(exitRefused, []string{"-rate is to be a number of requests"}, "-rate", rate, f.file("in", grants("a")))
	}
	if code, said := f.do(t.Context(), "", "-nonsense", "x"); code != exitRefused || !strings.Contains(said, "not defined") {
		t.Errorf("%d %s", code, said)
	}
}
