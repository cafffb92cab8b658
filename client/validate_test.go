package client

import (
	"strings"
	"testing"
	"time"
)

// valid is a definition with every field in use.
func valid() *Provider {
	return &Provider{
		TokenEndpoint: "https://{tenant}.example.com/oauth2/token?v=2", RevocationEndpoint: "https://{tenant}.example.com/revoke",
		IntrospectionEndpoint: "https://{tenant}.example.com/introspect",
		ParamPatterns:         map[string]string{"tenant": "[a-z]+"}, ParamDefaults: map[string]string{"tenant": "acme"},
		TokenEndpointAuthMethod: AuthBasic, BasicEncoding: BasicRaw, RequestFormat: FormatJSON,
		TokenParams: map[string]string{"audience": "x"}, TokenHeaders: map[string]string{"X-Tenant": "x"},
		ParamOrder: []string{"grant_type"}, IdempotencyHeader: "Idempotency-Key", AccessTokenPointer: "/data/0/token",
		RefreshTokenPointer: "/data/refresh~1token", ExpiresInPointer: "/x~0y", RefreshTokenExpiresInPointer: "/y",
		ExtraFields: []string{"id_token", "/team/id"}, AssumedTokenTTL: Duration(time.Hour), RefreshWindow: Duration(time.Minute),
		RefreshTokenRotation: RotationAlways, ReuseGrace: Duration(time.Minute), RefreshTokenIdleTTL: Duration(maxDuration),
		PermanentErrors: []string{"gone", "urn:x:y", "invalid_request: refresh token is invalid", "*: revoked"}, Docs: "https://example.com",
		Consent: validConsent(),
	}
}

func TestValidDefinitions(t *testing.T) {
	if err := valid().Validate(false); err != nil {
		t.Error(err)
	}
	if err := (&Provider{TokenEndpoint: "https://example.com/token"}).Validate(false); err != nil {
		t.Errorf("a token endpoint alone: %v", err)
	}
	if err := (&Provider{TokenEndpoint: "https://{host}:{port}/{path}"}).Validate(false); err != nil {
		t.Errorf("a host, port and path to be given: %v", err)
	}
	for _, name := range []string{"X-Idempotency-Key", "idempotency-key", "Ibanity-Idempotency-Key"} {
		p := valid()
		p.IdempotencyHeader = name
		if err := p.Validate(false); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Each mistake is refused with a sentence that names its field and repeats no value.
func TestInvalidDefinitions(t *testing.T) {
	long := strings.Repeat("canary", 2000)
	many := map[string]string{}
	for i := range maxListed + 1 {
		many["p"+strings.Repeat("x", i)] = ""
	}
	for name, c := range map[string]struct {
		field  string
		change func(*Provider)
	}{
		"no endpoint":             {"token_endpoint", func(p *Provider) { p.TokenEndpoint = "" }},
		"http":                    {"token_endpoint", func(p *Provider) { p.TokenEndpoint = "http://canary.example/t" }},
		"http revocation":         {"revocation_endpoint", func(p *Provider) { p.RevocationEndpoint = "http://canary.example/t" }},
		"relative":                {"token_endpoint", func(p *Provider) { p.TokenEndpoint = "/canary" }},
		"scheme is a parameter":   {"token_endpoint", func(p *Provider) { p.TokenEndpoint = "{tenant}://canary.example" }},
		"userinfo":                {"token_endpoint", func(p *Provider) { p.TokenEndpoint = "https://canary:x@a.example/t" }},
		"fragment":                {"introspection_endpoint", func(p *Provider) { p.IntrospectionEndpoint = "https://a.example/#canary" }},
		"no host":                 {"token_endpoint", func(p *Provider) { p.TokenEndpoint = "https:///canary" }},
		"unpaired brace":          {"token_endpoint", func(p *Provider) { p.TokenEndpoint = "https://a.example/{canary" }},
		"odd parameter name":      {"token_endpoint", func(p *Provider) { p.TokenEndpoint = "https://a.example/{Canary-1}" }},
		"empty parameter name":    {"token_endpoint", func(p *Provider) { p.TokenEndpoint = "https://a.example/{}" }},
		"long endpoint":           {"token_endpoint", func(p *Provider) { p.TokenEndpoint = "https://a.example/" + long }},
		"default goes in circles": {"endpoint", func(p *Provider) { p.ParamDefaults["tenant"] = "{tenant}" }},
		"default of another name": {"param_defaults", func(p *Provider) { p.ParamDefaults["canary"] = "x" }},
		"default with an escape": {"param_defaults", func(p *Provider) {
			p.TokenEndpoint, p.RevocationEndpoint, p.IntrospectionEndpoint = "https://a.example/{tenant}", "", ""
			p.Consent = Consent{}
			p.ParamDefaults["tenant"] = "canary%2f"
		}},
		"default with a user":     {"endpoint", func(p *Provider) { p.ParamDefaults["tenant"] = "canary@b" }},
		"pattern of another name": {"param_patterns", func(p *Provider) { p.ParamPatterns["canary"] = "x" }},
		"broken pattern":          {"param_patterns", func(p *Provider) { p.ParamPatterns["tenant"] = "(canary" }},
		"pattern escapes anchors": {"param_patterns", func(p *Provider) { p.ParamPatterns["tenant"] = "a)|(b" }},
		"long pattern":            {"param_patterns", func(p *Provider) { p.ParamPatterns["tenant"] = long }},
		"unknown auth method":     {"token_endpoint_auth_method", func(p *Provider) { p.TokenEndpointAuthMethod = "canary" }},
		"unknown algorithm":       {"token_endpoint_auth_signing_alg", func(p *Provider) { p.TokenEndpointAuthSigningAlg = "none" }},
		"secret's algorithm": {"client_secret_jwt only", func(p *Provider) {
			p.TokenEndpointAuthMethod, p.TokenEndpointAuthSigningAlg = AuthKeyJWT, "HS256"
		}},
		"key's algorithm": {"HS256, HS384 or HS512", func(p *Provider) {
			p.TokenEndpointAuthMethod, p.TokenEndpointAuthSigningAlg = AuthSecretJWT, "ES256"
		}},
		"audience of revocations": {"revocation_assertion_audience", func(p *Provider) { p.AssertionAudience = AudienceRevocationEndpoint }},
		"issuer nobody knows":     {"needs the provider's issuer", func(p *Provider) { p.AssertionAudience = AudienceIssuer }},
		"audience in lines":       {"assertion_audience", func(p *Provider) { p.AssertionAudience = "canary\n" }},
		"claims of the exchange":  {"assertion_claims", func(p *Provider) { p.AssertionClaims = map[string]string{"jti": "canary"} }},
		"too many claims":         {"assertion_claims", func(p *Provider) { p.AssertionClaims = many }},
		"unknown encoding":        {"basic_encoding", func(p *Provider) { p.BasicEncoding = "canary" }},
		"unknown format":          {"request_format", func(p *Provider) { p.RequestFormat = "canary" }},
		"unknown rotation":        {"refresh_token_rotation", func(p *Provider) { p.RefreshTokenRotation = "canary" }},
		"protocol parameter":      {"token_params", func(p *Provider) { p.TokenParams["client_secret"] = "canary" }},
		"protocol header":         {"token_headers", func(p *Provider) { p.TokenHeaders["authorization"] = "canary" }},
		"idempotency header":      {"idempotency_header", func(p *Provider) { p.IdempotencyHeader = "Authorization" }},
		"broken header name":      {"idempotency_header", func(p *Provider) { p.IdempotencyHeader = "ca nary" }},
		"idempotency key fixed":   {"token_headers", func(p *Provider) { p.IdempotencyHeader = "x-tenant" }},
		"pointer":                 {"access_token_pointer", func(p *Provider) { p.AccessTokenPointer = "canary" }},
		"pointer escape":          {"refresh_token_pointer", func(p *Provider) { p.RefreshTokenPointer = "/canary~2" }},
		"pointer, no UTF-8":       {"expires_in_pointer", func(p *Provider) { p.ExpiresInPointer = "/canary\x86" }},
		"pointer to lifetime":     {"refresh_token_expires_in_pointer", func(p *Provider) { p.RefreshTokenExpiresInPointer = "canary/" }},
		"refresh token handed on": {"access_token_pointer", func(p *Provider) { p.AccessTokenPointer = "/data/refresh~1token" }},
		"by its usual name":       {"access_token_pointer", func(p *Provider) { p.AccessTokenPointer = "/data/refresh_token" }},
		"access token presented":  {"access_token_pointer", func(p *Provider) { p.RefreshTokenPointer, p.AccessTokenPointer = "/access_token", "" }},
		"extra: refresh token":    {"extra_fields", func(p *Provider) { p.ExtraFields = []string{"/data/refresh~1token"} }},
		"extra: around it":        {"extra_fields", func(p *Provider) { p.ExtraFields = []string{"data"} }},
		"extra: by default name":  {"extra_fields", func(p *Provider) { p.ExtraFields = []string{"refresh_token"} }},
		"extra: nested name":      {"extra_fields", func(p *Provider) { p.ExtraFields = []string{"/x/refresh_token"} }},
		"extra: access token":     {"extra_fields", func(p *Provider) { p.ExtraFields = []string{"access_token"} }},
		"extra: twice":            {"extra_fields", func(p *Provider) { p.ExtraFields = []string{"id", "/team/id"} }},
		"extra: empty":            {"extra_fields", func(p *Provider) { p.ExtraFields = []string{""} }},
		"extra: whole answer":     {"extra_fields", func(p *Provider) { p.ExtraFields = []string{"/"} }},
		"negative duration":       {"assumed_token_ttl", func(p *Provider) { p.AssumedTokenTTL = -1 }},
		"absurd duration":         {"refresh_token_idle_ttl", func(p *Provider) { p.RefreshTokenIdleTTL = Duration(maxDuration) + 1 }},
		"negative grace":          {"reuse_grace", func(p *Provider) { p.ReuseGrace = -1 }},
		"negative window":         {"refresh_window", func(p *Provider) { p.RefreshWindow = -1 }},
		"negative budget":         {"max_refreshes_per_day", func(p *Provider) { p.MaxRefreshesPerDay = -1 }},
		"absurd budget":           {"max_refreshes_per_day", func(p *Provider) { p.MaxRefreshesPerDay = maxRefreshesPerDay + 1 }},
		"every error permanent":   {"permanent_errors", func(p *Provider) { p.PermanentErrors = []string{"*"} }},
		"empty permanent error":   {"permanent_errors", func(p *Provider) { p.PermanentErrors = []string{""} }},
		"permanent sentence":      {"permanent_errors", func(p *Provider) { p.PermanentErrors = []string{"canary is dead"} }},
		"long permanent error":    {"permanent_errors", func(p *Provider) { p.PermanentErrors = []string{long} }},
		"many parameters":         {"token_params", func(p *Provider) { p.TokenParams = many }},
		"many defaults":           {"param_defaults", func(p *Provider) { p.ParamDefaults = many }},
	} {
		p := valid()
		c.change(p)
		err := p.Validate(false)
		if err == nil {
			t.Errorf("%s: accepted", name)
		} else if !strings.Contains(err.Error(), c.field) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInsecureEndpointsNeedLeave(t *testing.T) {
	p := &Provider{TokenEndpoint: "http://127.0.0.1:8080/token"}
	if p.Validate(false) == nil || p.Validate(true) != nil {
		t.Error("http:// is accepted without leave, or refused with it")
	}
}

func TestDefaultsAndCertificates(t *testing.T) {
	p := &Provider{TokenEndpoint: "https://a.example/t"}
	p.SetDefaults()
	if p.TokenEndpointAuthMethod != AuthBasic || p.BasicEncoding != BasicRFC6749 || p.RequestFormat != FormatForm ||
		p.RefreshTokenRotation != RotationSometimes || p.ExpiresInPointer != "/expires_in" || p.RequiresCertificate {
		t.Errorf("%+v", p)
	}
	for method, want := range map[string]bool{AuthTLS: true, AuthSelfSignedTLS: true, AuthBasic: false, AuthNone: false} {
		p := &Provider{TokenEndpointAuthMethod: method}
		p.SetDefaults()
		if p.RequiresCertificate != want || p.NeedsCertificate() != want {
			t.Errorf("%s: requires_certificate %v", method, p.RequiresCertificate)
		}
	}
}

func TestCheckParams(t *testing.T) {
	for _, name := range []string{
		"grant_type", "client_id", "client_secret", "refresh_token", "scope", "client_assertion", "client_assertion_type", "token", "code", "Code_Verifier", "device_code",
		"Client_Secret", "REFRESH_TOKEN", "", "a\rb", "a\nb", "a\"b",
	} {
		if CheckParams(map[string]string{name: "canary"}) == nil {
			t.Errorf("%q: accepted", name)
		}
	}
	for _, value := range []string{"a\r\nb", "a\x00", strings.Repeat("x", 5000)} {
		if err := CheckParams(map[string]string{"audience": value}); err == nil || strings.Contains(err.Error(), value) {
			t.Errorf("%.10q: %v", value, err)
		}
	}
	if err := CheckParams(map[string]string{"audience": "https://a.example/é&=", "redirect_uri": "", "type": "refresh"}); err != nil {
		t.Error(err)
	}
	if err := CheckParams(nil); err != nil {
		t.Error(err)
	}
}

func TestCheckHeaders(t *testing.T) {
	for _, name := range []string{
		"Host", "Content-Length", "Content-Type", "Authorization", "Transfer-Encoding", "Connection", "Accept-Encoding", "Cookie",
		"Idempotency-Key", "X-Idempotency-Key", "host", "AUTHORIZATION", "x-idempotency-key", "Proxy-Authorization", "",
		"a b", "a:b", "a\r\nb", "é",
	} {
		if CheckHeaders(map[string]string{name: "canary"}) == nil {
			t.Errorf("%q: accepted", name)
		}
	}
	for _, value := range []string{"a\r\nHost: b", "a\nb", "a\x00", "a\x7f"} {
		if err := CheckHeaders(map[string]string{"X-Tenant": value}); err == nil || strings.Contains(err.Error(), value) {
			t.Errorf("%q: %v", value, err)
		}
	}
	if CheckHeaders(map[string]string{"X-Tenant": "1", "x-tenant": "2"}) == nil {
		t.Error("one header twice is accepted: which one is sent would be chance")
	}
	if err := CheckHeaders(map[string]string{"Accept": "application/vnd.api+json", "User-Agent": "me", "Notion-Version": "2022-06-28"}); err != nil {
		t.Error(err)
	}
}
