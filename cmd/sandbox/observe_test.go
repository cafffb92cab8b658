package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

func callAPI(b *bench, provider, token string) int {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), "GET", b.env["SANDBOX_API"]+"/api/"+provider, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestAPI(t *testing.T) {
	b := newBench(t)
	got := b.want(200, "", b.good("keliweb", b.initial("keliweb")))
	if s := callAPI(b, "keliweb", got.text("access_token")); s != 200 {
		t.Errorf("a live token: %d", s)
	}
	if s := callAPI(b, "pingone", got.text("access_token")); s != 401 {
		t.Errorf("at another provider: %d", s)
	}
	b.want(200, "", b.good("keliweb", got.text("refresh_token")))
	if s := callAPI(b, "keliweb", got.text("access_token")); s != 401 {
		t.Errorf("a killed token: %d", s)
	}
	if s := b.stats("keliweb"); s.APICalls != 2 || s.APIRefused != 1 || s.Generation != 2 || s.LiveTokens != 1 {
		t.Errorf("%+v", s)
	}
}

// Whatever a client sends, right or wrong, no secret of it can be read from the journal or the log.
func TestJournalHoldsNoSecret(t *testing.T) {
	b := newBench(t)
	for _, d := range dialects {
		r := b.good(d.provider, b.initial(d.provider))
		b.want(200, "", r)
		b.send(r) // a replay, where there is rotation
		r.form += "&client_secert=misspelt-secret"
		r.header = map[string]string{"X-Api-Key": "header-secret"}
		b.send(r)
	}
	resp, err := http.Get(b.env["SANDBOX_API"] + "/requests")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	journal, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{"misspelt-secret", "header-secret"}
	for name, value := range b.env {
		if strings.HasSuffix(name, "_CLIENT_SECRET") || strings.HasSuffix(name, "_REFRESH_TOKEN") {
			secrets = append(secrets, value)
		}
	}
	for _, text := range []string{string(journal), b.log.String()} {
		if len(text) == 0 {
			t.Fatal("nothing written")
		}
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%s can be read", secret)
			}
		}
	}
	var entries []entry
	if err := json.Unmarshal(journal, &entries); err != nil {
		t.Fatal(err)
	}
	if len(entries) != 3*len(dialects) || entries[0].Params["grant_type"] != "refresh_token" {
		t.Errorf("%d entries, the first %+v", len(entries), entries[0])
	}
}

func TestGrantAndReset(t *testing.T) {
	b := newBench(t)
	b.want(200, "", b.good("pingone", b.initial("pingone")))
	b.order("/control", map[string]any{"provider": "pingone", "revoke": "grants"}, nil)
	b.want(400, "invalid_grant", b.good("pingone", b.initial("pingone")))
	var grant map[string]string
	b.order("/grant", map[string]string{"provider": "pingone"}, &grant)
	b.want(200, "", b.good("pingone", grant["refresh_token"]))
	b.order("/reset", map[string]any{}, nil)
	if s := b.stats("pingone"); s.Requests != 0 || s.Generation != 0 {
		t.Errorf("after the reset: %+v", s)
	}
	b.want(400, "invalid_grant", b.good("pingone", grant["refresh_token"]))
	b.want(200, "", b.good("pingone", b.initial("pingone")))
}

// The providers' own revocation and introspection endpoints.
func TestRevocationEndpoint(t *testing.T) {
	b := newBench(t)
	r := b.good("pingone", b.initial("pingone"))
	got := b.want(200, "", r)
	at := strings.TrimSuffix(r.url, "token")
	r.form = form("token", got.text("access_token"))
	r.url = at + "introspect"
	if seen := b.want(200, "", r); seen.body["active"] != true {
		t.Errorf("%v", seen.body)
	}
	r.url, r.form = at+"revoke", form("token", got.text("refresh_token"), "token_type_hint", "refresh_token")
	b.want(200, "", r)
	if b.live("pingone", got.text("access_token")) {
		t.Error("the access token survived its grant")
	}
	b.want(400, "invalid_grant", b.good("pingone", got.text("refresh_token")))

	sf := b.want(200, "", b.good("salesforce", b.initial("salesforce")))
	b.want(200, "", request{url: "https://login.salesforce.com/services/oauth2/revoke", form: form("token", sf.text("access_token"))})
	if b.live("salesforce", sf.text("access_token")) {
		t.Error("revoked at Salesforce and still live")
	}
}
