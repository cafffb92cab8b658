package e2e

import (
	"errors"
	"html"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
)

// alice, bob and mallory can log in at the sandbox. Mallory means no good.
const alice, bob, mallory = "alice@example.test", "bob@example.test", "mallory@example.test"

// shownCode is a confirmation code as a page shows it.
var shownCode = regexp.MustCompile(`\b[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}\b`)

// applications are the clients that people are asked to agree to, by the variable of the sandbox that names them.
var applications = map[string]string{"salesforce": "SALESFORCE_CLIENT_ID", "pandadoc": "PANDADOC_CLIENT_ID", "pingone": "PINGONE_CLIENT_ID"}

// opens lets browsers come to the mount, and registers its callbacks at the sandbox's providers.
func (l *lab) opens() {
	l.t.Helper()
	l.run(`vault write oauth/config external_url="$VAULT_ADDR/v1/oauth"`)
	for provider := range applications {
		l.registerRedirect(provider, l.callback(provider))
	}
}

// callback is the redirect URI of the mount for a provider.
func (l *lab) callback(provider string) string { return l.v.addr + "/v1/oauth/callback/" + provider }

func (l *lab) registerRedirect(provider, uri string) {
	l.t.Helper()
	l.sandbox.control(provider, map[string]any{"client_id": l.sandbox.env[applications[provider]], "redirect_uri": uri})
}

// browse is somebody at a browser: opens an address, agrees, and returns the text of the last page or, where the way ends
// at an address that is not opened, this address. Nothing is transcribed, since pages show codes. through tells whether
// access was given.
func (l *lab) browse(who, address string, flags ...string) (shown string, through bool) {
	l.t.Helper()
	cmd := exec.Command(bin.sandbox, append(append([]string{"browse", "-user", who}, flags...), address)...)
	cmd.Env = environ(l.env...)
	out, err := cmd.Output()
	if failed, refused := errors.AsType[*exec.ExitError](err); err != nil && (!refused || !strings.Contains(string(failed.Stderr), "access was not given")) {
		l.t.Fatalf("sandbox browse: %v %s", err, failed.Stderr)
	}
	return strings.TrimSpace(string(out)), err == nil
}

// codeFrom is browse up to the page with the confirmation code.
func (l *lab) codeFrom(who, address string) string {
	l.t.Helper()
	shown, through := l.browse(who, address)
	code := shownCode.FindString(shown)
	if !through || code == "" {
		l.t.Fatalf("the page shows no code: %s", shown)
	}
	return code
}

// comesBack is browse up to what a browser would bring to the mount: the address, with all of the answer in its query.
func (l *lab) comesBack(who, address, provider string) string {
	l.t.Helper()
	back, through := l.browse(who, address, "-stop-at", l.callback(provider))
	if !through || !strings.HasPrefix(back, l.callback(provider)) {
		l.t.Fatalf("the browser ends at %.60s", back)
	}
	return back
}

// shownPage is what Vault answers a browser.
type shownPage struct {
	status int
	header http.Header
	body   string
}

// text is the page without its tags.
func (p shownPage) text() string {
	return html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(p.body, " "))
}

func (p shownPage) code() string { return shownCode.FindString(p.text()) }

// isPage tells whether it is a page of the engine's and no JSON.
func (p shownPage) isPage() bool {
	return p.header.Get("Content-Type") == "text/html; charset=utf-8" && strings.HasPrefix(p.body, "<!DOCTYPE html>")
}

// stranger is a browser without a Vault token. It follows no redirect.
var stranger = &http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// visit makes a request as a browser does; with a form it is posted.
func visit(t *testing.T, method, address string, form url.Values) shownPage {
	t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(t.Context(), method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := stranger.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	text, err := readAll(resp)
	if err != nil {
		t.Fatal(err)
	}
	return shownPage{resp.StatusCode, resp.Header, text}
}

func readAll(resp *http.Response) (string, error) {
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

// caller is somebody with a Vault token of their own. What they send and get is not transcribed.
type caller struct {
	t      *testing.T
	client *api.Client
}

func (v *vault) caller(t *testing.T, token string) caller {
	client := v.client()
	client.SetToken(token)
	return caller{t, client}
}

// try writes, and returns the answer's fields or Vault's error.
func (c caller) try(path string, fields map[string]any) (map[string]any, error) {
	got, err := c.client.Logical().WriteWithContext(c.t.Context(), path, fields)
	if err != nil || got == nil {
		return nil, err
	}
	return got.Data, nil
}

func (c caller) write(path string, fields map[string]any) map[string]any {
	c.t.Helper()
	got, err := c.try(path, fields)
	if err != nil {
		c.t.Fatalf("writing %s: %v", path, err)
	}
	return got
}

// read returns the fields of a path, nil for none.
func (c caller) read(path string) map[string]any {
	c.t.Helper()
	got, err := c.client.Logical().ReadWithContext(c.t.Context(), path)
	if err != nil {
		c.t.Fatalf("reading %s: %v", path, err)
	}
	if got == nil {
		return nil
	}
	return got.Data
}

// begins begins a consent and returns where the browser goes.
func (c caller) begins(role string, fields map[string]any) string {
	c.t.Helper()
	address, _ := c.write("oauth/authorize/"+role, fields)["authorization_url"].(string)
	if address == "" {
		c.t.Fatal("there is no authorization_url")
	}
	return address
}

func (c caller) confirms(role, code string) map[string]any {
	c.t.Helper()
	return c.write("oauth/confirm/"+role, map[string]any{"confirmation_code": code})
}

// refused writes what Vault must refuse with 400 and a sentence that holds a text.
func (c caller) refused(path string, fields map[string]any, says string) {
	c.t.Helper()
	_, err := c.try(path, fields)
	c.wantRefusal(path, err, says)
}

// readRefused is refused for a read.
func (c caller) readRefused(path, says string) {
	c.t.Helper()
	_, err := c.client.Logical().ReadWithContext(c.t.Context(), path)
	c.wantRefusal(path, err, says)
}

func (c caller) wantRefusal(path string, err error, says string) {
	c.t.Helper()
	answer, ok := errors.AsType[*api.ResponseError](err)
	if !ok || answer.StatusCode != http.StatusBadRequest || !strings.Contains(strings.Join(answer.Errors, " "), says) {
		c.t.Errorf("%s: not refused with %q: %v", path, says, err)
	}
}
