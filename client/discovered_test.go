package client

import (
	"maps"
	"strings"
	"testing"
)

// Only names of fields that are asked for change, and what the metadata lack goes.
func TestFill(t *testing.T) {
	m := &Metadata{Issuer: "https://a.example.com", TokenEndpoint: "https://b.example.com/token",
		MTLSEndpointAliases: map[string]string{"token_endpoint": "https://mtls.example.com/token"}}
	old := &Provider{TokenEndpoint: "https://old.example/{x}", RevocationEndpoint: "https://old.example/revoke", TokenEndpointAuthMethod: AuthPost}
	p := old.Clone()
	if err := p.Fill(m, Options{}, DiscoveredFields); err != nil {
		t.Fatal(err)
	}
	if p.TokenEndpoint != m.TokenEndpoint || p.RevocationEndpoint != "" || p.TokenEndpointAuthMethod != AuthBasic ||
		!maps.Equal(p.MTLSEndpointAliases, m.MTLSEndpointAliases) {
		t.Errorf("%+v", p)
	}
	p = old.Clone()
	if err := p.Fill(m, Options{}, []string{"introspection_endpoint", "mtls_endpoint_aliases"}); err != nil {
		t.Fatal(err)
	}
	if p.TokenEndpoint != old.TokenEndpoint || p.RevocationEndpoint != old.RevocationEndpoint || p.TokenEndpointAuthMethod != AuthPost {
		t.Errorf("%+v", p)
	}
	if err := new(Provider).Fill(&Metadata{}, Options{}, DiscoveredFields); err == nil || !strings.Contains(err.Error(), "name no token_endpoint") {
		t.Error(err)
	}
}

// Where an endpoint may lie: whoever writes the document must not be able to have secrets sent
// elsewhere than to the issuer's owner.
func TestFillKeepsToTheIssuersDomain(t *testing.T) {
	for _, c := range []struct {
		issuer, endpoint string
		o                Options
		want             string // "" when it is taken
	}{
		{"https://a.example.com/x", "https://a.example.com/token", Options{}, ""},
		{"https://a.example.com", "https://A.Example.com.:8443/token", Options{}, ""},
		{"https://a.example.com", "https://b.c.example.com/token", Options{}, ""},
		{"https://a.example.co.uk", "https://b.example.co.uk/token", Options{}, ""},
		{"https://a.example.co.uk", "https://canary.co.uk/token", Options{}, "domain"},
		{"https://a.example.com", "https://canary.com/token", Options{}, "domain"},
		{"https://a.example.com", "https://example.com.canary.net/token", Options{}, "domain"},
		{"https://a.github.io", "https://canary.github.io/token", Options{}, "domain"},
		{"https://a.azurewebsites.net", "https://canary.azurewebsites.net/token", Options{}, "domain"},
		{"https://co.uk", "https://canary.co.uk/token", Options{}, "domain"},
		{"https://login", "https://login/token", Options{}, ""},
		{"https://login", "https://canary/token", Options{}, "domain"},
		{"https://192.0.2.1", "https://192.0.2.1:444/token", Options{}, ""},
		{"https://192.0.2.1", "https://198.0.2.1/token", Options{}, "domain"},
		{"https://192.0.2.1", "https://canary.2.1/token", Options{}, "domain"},
		{"https://[2001:db8::1]", "https://[2001:db8::1]/token", Options{}, ""},
		{"https://[2001:db8::1]", "https://[2001:db8::2]/token", Options{}, "domain"},
		{"https://a.example.com", "http://a.example.com/canary", Options{}, "https://"},
		{"https://a.example.com", "http://a.example.com/token", Options{AllowInsecure: true}, ""},
		{"https://a.example.com", "https://canary@a.example.com/", Options{}, "user name"},
		{"https://a.example.com", "https://a.example.com/#canary", Options{}, "fragment"},
		{"https://a.example.com", "/canary", Options{}, "https://"},
		{"https://a.example.com", "https://a.example.com/{canary}", Options{}, "no usable URL"},
		{"https://a.example.com", "https://{canary}.example.com/", Options{}, "no usable URL"},
		{"https://a.example.com", "https://a.example.com/can ary", Options{}, "no usable URL"},
		{"https://a.example.com", "https://a.example.com/\u202ecanary", Options{}, "no usable URL"},
		{"https://accounts.google.com", "https://oauth2.googleapis.com/token", Options{}, "domain"},
		{"https://accounts.google.com", "https://oauth2.googleapis.com/token", Options{AllowedHosts: []string{"*.googleapis.com"}}, ""},
		{"https://a.example.com", "https://b.example.com/canary", Options{AllowedHosts: []string{"a.example.com"}}, "allowed_hosts"},
	} {
		for field, m := range map[string]*Metadata{
			"token_endpoint":        {Issuer: c.issuer, TokenEndpoint: c.endpoint},
			"revocation_endpoint":   {Issuer: c.issuer, RevocationEndpoint: c.endpoint},
			"mtls_endpoint_aliases": {Issuer: c.issuer, MTLSEndpointAliases: map[string]string{"token_endpoint": c.endpoint}},
		} {
			err := (&Provider{TokenEndpoint: "https://own.example"}).Fill(m, c.o, []string{field})
			if (err == nil) != (c.want == "") {
				t.Errorf("%s, %s %s: %v", c.issuer, field, c.endpoint, err)
			}
			if err != nil && (!strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), field+" ") || strings.Contains(err.Error(), "canary")) {
				t.Errorf("%s, %s %s says %q", c.issuer, field, c.endpoint, err)
			}
		}
	}
}

func TestFillChoosesTheMethod(t *testing.T) {
	for _, c := range []struct {
		offered []string
		want    string // "" when none will do
	}{
		{nil, AuthBasic},
		{[]string{"none", "client_secret_post", "client_secret_basic"}, AuthBasic},
		{[]string{"none", "client_secret_post"}, AuthPost},
		{[]string{"canary", "self_signed_tls_client_auth", "none", "tls_client_auth"}, AuthTLS},
		{[]string{"none"}, AuthNone},
		{[]string{"private_key_jwt_of_tomorrow", "none"}, AuthNone},
		{[]string{"canary"}, ""},
		{[]string{}, ""},
	} {
		p := new(Provider)
		err := p.Fill(&Metadata{Issuer: "https://a.example", TokenEndpoint: "https://a.example", AuthMethods: c.offered}, Options{}, DiscoveredFields)
		if p.TokenEndpointAuthMethod != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q: %q, %v", c.offered, p.TokenEndpointAuthMethod, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "write token_endpoint_auth_method") || strings.Contains(err.Error(), "canary")) {
			t.Error(err)
		}
	}
}

// A server may offer what this package does not speak, and that it is preferred does not help.
func TestFillChoosesNoMethodThatIsNotSupported(t *testing.T) {
	supported := authMethods
	defer func() { authMethods = supported }()
	authMethods = []string{AuthTLS, AuthNone}
	p, m := new(Provider), &Metadata{Issuer: "https://a.example", TokenEndpoint: "https://a.example", AuthMethods: authPreference}
	if err := p.Fill(m, Options{}, DiscoveredFields); err != nil || p.TokenEndpointAuthMethod != AuthTLS {
		t.Errorf("%q, %v", p.TokenEndpointAuthMethod, err)
	}
}
