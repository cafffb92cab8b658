package client

import (
	"strings"
	"testing"
)

func TestEndpointsOfTheBuiltins(t *testing.T) {
	const env = "abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6"
	for _, c := range []struct {
		provider string
		params   map[string]string
		want     Endpoints
	}{
		{"isabel-connect", nil, endpointsOf("https://api.ibanity.com/isabel-connect/oauth2/token", "https://api.ibanity.com/isabel-connect/oauth2/revoke", "")},
		{"pandadoc", map[string]string{}, Endpoints{Token: "https://api.pandadoc.com/oauth2/access_token"}},
		{"salesforce", nil, endpointsOf(
			"https://login.salesforce.com/services/oauth2/token", "https://login.salesforce.com/services/oauth2/revoke",
			"https://login.salesforce.com/services/oauth2/introspect")},
		{"salesforce", map[string]string{"domain": "test.salesforce.com"}, endpointsOf(
			"https://test.salesforce.com/services/oauth2/token", "https://test.salesforce.com/services/oauth2/revoke",
			"https://test.salesforce.com/services/oauth2/introspect")},
		{"salesforce", map[string]string{"domain": "acme--uat.sandbox.my.salesforce.com", "site": ""}, endpointsOf(
			"https://acme--uat.sandbox.my.salesforce.com/services/oauth2/token", "https://acme--uat.sandbox.my.salesforce.com/services/oauth2/revoke",
			"https://acme--uat.sandbox.my.salesforce.com/services/oauth2/introspect")},
		{"salesforce", map[string]string{"domain": "Acme.my.site.com", "site": "/partners/eu"}, endpointsOf(
			"https://Acme.my.site.com/partners/eu/services/oauth2/token", "https://Acme.my.site.com/partners/eu/services/oauth2/revoke",
			"https://Acme.my.site.com/partners/eu/services/oauth2/introspect")},
		{"pingone", map[string]string{"environment_id": env}, endpointsOf(
			"https://auth.pingone.com/"+env+"/as/token", "https://auth.pingone.com/"+env+"/as/revoke", "https://auth.pingone.com/"+env+"/as/introspect")},
		{"pingone", map[string]string{"environment_id": env, "region": "com.au"}, endpointsOf(
			"https://auth.pingone.com.au/"+env+"/as/token", "https://auth.pingone.com.au/"+env+"/as/revoke", "https://auth.pingone.com.au/"+env+"/as/introspect")},
		{"pingone", map[string]string{"custom_domain": "login.acme.example"}, endpointsOf(
			"https://login.acme.example/as/token", "https://login.acme.example/as/revoke", "https://login.acme.example/as/introspect")},
	} {
		p := builtin(t, c.provider)
		got, err := p.Endpoints(c.params)
		got.Authorization, got.DeviceAuthorization, got.PushedAuthorization, got.JWKS = "", "", "", "" // see TestConsentEndpointsOfTheBuiltins
		if err != nil || got != c.want {
			t.Errorf("%s %v: %v (%v)", c.provider, c.params, got, err)
		}
	}
}

func endpointsOf(token, revocation, introspection string) Endpoints {
	return Endpoints{Token: token, Revocation: revocation, Introspection: introspection}
}

// A parameter fills its place and can't move the request to another host or path.
func TestParametersCannotMoveTheRequest(t *testing.T) {
	const env = "abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6"
	for provider, cases := range map[string][]map[string]string{
		"salesforce": {
			{"domain": "evil.example/x#"}, {"domain": "evil.example"}, {"domain": "evil.example#.salesforce.com"},
			{"domain": "evil.example/.salesforce.com"}, {"domain": "evil.example?.salesforce.com"}, {"domain": "evil.example\\.salesforce.com"},
			{"domain": "user@login.salesforce.com"}, {"domain": "evilsalesforce.com"}, {"domain": "salesforce.com.evil.example"},
			{"domain": "login.salesforce.com:444"}, {"domain": "login.salesforce.com\n"}, {"domain": ""}, {"domain": "salesforce.com"},
			{"domain": "login..salesforce.com"}, {"domain": "login.salesforce.com%2f"}, {"domain": "-.salesforce.com"},
			{"domain": strings.Repeat("a.", 130) + "salesforce.com"}, {"domain": "lögin.salesforce.com"},
			{"site": "partners"}, {"site": "/../x"}, {"site": "/a/../../x"}, {"site": "//evil.example"}, {"site": "/a?x="}, {"site": ".evil.example"},
			{"site": "@evil.example"}, {"site": ":443"}, {"site": "/a b"}, {"site": "/%2e%2e"}, {"site": "/{domain}"},
			{"realm": "x"},
		},
		"pingone": {
			{}, {"region": "eu"}, {"environment_id": "x"}, {"environment_id": env, "region": "evil.example"}, {"environment_id": env + "/.."},
			{"environment_id": env, "region": "com/"}, {"environment_id": env, "region": ""}, {"custom_domain": "auth.pingone.com/" + env},
			{"custom_domain": "localhost"}, {"custom_domain": "127.0.0.1"}, {"custom_domain": ""}, {"environment_id": env, "region": "xeu"},
		},
		"keliweb": {{"host": "evil.example"}},
	} {
		p := builtin(t, provider)
		for _, params := range cases {
			got, err := p.Endpoints(params)
			if err == nil {
				t.Errorf("%s %q: accepted as %s", provider, params, got.Token)
				continue
			}
			for _, value := range params {
				if len(value) > 6 && strings.Contains(err.Error(), value) && provider != "pingone" {
					t.Errorf("%s: the error repeats the value: %v", provider, err)
				}
			}
		}
	}
}

func TestMissingAndUnknownParametersAreNamed(t *testing.T) {
	p := builtin(t, "pingone")
	if _, err := p.Endpoints(nil); err == nil || !strings.Contains(err.Error(), `"environment_id" is missing`) {
		t.Errorf("missing: %v", err)
	}
	_, err := p.Endpoints(map[string]string{"my-secret": "x"})
	if err == nil || !strings.Contains(err.Error(), "custom_domain, environment_id, region") || strings.Contains(err.Error(), "my-secret") {
		t.Errorf("unknown: %v", err)
	}
	p = builtin(t, "keliweb")
	if _, err := p.Endpoints(map[string]string{"a": "b"}); err == nil || !strings.Contains(err.Error(), "no parameters") {
		t.Errorf("none: %v", err)
	}
}

// Without a pattern a value is a plain word. With one, the pattern counts from end to end, even
// when it is written to close the group that anchors it, but never lets the dangerous through.
func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, value string
		ok             bool
	}{
		{"", "acme-eu_1.x", true}, {"", "a", true}, {"", "", false}, {"", ".a", false}, {"", "a.", false}, {"", "a/b", false}, {"", "a..b", false},
		{"", "a:b", false}, {"", "a b", false}, {"", "é", false}, {"", "a\n", false},
		{"a|b", "a", true}, {"a|b", "b", true}, {"a|b", "ab", false}, {"a|b", "xb", false}, {"(?i)a", "A", true},
		{"a)|(b", "b", false}, {"a)|(.*", "evil", false},
		{".*", "x/y:1", true}, {".*", "x#", false}, {".*", "x?y", false}, {".*", "u@x", false}, {".*", "x\\y", false}, {".*", "%41", false},
		{".*", "a/../b", false}, {".*", "a//b", false}, {".*", "{x}", false}, {".*", "", true}, {"(?s).*", "a\nb", false},
		{"[", "a", false},
	} {
		p := &Provider{TokenEndpoint: "https://x.example/{p}/token"}
		if c.pattern != "" {
			p.ParamPatterns = map[string]string{"p": c.pattern}
		}
		if _, err := p.Endpoints(map[string]string{"p": c.value}); (err == nil) != c.ok {
			t.Errorf("pattern %q, value %q: %v", c.pattern, c.value, err)
		}
	}
}

func TestDefaultsThatReferToEachOtherEnd(t *testing.T) {
	p := &Provider{TokenEndpoint: "https://{a}/t", ParamDefaults: map[string]string{"a": "{b}", "b": "{a}"}}
	if _, err := p.Endpoints(nil); err == nil || !strings.Contains(err.Error(), "circle") {
		t.Errorf("got %v", err)
	}
	// Defaults that multiply each other must cost neither 600^4 steps nor that many bytes.
	b, c, d := strings.Repeat("{b}", 600), strings.Repeat("{c}", 600), strings.Repeat("{d}", 600)
	for _, end := range []string{"", "x"} {
		p.ParamDefaults = map[string]string{"a": "host" + b, "b": c, "c": d, "d": end}
		if _, err := p.Endpoints(nil); (err == nil) != (end == "") {
			t.Errorf("end %q: %v", end, err)
		}
	}
}

func TestOrigin(t *testing.T) {
	for in, want := range map[string]string{
		"https://API.Example.com/x/y?z=1": "https://api.example.com:443", "https://api.example.com:443": "https://api.example.com:443",
		"https://api.example.com:8443/": "https://api.example.com:8443", "http://127.0.0.1:80/t": "http://127.0.0.1:80",
		"http://localhost": "http://localhost:80", "https://api.example.com./t": "https://api.example.com:443", "https://[::1]/t": "https://[::1]:443",
		"HTTPS://api.example.com": "https://api.example.com:443",
	} {
		if got, err := Origin(in); err != nil || got != want {
			t.Errorf("%s: %s (%v), want %s", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "api.example.com", "//api.example.com", "ftp://api.example.com", "https://", "https:///x", "https://u:p@api.example.com",
		"https://api.example.com/#f", "https://api.example.com#", "https:api.example.com", "https://a b/", "https://exämple.com", "https://a.example:x/",
		"https://%61.example/", "https://[fe80::1%25eth0]/", "https://a.example\n/",
	} {
		if got, err := Origin(in); err == nil || strings.Contains(err.Error(), "u:p") {
			t.Errorf("%q: %s, %v", in, got, err)
		}
	}
}

func TestCheckHost(t *testing.T) {
	for _, c := range []struct {
		globs []string
		url   string
		ok    bool
	}{
		{nil, "https://any.example/t", true},
		{[]string{"api.example.com"}, "https://api.example.com/t", true},
		{[]string{"API.example.com"}, "https://api.EXAMPLE.com:8443/t", true},
		{[]string{"api.example.com"}, "https://api.example.com./t", true},
		{[]string{"*.example.com"}, "https://a.b.example.com/t", true},
		{[]string{"*.example.com"}, "https://example.com/t", false},
		{[]string{"*.example.com"}, "https://evilexample.com/t", false},
		{[]string{"*.example.com"}, "https://a.example.com.evil.example/t", false},
		{[]string{"other.example", "api?.example.com"}, "https://api1.example.com/t", true},
		{[]string{"127.0.0.1"}, "https://127.0.0.1:4443/t", true},
		{[]string{"["}, "https://api.example.com/t", false},
		{[]string{""}, "https://api.example.com/t", false},
		{nil, "http://any.example/t", false},
		{nil, "nonsense", false},
	} {
		if err := (Options{AllowedHosts: c.globs}).CheckHost(c.url); (err == nil) != c.ok {
			t.Errorf("%q, %s: %v", c.globs, c.url, err)
		}
	}
	if err := (Options{AllowInsecure: true}).CheckHost("http://any.example/t"); err != nil {
		t.Error(err)
	}
	for glob, ok := range map[string]bool{
		"*.example.com": true, "api-[12].example.com": true, "::1": true, "": false, "[": false, "https://a.example": false, "a.example/x": false, "a b": false,
		"a.example:443": false,
	} {
		if err := CheckHostGlobs([]string{"fine.example", glob}); (err == nil) != ok {
			t.Errorf("glob %q: %v", glob, err)
		}
	}
}
