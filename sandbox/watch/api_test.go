package watch_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/sandbox/sandboxtest"
	"vault-plugin-secrets-oauthrefresh/sandbox/watch"
)

func callAPI(b *sandboxtest.Bench, provider, token string) int {
	b.T.Helper()
	req, err := http.NewRequestWithContext(b.T.Context(), "GET", b.Env["SANDBOX_API"]+"/api/"+provider, nil)
	if err != nil {
		b.T.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.T.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestAPI(t *testing.T) {
	b := sandboxtest.New(t)
	got := b.Want(200, "", b.Good("keliweb", b.Initial("keliweb")))
	if s := callAPI(b, "keliweb", got.Text("access_token")); s != 200 {
		t.Errorf("a live token: %d", s)
	}
	if s := callAPI(b, "pingone", got.Text("access_token")); s != 401 {
		t.Errorf("at another provider: %d", s)
	}
	b.Want(200, "", b.Good("keliweb", got.Text("refresh_token")))
	if s := callAPI(b, "keliweb", got.Text("access_token")); s != 401 {
		t.Errorf("a killed token: %d", s)
	}
	if s := b.Stats("keliweb"); s.APICalls != 2 || s.APIRefused != 1 || s.Generation != 2 || s.LiveTokens != 1 {
		t.Errorf("%+v", s)
	}
}

// Whatever a client sends, right or wrong, no secret of it can be read from the journal or the log.
func TestJournalHoldsNoSecret(t *testing.T) {
	b := sandboxtest.New(t)
	for _, d := range sandboxtest.Dialects {
		r := b.Good(d.Provider, b.Initial(d.Provider))
		b.Want(200, "", r)
		b.Send(r) // a replay, where there is rotation
		r.Form += "&client_secert=misspelt-secret"
		r.Header = map[string]string{"X-Api-Key": "header-secret"}
		b.Send(r)
	}
	resp, err := http.Get(b.Env["SANDBOX_API"] + "/requests")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	journal, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{"misspelt-secret", "header-secret"}
	for name, value := range b.Env {
		if strings.HasSuffix(name, "_CLIENT_SECRET") || strings.HasSuffix(name, "_REFRESH_TOKEN") {
			secrets = append(secrets, value)
		}
	}
	for _, text := range []string{string(journal), b.Log.String()} {
		if len(text) == 0 {
			t.Fatal("nothing written")
		}
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%s can be read", secret)
			}
		}
	}
	var entries []watch.Entry
	if err := json.Unmarshal(journal, &entries); err != nil {
		t.Fatal(err)
	}
	if len(entries) != 3*len(sandboxtest.Dialects) || entries[0].Params["grant_type"] != "refresh_token" {
		t.Errorf("%d entries, the first %+v", len(entries), entries[0])
	}
}

func TestGrantAndReset(t *testing.T) {
	b := sandboxtest.New(t)
	b.Want(200, "", b.Good("pingone", b.Initial("pingone")))
	b.Order("/control", map[string]any{"provider": "pingone", "revoke": "grants"}, nil)
	b.Want(400, "invalid_grant", b.Good("pingone", b.Initial("pingone")))
	var grant map[string]string
	b.Order("/grant", map[string]string{"provider": "pingone"}, &grant)
	b.Want(200, "", b.Good("pingone", grant["refresh_token"]))
	b.Order("/reset", map[string]any{}, nil)
	if s := b.Stats("pingone"); s.Requests != 0 || s.Generation != 0 {
		t.Errorf("after the reset: %+v", s)
	}
	b.Want(400, "invalid_grant", b.Good("pingone", grant["refresh_token"]))
	b.Want(200, "", b.Good("pingone", b.Initial("pingone")))
}

// The providers' own revocation and introspection endpoints.
func TestRevocationEndpoint(t *testing.T) {
	b := sandboxtest.New(t)
	r := b.Good("pingone", b.Initial("pingone"))
	got := b.Want(200, "", r)
	at := strings.TrimSuffix(r.URL, "token")
	r.Form = sandboxtest.Form("token", got.Text("access_token"))
	r.URL = at + "introspect"
	if seen := b.Want(200, "", r); seen.Body["active"] != true {
		t.Errorf("%v", seen.Body)
	}
	r.URL, r.Form = at+"revoke", sandboxtest.Form("token", got.Text("refresh_token"), "token_type_hint", "refresh_token")
	b.Want(200, "", r)
	if b.Live("pingone", got.Text("access_token")) {
		t.Error("the access token survived its grant")
	}
	b.Want(400, "invalid_grant", b.Good("pingone", got.Text("refresh_token")))

	sf := b.Want(200, "", b.Good("salesforce", b.Initial("salesforce")))
	b.Want(200, "", sandboxtest.Request{URL: "https://login.salesforce.com/services/oauth2/revoke", Form: sandboxtest.Form("token", sf.Text("access_token"))})
	if b.Live("salesforce", sf.Text("access_token")) {
		t.Error("revoked at Salesforce and still live")
	}
}
