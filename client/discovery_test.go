package client

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// publishing serves a document at one path, and 404 elsewhere.
func publishing(s *clienttest.Server, path, document string) {
	s.Handle(func(r *clienttest.Request) clienttest.Answer {
		if r.Path == path {
			return clienttest.JSON(200, document)
		}
		return clienttest.Text(404, "text/html", "<html>canary</html>")
	})
}

func TestDiscover(t *testing.T) {
	s := clienttest.New(t, clienttest.Options{})
	publishing(s, "/.well-known/oauth-authorization-server/tenant", fmt.Sprintf(`{
		"issuer": "%[1]s/tenant", "token_endpoint": "%[1]s/token", "revocation_endpoint": null, "Token_Endpoint": 1,
		"introspection_endpoint": "%[1]s/introspect", "jwks_uri": "http://elsewhere.example", "scopes_supported": ["a"],
		"token_endpoint_auth_methods_supported": ["none", "client_secret_post"],
		"mtls_endpoint_aliases": {"token_endpoint": "%[1]s/mtls", "userinfo_endpoint": 7}}`, s.URL()))
	m, err := Discover(t.Context(), trusting(), s.URL()+"/tenant")
	if err != nil {
		t.Fatal(err)
	}
	if m.Issuer != s.URL()+"/tenant" || m.TokenEndpoint != s.URL()+"/token" || m.RevocationEndpoint != "" ||
		m.IntrospectionEndpoint != s.URL()+"/introspect" || !slices.Equal(m.AuthMethods, []string{"none", "client_secret_post"}) ||
		len(m.MTLSEndpointAliases) != 1 || m.MTLSEndpointAliases["token_endpoint"] != s.URL()+"/mtls" {
		t.Errorf("%+v", m)
	}
	r := s.Requests()[0]
	if r.Method != http.MethodGet || len(r.Body) > 0 || r.Proto != "HTTP/1.1" || r.Header.Get("Accept") != "application/json" || len(r.Header) > 4 {
		t.Errorf("sent %s", r.Raw)
	}
}

func TestMetadataLocations(t *testing.T) {
	const oauth, openid = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"
	for issuer, want := range map[string][]string{
		"https://a.example":       {"https://a.example" + oauth, "https://a.example" + openid},
		"https://a.example/":      {"https://a.example" + oauth, "https://a.example" + openid},
		"https://a.example:8443":  {"https://a.example:8443" + oauth, "https://a.example:8443" + openid},
		"https://a.example/x/y":   {"https://a.example" + oauth + "/x/y", "https://a.example/x/y" + openid, "https://a.example" + openid + "/x/y"},
		"https://a.example/x%2F/": {"https://a.example" + oauth + "/x%2F", "https://a.example/x%2F" + openid, "https://a.example" + openid + "/x%2F"},
	} {
		if got := metadataLocations(issuer); !slices.Equal(got, want) {
			t.Errorf("%s: %q", issuer, got)
		}
	}
}

// Each place is asked in turn, as long as the one before says that there is nothing.
func TestDiscoverLooksInAllPlaces(t *testing.T) {
	for i, path := range []string{
		"/.well-known/oauth-authorization-server/tenant", "/tenant/.well-known/openid-configuration", "/.well-known/openid-configuration/tenant", "",
	} {
		s := clienttest.New(t, clienttest.Options{})
		publishing(s, path, fmt.Sprintf(`{"issuer":"%s/tenant","token_endpoint":"%s"}`, s.URL(), s.URL()))
		s.Enqueue(slices.Repeat([]clienttest.Answer{clienttest.Text(200, "text/html", "<html>single page</html>")}, min(i, 1))...)
		_, err := Discover(t.Context(), trusting(), s.URL()+"/tenant")
		if found := path != ""; found != (err == nil) || !found && !errors.Is(err, ErrNoMetadata) {
			t.Errorf("%s: %v", path, err)
		}
		if n := len(s.Requests()); n != min(i+1, 3) {
			t.Errorf("%s: %d requests", path, n)
		}
	}
}

// What a server answers instead of its own metadata: each a sentence, a class, and one request.
func TestDiscoverRefuses(t *testing.T) {
	elsewhere := clienttest.New(t, clienttest.Options{})
	s := clienttest.New(t, clienttest.Options{})
	good := fmt.Sprintf(`"issuer":"%s"`, s.URL())
	for name, c := range map[string]struct {
		answer clienttest.Answer
		class  Class
		want   string
	}{
		"redirect":          {clienttest.JSON(302, "{}").With("Location", elsewhere.URL()), ClientRefused, "redirects"},
		"other issuer":      {clienttest.JSON(200, `{"issuer":"https://canary.example"}`), ClientRefused, "name another one"},
		"no issuer":         {clienttest.JSON(200, `{"token_endpoint":"https://canary.example"}`), ClientRefused, "name another one"},
		"slash":             {clienttest.JSON(200, fmt.Sprintf(`{"issuer":"%s/"}`, s.URL())), ClientRefused, "slash at its end"},
		"issuer in capital": {clienttest.JSON(200, fmt.Sprintf(`{"Issuer":"%s"}`, s.URL())), ClientRefused, "name another one"},
		"two issuers":       {clienttest.JSON(200, `{"issuer":"https://canary.example",`+good+`}`), ClientRefused, "no valid document"},
		"two of a name":     {clienttest.JSON(200, `{`+good+`,"token_endpoint":"a","token_endpoint":"b"}`), ClientRefused, "no valid document"},
		"two aliases":       {clienttest.JSON(200, `{`+good+`,"mtls_endpoint_aliases":{"token_endpoint":"a","token_endpoint":"b"}}`), ClientRefused, "no valid document"},
		"a number":          {clienttest.JSON(200, `{`+good+`,"token_endpoint":7}`), ClientRefused, "no valid document"},
		"an object":         {clienttest.JSON(200, `{`+good+`,"revocation_endpoint":{"canary":"canary"}}`), ClientRefused, "no valid document"},
		"aliases, a list":   {clienttest.JSON(200, `{`+good+`,"mtls_endpoint_aliases":["canary"]}`), ClientRefused, "no valid document"},
		"methods, a text":   {clienttest.JSON(200, `{`+good+`,"token_endpoint_auth_methods_supported":"canary"}`), ClientRefused, "no valid document"},
		"no JSON":           {clienttest.JSON(200, `{canary}`), ClientRefused, "no valid document"},
		"two documents":     {clienttest.JSON(200, `{`+good+`}{`+good+`}`), ClientRefused, "no valid document"},
		"half":              {clienttest.JSON(200, `{`+good+`,"canary":`), ClientRefused, "no valid document"},
		"broken off":        {clienttest.Answer{Status: 200, Body: `{` + good + `}          `, CutAfter: 20}, NotProcessed, "broke off"},
		"giant":             {clienttest.JSON(200, `{`+good+`,"canary":"`+strings.Repeat("x", maxBody)+`"}`), ClientRefused, "larger than 512 KiB"},
		"gzip bomb":         {clienttest.Answer{Status: 200, Body: `{` + strings.Repeat(" ", 10*maxBody), Gzip: true}, ClientRefused, "larger than 512 KiB"},
		"deep":              {clienttest.JSON(200, `{`+good+`,"canary":`+strings.Repeat("[", 100_000)), ClientRefused, "no valid document"},
		"server error":      {clienttest.JSON(500, `{"error":"canary"}`), NotProcessed, "in trouble"},
		"unavailable":       {clienttest.JSON(503, `{"error":"canary"}`), NotProcessed, "in trouble"},
		"too many requests": {clienttest.JSON(429, `{"error":"canary"}`), NotProcessed, "in trouble"},
		"hangs up":          {clienttest.Answer{Drop: true}, NotProcessed, "did not answer"},
	} {
		before := s.Connections()
		s.Enqueue(c.answer)
		_, err := Discover(t.Context(), trusting(), s.URL())
		e := asError(t, err)
		if e.Class != c.class || !strings.Contains(e.Reason, c.want) || strings.Contains(fmt.Sprintf("%#v", e), "canary") {
			t.Errorf("%s: %s: %s", name, e.Class, e.Reason)
		}
		if n := s.Connections() - before; n != 1 && !(n == 2 && (name == "redirect" || name == "server error")) {
			t.Errorf("%s: %d connections", name, n)
		}
	}
	if elsewhere.Connections() > 0 {
		t.Error("a redirect was followed")
	}
}

// A server may redirect or fail at one place and have its document at the next.
func TestDiscoverGoesOn(t *testing.T) {
	for _, status := range []int{302, 500, 501} {
		s := clienttest.New(t, clienttest.Options{})
		s.Enqueue(clienttest.Text(status, "text/html", "log in"), clienttest.JSON(200, fmt.Sprintf(`{"issuer":"%s","token_endpoint":"%s/token"}`, s.URL(), s.URL())))
		if m, err := Discover(t.Context(), trusting(), s.URL()); err != nil || m.TokenEndpoint != s.URL()+"/token" {
			t.Errorf("%d: %v %v", status, m, err)
		}
	}
}

// What keeps a request from being made at all, and what breaks it.
func TestDiscoverIsBounded(t *testing.T) {
	s := clienttest.New(t, clienttest.Options{})
	s.Handle(func(*clienttest.Request) clienttest.Answer { return clienttest.Answer{Gate: make(chan struct{})} })
	plain := clienttest.New(t, clienttest.Options{Plain: true})
	strict := clienttest.New(t, clienttest.Options{RequireClientCertificate: true})
	start := time.Now()
	short := Options{RootCAs: clienttest.Pool(), Timeout: 100 * time.Millisecond}
	for name, c := range map[string]struct {
		issuer  string
		options Options
		class   Class
		want    string
	}{
		"none":              {"", trusting(), ClientRefused, "issuer is missing"},
		"plain http":        {plain.URL(), trusting(), ClientRefused, "issuer must start with https://"},
		"query":             {s.URL() + "?canary", trusting(), ClientRefused, "issuer must be"},
		"fragment":          {s.URL() + "#canary", trusting(), ClientRefused, "fragment"},
		"not allowed":       {s.URL(), Options{AllowedHosts: []string{"*.example.com"}}, ClientRefused, "issuer: the endpoint's host is not among allowed_hosts"},
		"unknown authority": {s.URL(), Options{RootCAs: x509.NewCertPool()}, NotProcessed, "the issuer's certificate is signed by an unknown authority"},
		"no such host":      {"https://nowhere.example", trusting(), NotProcessed, "the connection to the issuer"},
		"certificate":       {strict.URL(), trusting(), ClientRefused, "clients with a certificate only"},
		"hanging":           {s.URL(), short, NotProcessed, "request_timeout"},
	} {
		_, err := Discover(t.Context(), c.options, c.issuer)
		if e := asError(t, err); e.Class != c.class || !strings.Contains(e.Reason, c.want) || strings.Contains(e.Reason, "canary") {
			t.Errorf("%s: %s: %s", name, e.Class, e.Reason)
		}
	}
	if plain.Connections() > 0 || len(s.Requests()) != 1 || len(strict.Requests()) > 0 {
		t.Error("something was sent")
	}
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("took %s", took)
	}
}
