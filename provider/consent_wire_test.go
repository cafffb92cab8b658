package provider

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// consents are the authorization URLs and code requests whose every byte is kept in testdata/requests, as
// <name>-authorize.url and <name>-code.http. Verifier and challenge are those of RFC 7636 appendix B.
var consents = []struct {
	name     string // of the provider, and of its fixtures
	params   map[string]string
	clientID string
	secret   string
	scope    string
}{
	{"salesforce", nil, salesforceRequest.ClientID, salesforceRequest.ClientSecret.Reveal(), "api openid"},
	{"pingone", pingoneParams, pingoneRequest.ClientID, pingoneRequest.ClientSecret.Reveal(), "openid email"},
	{"pandadoc", nil, "{{client_id}}", "{{client_secret}}", "read+write"},
	{"isabel-connect", nil, isabelRequest.ClientID, isabelRequest.ClientSecret.Reveal(), ""},
}

const (
	sampleVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	sampleRedirect = "https://vault.example.com/v1/oauth/callback/"
)

// TestExactConsents makes the URL that a browser is sent to, and sends what exchanges the code.
func TestExactConsents(t *testing.T) {
	for _, c := range consents {
		t.Run(c.name, func(t *testing.T) {
			p, _ := Builtin(c.name)
			endpoints, err := p.Endpoints(c.params)
			if err != nil {
				t.Fatal(err)
			}
			a := &client.AuthorizationRequest{
				Provider: p, Endpoint: endpoints.Authorization, ClientID: c.clientID, RedirectURI: sampleRedirect + c.name,
				Scope: p.ConsentScope(c.scope), State: "af0ifjsldkj", CodeChallenge: client.Challenge(sampleVerifier),
				FormPost: p.ResponseMode == client.ResponseModeFormPost,
			}
			if strings.Contains(a.Scope, "openid") {
				a.Nonce = "n-0S6_WzA2Mj"
			}
			if !p.AuthorizationElsewhere {
				address, err := a.URL()
				if err != nil {
					t.Fatal(err)
				}
				compareText(t, c.name+"-authorize.url", address+"\n")
			}
			host := strings.Split(endpoints.Token, "/")[2]
			s := clienttest.New(t, clienttest.Options{
				RequireClientCertificate: p.RequiresCertificate, Certificate: clienttest.ServerCertificate(host),
			})
			s.Enqueue(clienttest.JSON(200, `{"access_token":"a"}`))
			proxy.Route(host, s)
			r := &client.Request{
				Provider: p, Endpoint: endpoints.Token, GrantType: client.GrantAuthorizationCode, ClientID: c.clientID, ClientSecret: client.NewSecret(c.secret),
				Code: client.NewSecret("SplxlOBeZQQYbYS6WxSbIA"), RedirectURI: sampleRedirect + c.name, CodeVerifier: client.NewSecret(sampleVerifier),
				Scope: c.scope, IdempotencyKey: isabelRequest.IdempotencyKey,
			}
			if p.RequiresCertificate {
				r.Identity, r.CodeVerifier = newTestIdentity(t), client.Secret{} // its pages ask for no PKCE
			}
			if _, err := client.Exchange(t.Context(), trusting(), r); err != nil {
				t.Fatal(err)
			}
			compare(t, c.name+"-code", s.Requests())
		})
	}
}

// compareText checks a text against its fixture.
func compareText(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "requests", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("made:\n%s\nwant:\n%s", got, want)
	}
}

// TestConsentFixturesSayWhatTheProvidersDocument compares the fixtures with the facts of the providers' documents: where
// the browser goes and what goes with it, and what is posted.
func TestConsentFixturesSayWhatTheProvidersDocument(t *testing.T) {
	for _, doc := range []struct {
		name, source string
		endpoint     string
		query        map[string]string // those that the document names
		body         []string          // the names of what the document posts, in any order
		header       map[string]string
	}{
		{
			name: "salesforce", source: "Salesforce, OAuth 2.0 Web Server Flow: both requests, with PKCE",
			endpoint: "https://login.salesforce.com/services/oauth2/authorize",
			query: map[string]string{
				"response_type": "code", "client_id": "{{clientId}}", "redirect_uri": sampleRedirect + "salesforce", "scope": "api openid refresh_token",
				"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
			},
			body: []string{"grant_type", "code", "client_id", "client_secret", "redirect_uri", "code_verifier"},
		},
		{
			name: "pingone", source: "PingOne, Authorize and Token (authorization_code): the curl commands with PKCE, client_secret_basic",
			endpoint: "https://auth.pingone.eu/abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6/as/authorize",
			query: map[string]string{
				"response_type": "code", "client_id": "0a1b2c3d-0001-4c3d-8e5f-1a2b3c4d5e6f", "redirect_uri": sampleRedirect + "pingone",
				"scope": "openid email offline_access", "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
				"code_challenge_method": "S256", "nonce": "n-0S6_WzA2Mj", "response_mode": "form_post",
			},
			body: []string{"grant_type", "code", "redirect_uri", "code_verifier"},
			header: map[string]string{
				"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte("0a1b2c3d-0001-4c3d-8e5f-1a2b3c4d5e6f:sample~secret-of.an_application")),
			},
		},
		{
			name: "pandadoc", source: "PandaDoc, Authorize a User and OAuth 2.0: the address, and the parameters without the scope, which is optional there",
			endpoint: "https://app.pandadoc.com/oauth2/authorize",
			query: map[string]string{
				"response_type": "code", "client_id": "{{client_id}}", "redirect_uri": sampleRedirect + "pandadoc", "scope": "read write",
			},
			body: []string{"grant_type", "client_id", "client_secret", "code", "redirect_uri", "code_verifier"},
		},
		{
			name: "isabel-connect", source: "Ibanity's client libraries for version 2: the first token",
			body: []string{"grant_type", "code", "redirect_uri"},
			header: map[string]string{
				"Ibanity-Idempotency-Key": "94c5586e-e15e-4bae-a1fe-fdbefe1f11d3", "Accept": "application/vnd.api+json",
				"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte("valid_client_id:valid_client_secret")),
			},
		},
	} {
		if doc.endpoint != "" {
			checkAddress(t, doc.name, doc.source, doc.endpoint, doc.query)
		}
		r, body := readFixture(t, doc.name+"-code")
		form, err := url.ParseQuery(body)
		var names []string
		for name := range form {
			names = append(names, name)
		}
		slices.Sort(names)
		slices.Sort(doc.body)
		if err != nil || r.Method != http.MethodPost || !slices.Equal(names, doc.body) || form.Get("grant_type") != "authorization_code" ||
			form.Get("redirect_uri") != sampleRedirect+doc.name || form.Get("code") != "SplxlOBeZQQYbYS6WxSbIA" {
			t.Errorf("%s: the body is %s, not as in %s", doc.name, body, doc.source)
		}
		for name, want := range doc.header {
			if r.Header.Get(name) != want {
				t.Errorf("%s: %s is %q, not as in %s", doc.name, name, r.Header.Get(name), doc.source)
			}
		}
	}
}

func checkAddress(t *testing.T, name, source, endpoint string, query map[string]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "requests", name+"-authorize.url"))
	if err != nil {
		t.Fatal(err)
	}
	begin, rest, _ := strings.Cut(strings.TrimSpace(string(text)), "?")
	got, err := url.ParseQuery(rest)
	if err != nil || begin != endpoint || got.Get("state") == "" {
		t.Errorf("%s: %s (%v), not as in %s", name, text, err, source)
	}
	for parameter, want := range query {
		if values := got[parameter]; !slices.Equal(values, []string{want}) {
			t.Errorf("%s: %s is %q, not as in %s", name, parameter, values, source)
		}
	}
}
