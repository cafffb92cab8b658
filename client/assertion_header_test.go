package client

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// rawHeader is a JWT's header as it was sent.
func rawHeader(t *testing.T, token string) map[string]any {
	t.Helper()
	encoded, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	header := map[string]any{}
	if err != nil || json.Unmarshal(text, &header) != nil {
		t.Fatalf("%q", token)
	}
	return header
}

// Servers of RFC 7523bis refuse any other type, AD FS looks for the SHA-1 thumbprint, Entra ID's subject name and issuer
// for the certificate itself.
func TestAssertionHeadersAreData(t *testing.T) {
	id := mustIdentity(t, "rsa")
	var chain []any
	for _, der := range id.Certificate().Certificate {
		chain = append(chain, base64.StdEncoding.EncodeToString(der))
	}
	sum := sha1.Sum(id.Certificate().Certificate[0])
	for _, c := range []struct {
		typ     string
		headers []string
		want    map[string]any // nil for one that is not there
	}{
		{"", nil, map[string]any{"typ": "JWT", "x5t": nil, "x5c": nil}},
		{AssertionTypeClient, nil, map[string]any{"typ": "client-authentication+jwt"}},
		{"", []string{HeaderX5T}, map[string]any{"x5t": base64.RawURLEncoding.EncodeToString(sum[:]), "x5t#S256": nil}},
		{"", []string{HeaderX5C, HeaderX5TS256}, map[string]any{"x5c": chain, "x5t#S256": id.SigningKey().thumbprint()}},
	} {
		r := sent(t, func(r *Request) {
			signing(t, "rsa", "")(r)
			r.Provider.AssertionType, r.Provider.AssertionCertificateHeaders = c.typ, c.headers
		})
		got := rawHeader(t, r.Form.Get("client_assertion"))
		for name, want := range c.want {
			list, _ := got[name].([]any)
			wanted, isList := want.([]any)
			if isList && !slices.Equal(list, wanted) || !isList && got[name] != want {
				t.Errorf("%q %v: %s is %v, want %v", c.typ, c.headers, name, got[name], want)
			}
		}
	}
}

// An assertion that is the grant does not authenticate the client.
func TestTheGrantsAssertionHasATypeOfItsOwn(t *testing.T) {
	for typ, want := range map[string]string{"": "JWT", AssertionTypeClient: "JWT", "authorization-grant+jwt": "authorization-grant+jwt"} {
		r := sent(t, func(r *Request) {
			signing(t, "rsa", "")(r)
			r.Provider.AssertionType, r.GrantType, r.Provider.TokenEndpointAuthMethod = typ, GrantJWTBearer, AuthNone
		})
		if got := rawHeader(t, r.Form.Get("assertion"))["typ"]; got != want {
			t.Errorf("%q: %v", typ, got)
		}
	}
}

// A key without a certificate can't name it: refused before anything is sent.
func TestAKeyWithoutTheCertificateThatIsToBeNamed(t *testing.T) {
	s := clienttest.New(t, clienttest.Options{})
	r := refresh(s)
	signing(t, "rsa", "")(r)
	key, _ := r.Assertion.Key.PEM()
	bare, err := ParseSigningKey(key, Secret{})
	if err != nil {
		t.Fatal(err)
	}
	r.Assertion.Key, r.Provider.AssertionCertificateHeaders = bare, []string{HeaderX5C}
	_, err = Exchange(t.Context(), trusting(), r)
	if e := asError(t, err); e.Class != ClientRefused || !strings.Contains(e.Reason, "assertion_certificate_headers") || s.Connections() != 0 {
		t.Errorf("%+v, %d connections", e, s.Connections())
	}
}

// Some revocation endpoints want to be addressed themselves; tokens are asked for as before.
func TestTheAudienceOfARevocation(t *testing.T) {
	leaf := identityCertificate(t, "rsa.pem")
	for audience, want := range map[string]string{
		"": "https://as.example/token", AudienceRevocationEndpoint: "https://as.example/revoke",
		AudienceIssuer: "https://as.example", "urn:x": "urn:x", AudienceTokenEndpoint: "https://as.example/token",
	} {
		s := clienttest.New(t, clienttest.Options{})
		s.Handle(func(*clienttest.Request) clienttest.Answer { return clienttest.JSON(200, `{"access_token":"a"}`) })
		r := refresh(s)
		signing(t, "rsa", "")(r)
		r.Provider.Issuer, r.Provider.RevocationAssertionAudience = "https://as.example", audience
		r.Audience, r.RevocationAudience = "https://as.example/token", "https://as.example/revoke"
		if err := Revoke(t.Context(), trusting(), r, NewSecret("t"), ""); err != nil {
			t.Fatal(err)
		}
		if _, err := Exchange(t.Context(), trusting(), r); err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{want, "https://as.example/token"} {
			if _, got := claims(t, s.Requests()[i].Form.Get("client_assertion"), leaf.PublicKey); got["aud"] != want {
				t.Errorf("%q: request %d is for %v, want %s", audience, i, got["aud"], want)
			}
		}
	}
}

func TestAssertionHeadersAreChecked(t *testing.T) {
	for want, p := range map[string]Provider{
		"assertion_type":                       {AssertionType: "a b"},
		"assertion_certificate_headers":        {AssertionCertificateHeaders: []string{"kid"}},
		"each once":                            {AssertionCertificateHeaders: []string{HeaderX5T, HeaderX5T}},
		"needs a revocation_endpoint":          {RevocationAssertionAudience: AudienceRevocationEndpoint},
		"revocation_assertion_audience=issuer": {RevocationAssertionAudience: AudienceIssuer},
	} {
		p.TokenEndpoint = "https://as.example/token"
		if err := p.Validate(false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// An empty password, and client_id beside it, are what some servers want (Reddit, CAS) and others refuse.
func TestBasicAsServersWantIt(t *testing.T) {
	for _, c := range []struct {
		secret string
		beside bool
		header string
		body   string
	}{
		{"", false, "the-client:", "grant_type=refresh_token&refresh_token=the-refresh-token"},
		{"s", true, "the-client:s", "grant_type=refresh_token&client_id=the-client&refresh_token=the-refresh-token"},
		{"", true, "the-client:", "grant_type=refresh_token&client_id=the-client&refresh_token=the-refresh-token"},
	} {
		r := sent(t, func(r *Request) {
			r.Provider.TokenEndpointAuthMethod, r.Provider.SendClientID, r.ClientSecret = AuthBasic, c.beside, NewSecret(c.secret)
		})
		if got := r.Header.Get("Authorization"); got != "Basic "+base64.StdEncoding.EncodeToString([]byte(c.header)) || string(r.Body) != c.body {
			t.Errorf("%s with %s", got, r.Body)
		}
	}
}
