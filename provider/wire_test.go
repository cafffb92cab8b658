package provider

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"flag"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

var update = flag.Bool("update", false, "rewrite testdata/requests from what is sent now")

// boundary is the random part of a multipart body, always of the same length.
var boundary = regexp.MustCompile(`(boundary=|--)[0-9a-f]{60}`)

// exact are the requests whose every byte is kept in testdata/requests. The credentials are the
// samples of the providers' own documents.
var exact = []struct {
	name     string // of the fixture: the provider, and how it is varied
	provider string
	vary     func(*client.Provider)
	params   map[string]string
	request  client.Request
}{
	{name: "isabel-connect", provider: "isabel-connect", request: isabelRequest},
	{name: "isabel-connect-v1", provider: "isabel-connect-v1", request: isabelRequest},
	{name: "salesforce", provider: "salesforce", request: salesforceRequest},
	{
		name: "salesforce-experience-site", provider: "salesforce", request: salesforceRequest,
		params: map[string]string{"domain": "acme--uat.sandbox.my.site.com", "site": "/partners"},
	},
	{name: "pandadoc", provider: "pandadoc", request: pandadocRequest("read+write")},
	{name: "pandadoc-two-scopes", provider: "pandadoc", request: pandadocRequest("read write")},
	{name: "pingone", provider: "pingone", params: pingoneParams, request: pingoneRequest},
	{
		name: "pingone-sample-unencoded", provider: "pingone", params: pingoneParams, request: pingoneSample,
		vary: func(p *client.Provider) { p.BasicEncoding = client.BasicRaw },
	},
	{
		name: "pingone-client_secret_post", provider: "pingone", params: pingoneParams, request: pingoneRequest,
		vary: func(p *client.Provider) { p.TokenEndpointAuthMethod = client.AuthPost },
	},
	{
		name: "pingone-none", provider: "pingone", params: pingoneParams, request: pingoneRequest,
		vary: func(p *client.Provider) { p.TokenEndpointAuthMethod = client.AuthNone },
	},
	{
		name: "pingone-custom-domain", provider: "pingone", request: pingoneRequest,
		params: map[string]string{"custom_domain": "login.acme.example"},
	},
	{name: "keliweb", provider: "keliweb", request: keliwebRequest},
	{
		name: "keliweb-multipart", provider: "keliweb", request: keliwebRequest,
		vary: func(p *client.Provider) { p.RequestFormat = client.FormatMultipart },
	},
}

var (
	isabelRequest = client.Request{
		ClientID: "valid_client_id", ClientSecret: client.NewSecret("valid_client_secret"),
		RefreshToken: client.NewSecret("valid_refresh_token"), IdempotencyKey: "94c5586e-e15e-4bae-a1fe-fdbefe1f11d3",
	}
	salesforceRequest = client.Request{
		ClientID: "{{clientId}}", ClientSecret: client.NewSecret("{{clientSecret}}"), RefreshToken: client.NewSecret("{{_refreshToken}}"),
		Scope: "api refresh_token", // not sent: the provider has no send_scope
	}
	pingoneParams = map[string]string{"region": "eu", "environment_id": "abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6"}
	// The document's sample credentials are placeholders in braces, which no real ones hold: a
	// client id is a UUID and a secret letters, digits and "-._~", the same in either encoding.
	pingoneSample = client.Request{
		ClientID: "{{webAppSimpleLoginId}}", ClientSecret: client.NewSecret("{{SimpleLoginAppSecret}}"),
		RefreshToken: client.NewSecret("{{useCaseRefreshToken}}"),
	}
	pingoneRequest = client.Request{
		ClientID: "0a1b2c3d-0001-4c3d-8e5f-1a2b3c4d5e6f", ClientSecret: client.NewSecret("sample~secret-of.an_application"),
		RefreshToken: client.NewSecret("{{useCaseRefreshToken}}"),
	}
	keliwebRequest = client.Request{
		ClientID: "ea9ea94e-a0c2-4b87-9834-26b218ed26a0", ClientSecret: client.NewSecret("MoQSElJG5MoLkVhRJCJ7jdQZVwfbrtwKKepwOsXO"),
		RefreshToken: client.NewSecret("def50200cb918cb70defe79d45f1f2193c4c0a959fd78a5c3123e5d3f33f3b8af6b1080f6c7458e910f6992f4f7b2f25da42b58ae7542950"),
	}
)

func pandadocRequest(scope string) client.Request {
	return client.Request{
		ClientID: "{{client_id}}", ClientSecret: client.NewSecret("{{client_secret}}"),
		RefreshToken: client.NewSecret("{{refresh_token}}"), Scope: scope,
	}
}

// TestExactRequests sends each request to the provider's true URL, through a proxy to a server of
// the test, and compares what arrives with the fixture, byte for byte.
func TestExactRequests(t *testing.T) {
	for _, c := range exact {
		t.Run(c.name, func(t *testing.T) {
			p, _ := Builtin(c.provider)
			if c.vary != nil {
				c.vary(p)
			}
			endpoints, err := p.Endpoints(c.params)
			if err != nil {
				t.Fatal(err)
			}
			host := strings.Split(endpoints.Token, "/")[2]
			s := clienttest.New(t, clienttest.Options{
				RequireClientCertificate: p.RequiresCertificate, Certificate: clienttest.ServerCertificate(host),
			})
			s.Enqueue(clienttest.JSON(200, `{"access_token":"a"}`))
			proxy.Route(host, s)
			r := c.request
			r.Provider, r.Endpoint, r.GrantType = p, endpoints.Token, client.GrantRefreshToken
			if p.RequiresCertificate {
				r.Identity = newTestIdentity(t)
			}
			if _, err := client.Exchange(t.Context(), trusting(), &r); err != nil {
				t.Fatal(err)
			}
			compare(t, c.name, s.Requests())
		})
	}
}

// compare checks the one request against its fixture. Fixtures have the line ends of text files.
func compare(t *testing.T, name string, got []*clienttest.Request) {
	t.Helper()
	if len(got) != 1 {
		t.Fatalf("%d requests arrived, want 1", len(got))
	}
	raw := boundary.ReplaceAll(got[0].Raw, []byte("${1}BOUNDARY"))
	text := bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	if bytes.Count(raw, []byte("\n")) != bytes.Count(raw, []byte("\r\n")) {
		t.Error("a line break without a carriage return")
	}
	file := filepath.Join("testdata", "requests", name+".http")
	if *update {
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, want) {
		t.Errorf("sent:\n%s\nwant:\n%s", text, want)
	}
}

// TestFixturesSayWhatTheProvidersDocument compares the fixtures with the facts of the documents
// that the providers' owners publish, so that neither the code nor -update can drift from them.
func TestFixturesSayWhatTheProvidersDocument(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	for _, doc := range []struct {
		fixture, source string
		host, path      string
		header          map[string]string
		absent          []string
		body            string
	}{
		{
			fixture: "isabel-connect-v1", source: "Isabel Connect, create (refresh) an access token: the curl command",
			host: "api.ibanity.com", path: "/isabel-connect/oauth2/token",
			header: map[string]string{
				"Content-Type": form, "Accept": "application/vnd.api+json",
				"Ibanity-Idempotency-Key": "94c5586e-e15e-4bae-a1fe-fdbefe1f11d3",
			},
			absent: []string{"Authorization"},
			body:   "grant_type=refresh_token&refresh_token=valid_refresh_token&client_id=valid_client_id&client_secret=valid_client_secret",
		},
		{
			fixture: "isabel-connect", source: "Ibanity's client libraries for version 2: the client authenticates by Basic, unencoded",
			host: "api.ibanity.com", path: "/isabel-connect/oauth2/token",
			header: map[string]string{
				"Content-Type": form, "Accept": "application/vnd.api+json",
				"Ibanity-Idempotency-Key": "94c5586e-e15e-4bae-a1fe-fdbefe1f11d3",
				"Authorization":           "Basic " + base64.StdEncoding.EncodeToString([]byte("valid_client_id:valid_client_secret")),
			},
			body: "grant_type=refresh_token&refresh_token=valid_refresh_token",
		},
		{
			fixture: "salesforce", source: "Salesforce, Refresh Token: the curl command",
			host: "login.salesforce.com", path: "/services/oauth2/token",
			header: map[string]string{"Content-Type": form}, absent: []string{"Authorization"},
			body: "grant_type=refresh_token&client_id=%7B%7BclientId%7D%7D&client_secret=%7B%7BclientSecret%7D%7D&refresh_token=%7B%7B_refreshToken%7D%7D",
		},
		{
			fixture: "pandadoc", source: "PandaDoc, Refresh Access Token: the curl command",
			host: "api.pandadoc.com", path: "/oauth2/access_token",
			header: map[string]string{"Content-Type": form}, absent: []string{"Authorization"},
			body: "grant_type=refresh_token&client_id=%7B%7Bclient_id%7D%7D&client_secret=%7B%7Bclient_secret%7D%7D&scope=read%2Bwrite&refresh_token=%7B%7Brefresh_token%7D%7D",
		},
		{
			fixture: "pingone", source: "PingOne, exchange the refresh token: the curl command, which takes id and secret as --user",
			host: "auth.pingone.eu", path: "/abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6/as/token",
			header: map[string]string{
				"Content-Type":  form,
				"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte("0a1b2c3d-0001-4c3d-8e5f-1a2b3c4d5e6f:sample~secret-of.an_application")),
			},
			body: "grant_type=refresh_token&refresh_token=%7B%7BuseCaseRefreshToken%7D%7D",
		},
		{
			fixture: "pingone-sample-unencoded", source: "PingOne, exchange the refresh token: the HTTP example",
			host: "auth.pingone.eu", path: "/abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6/as/token",
			header: map[string]string{
				"Content-Type":  form,
				"Authorization": "Basic e3t3ZWJBcHBTaW1wbGVMb2dpbklkfX06e3tTaW1wbGVMb2dpbkFwcFNlY3JldH19",
			},
			body: "grant_type=refresh_token&refresh_token=%7B%7BuseCaseRefreshToken%7D%7D",
		},
		{
			fixture: "keliweb", source: "Keliweb, Refreshing Tokens: the PHP example",
			host: "apiv2.keliweb.it", path: "/oauth/token",
			header: map[string]string{"Content-Type": form, "X-Requested-With": "XMLHttpRequest"},
			absent: []string{"Authorization"},
			body: "grant_type=refresh_token&client_id=ea9ea94e-a0c2-4b87-9834-26b218ed26a0&client_secret=MoQSElJG5MoLkVhRJCJ7jdQZVwfbrtwKKepwOsXO" +
				"&refresh_token=def50200cb918cb70defe79d45f1f2193c4c0a959fd78a5c3123e5d3f33f3b8af6b1080f6c7458e910f6992f4f7b2f25da42b58ae7542950",
		},
	} {
		r, body := readFixture(t, doc.fixture)
		if r.Method != "POST" || r.Host != doc.host || r.RequestURI != doc.path || r.Proto != "HTTP/1.1" {
			t.Errorf("%s: %s %s%s, not as in %s", doc.fixture, r.Method, r.Host, r.RequestURI, doc.source)
		}
		for name, want := range doc.header {
			if got := r.Header.Values(name); len(got) != 1 || got[0] != want {
				t.Errorf("%s: %s is %q, not as in %s", doc.fixture, name, got, doc.source)
			}
		}
		for _, name := range doc.absent {
			if len(r.Header.Values(name)) != 0 {
				t.Errorf("%s: there is a header %s, unlike in %s", doc.fixture, name, doc.source)
			}
		}
		if body != doc.body {
			t.Errorf("%s: the body is\n%s\nnot as in %s\n%s", doc.fixture, body, doc.source, doc.body)
		}
	}
}

// TestKeliwebMultipartFields reads the fixture as the provider's jQuery example builds it.
func TestKeliwebMultipartFields(t *testing.T) {
	r, body := readFixture(t, "keliweb-multipart")
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		t.Fatalf("content type %q (%v)", kind, err)
	}
	parts := multipart.NewReader(strings.NewReader(strings.ReplaceAll(body, "\n", "\r\n")), params["boundary"])
	var names []string
	for {
		part, err := parts.NextPart()
		if err != nil {
			break
		}
		names = append(names, part.FormName())
	}
	if got := strings.Join(names, " "); got != "grant_type client_id client_secret refresh_token" {
		t.Errorf("fields %s", got)
	}
}

// readFixture parses a fixture; its lengths are those of the real bytes, so the body is the rest.
func readFixture(t *testing.T, name string) (*http.Request, string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "requests", name+".http"))
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ := strings.Cut(string(data), "\n\n")
	in := bufio.NewReader(io.MultiReader(strings.NewReader(head), strings.NewReader("\n\n")))
	r, err := http.ReadRequest(in)
	if err != nil {
		t.Fatal(err)
	}
	return r, body
}
