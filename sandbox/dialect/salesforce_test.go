package dialect_test

import (
	"compress/gzip"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/sandbox/sandboxtest"
)

// The answer as it is on the wire: gzip, in chunks, a time in milliseconds in a string, no lifetime.
func TestSalesforceAnswer(t *testing.T) {
	b := sandboxtest.New(t)
	r := b.Good("salesforce", b.Initial("salesforce"))
	req, err := http.NewRequestWithContext(t.Context(), "POST", r.URL, strings.NewReader(r.Form))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept-Encoding", "gzip") // said by hand, so that the transport leaves the body alone
	resp, err := b.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.Header.Get("Content-Encoding") != "gzip" || !slices.Contains(resp.TransferEncoding, "chunked") {
		t.Errorf("%v %v", resp.Header, resp.TransferEncoding)
	}
	z, err := gzip.NewReader(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var body map[string]any
	if err := json.NewDecoder(z).Decode(&body); err != nil {
		t.Fatal(err)
	}
	issued, _ := body["issued_at"].(string)
	if !regexp.MustCompile(`^\d{13}$`).MatchString(issued) {
		t.Errorf("issued_at %v", body["issued_at"])
	}
	for _, field := range []string{"access_token", "signature", "scope", "id_token", "instance_url", "id", "token_type"} {
		if body[field] == nil {
			t.Errorf("no %s", field)
		}
	}
	if body["expires_in"] != nil || body["refresh_token"] != nil {
		t.Error("a lifetime or a refresh token came where Salesforce sends none")
	}
}

func TestSalesforceHosts(t *testing.T) {
	b := sandboxtest.New(t)
	r := b.Good("salesforce", b.Initial("salesforce"))
	for _, host := range []string{
		"test.salesforce.com", "acme.my.salesforce.com", "acme--dev.sandbox.my.salesforce.com",
		"acme.my.site.com", "acme.my.site.com/partners", "login.salesforce.com/site",
	} {
		r.URL = "https://" + host + "/services/oauth2/token"
		b.Want(200, "", r)
	}
}

// Rotation, switched on: a replay takes the current refresh token and the access tokens with it.
func TestSalesforceRotation(t *testing.T) {
	b := sandboxtest.New(t)
	b.Order("/control", map[string]any{"provider": "salesforce", "rotation": true}, nil)
	first := b.Good("salesforce", b.Initial("salesforce"))
	got := b.Want(200, "", first)
	if got.Text("refresh_token") == "" {
		t.Fatal("no new refresh token")
	}
	replay := b.Want(400, "invalid_grant", first)
	if replay.Text("error_description") != "expired access/refresh token" {
		t.Errorf("%v", replay.Body)
	}
	if b.Live("salesforce", got.Text("access_token")) {
		t.Error("the access token survived the replay")
	}
	b.Want(400, "invalid_grant", b.Good("salesforce", got.Text("refresh_token")))
}

// What a person's consent brings: no lifetime, an id of theirs, and of two things only what was asked for.
func TestSalesforceConsent(t *testing.T) {
	b := sandboxtest.New(t)
	got := b.Want(200, "", b.CodeRequest("salesforce", b.Agree(b.Ask("salesforce", "nonce", "n")).Get("code")))
	if got.Body["expires_in"] != nil || got.Text("refresh_token") == "" || got.Text("scope") != "api refresh_token openid" ||
		got.Text("id") != "https://login.salesforce.com/id/00D5g000004SandboxEAA/0055g00000aliceAAA" {
		t.Errorf("%v", got.Body)
	}
	if said := claims(b, "https://login.salesforce.com/id/keys", got.Text("id_token")); said["iss"] != "https://login.salesforce.com" || said["nonce"] != "n" {
		t.Errorf("%v", said)
	}
	other := b.Want(200, "", b.CodeRequest("salesforce", b.AgreeAs("bob@example.test", b.Ask("salesforce", "scope", "api")).Get("code")))
	if other.Body["refresh_token"] != nil || other.Body["id_token"] != nil || other.Text("id") == got.Text("id") {
		t.Errorf("%v", other.Body)
	}
	if !strings.Contains(b.Agree(b.Ask("salesforce")).Encode(), "%3D%3D") {
		t.Error("a code that need not be encoded")
	}
	for _, host := range []string{b.Env["SALESFORCE_DOMAIN"], "acme.my.site.com/partners"} {
		if back := b.Agree(strings.Replace(b.Ask("salesforce", "scope", "api offline_access"), "login.salesforce.com", host, 1)); back.Get("code") == "" {
			t.Errorf("%s: %v", host, back)
		}
	}
	refused := b.Want(400, "invalid_grant", b.CodeRequest("salesforce", "unknown"))
	if refused.Text("error_description") != "invalid or expired authorization code" {
		t.Errorf("%v", refused.Body)
	}
}
