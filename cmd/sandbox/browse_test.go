package main

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/sandbox/sandboxtest"
)

// callback is a page where people come back to, as Vault's would be; it says what it was given, and by which method.
func callback(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	if r.FormValue("error") != "" {
		w.WriteHeader(http.StatusBadRequest)
	}
	fmt.Fprintf(w, "<title>no</title><style>p { }</style><h1>Back</h1><p>%s\n <b>with</b> code: %t</p><script>no()</script>", r.Method, r.FormValue("code") != "")
}

// As a person would: to a page on loopback, over TLS too, or to an address; as anybody, and with either answer.
func TestBrowse(t *testing.T) {
	dir, env, stop := startProgram(t)
	defer stop()
	b := sandboxtest.At(t, env)
	plain, secure := httptest.NewServer(http.HandlerFunc(callback)), httptest.NewTLSServer(http.HandlerFunc(callback))
	defer plain.Close()
	defer secure.Close()
	ca := filepath.Join(t.TempDir(), "vault.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	b.Register("pingone", secure.URL+"/callback")
	to := func(uri string, more ...string) string {
		return b.Ask("pingone", append([]string{"redirect_uri", uri}, more...)...)
	}
	for name, c := range map[string]struct {
		args []string
		want string // of what is printed
		ok   bool
	}{
		"a page":          {[]string{to(plain.URL + "/callback")}, "Back\nGET with code: true\n", true},
		"posted":          {[]string{to(plain.URL+"/callback", "response_mode", "form_post")}, "Back\nPOST with code: true\n", true},
		"over TLS":        {[]string{"-ca", ca, to(secure.URL + "/callback")}, "Back\nGET with code: true\n", true},
		"not trusted":     {[]string{to(secure.URL + "/callback")}, "", false},
		"denied":          {[]string{"-deny", to(plain.URL + "/callback")}, "Back\nGET with code: false\n", false},
		"nobody there":    {[]string{to(sandboxtest.Redirect)}, sandboxtest.Redirect + "?code=", true},
		"nobody, posted":  {[]string{to(sandboxtest.Redirect, "response_mode", "form_post")}, sandboxtest.Redirect + "?code=", true},
		"denied, nobody":  {[]string{"-deny", to(sandboxtest.Redirect)}, sandboxtest.Redirect + "?error=access_denied", false},
		"stopped":         {[]string{"-stop-at", plain.URL, to(plain.URL + "/callback")}, plain.URL + "/callback?code=", true},
		"stranger":        {[]string{"-user", "eve@example.test", to(plain.URL + "/callback")}, "Nobody of that name is known here.", false},
		"a bad request":   {[]string{to("https://evil.example/")}, "This can't be done\ninvalid_request: this redirect_uri is not registered", false},
		"somewhere else":  {[]string{"https://example.com/"}, "", false},
		"no address":      {nil, "", false},
		"two addresses":   {[]string{"a", "b"}, "", false},
		"no such CA file": {[]string{"-ca", "nowhere.pem", to(plain.URL + "/callback")}, "", false},
	} {
		var out bytes.Buffer
		err := run(t.Context(), append([]string{"browse", "-dir", dir}, c.args...), nil, &out, &out)
		if c.ok != (err == nil) || !strings.HasPrefix(out.String(), c.want) && !strings.Contains(out.String(), "\n"+c.want) {
			t.Errorf("%s: %v\n%s", name, err, out.String())
		}
	}
}

// A code for devices is typed where PingOne has its page for them.
func TestBrowseForADevice(t *testing.T) {
	dir, env, stop := startProgram(t)
	defer stop()
	b := sandboxtest.At(t, env)
	r := b.Good("pingone", "")
	r.URL, r.Form = env["PINGONE_ISSUER"]+"/device_authorization", sandboxtest.Form("scope", "openid")
	code := b.Want(200, "", r).Text("user_code")
	for _, c := range []struct {
		code string
		ok   bool
	}{{"BBBB-BBBB", false}, {code, true}, {code, false}} {
		var out bytes.Buffer
		err := run(t.Context(), []string{"browse", "-dir", dir, "-user", "bob@example.test", "-device", c.code}, nil, &out, &out)
		if c.ok != (err == nil) || c.ok && !strings.HasPrefix(out.String(), "Allowed\n") {
			t.Errorf("%s: %v\n%s", c.code, err, out.String())
		}
	}
}
