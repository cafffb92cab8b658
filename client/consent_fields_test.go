package client

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
)

// validConsent sets every field.
func validConsent() Consent {
	return Consent{
		AuthorizationEndpoint: "https://{tenant}.example.com/authorize?realm=x", AuthorizationParams: map[string]string{"prompt": "consent", "scope": "a b"},
		AuthorizationElsewhere: true, OfflineScope: "offline_access", ScopeSeparator: ",", PKCE: PKCENone, ResponseMode: ResponseModeFormPost,
		AuthorizationResponseIssParameterSupported: true, CallbackFields: []string{"realmId"},
		CallbackChecks:             map[string]string{"shop": "{shop}.example.com", "accounts-server": "https://accounts.example.{tenant}"},
		AuthorizationCodeParameter: "the_code", AccountPointer: "/id_token/email", JWKSURI: "https://{tenant}.example.com/keys",
		DeviceAuthorizationEndpoint: "https://{tenant}.example.com/device", PushedAuthorizationRequestEndpoint: "https://{tenant}.example.com/par",
		RequirePushedAuthorizationRequests: true,
	}
}

// A definition without a consent is stored, and digested, as it was before there was one.
func TestAnEmptyConsentIsNotInTheJSON(t *testing.T) {
	text, err := json.Marshal(&Provider{TokenEndpoint: "https://a.example/t", Docs: "x"})
	if err != nil || string(text) != `{"token_endpoint":"https://a.example/t","token_endpoint_auth_method":"","send_scope":false,"docs":"x"}` {
		t.Errorf("%s %v", text, err)
	}
	text, err = json.Marshal(valid())
	if err != nil || !strings.Contains(string(text), `,"authorization_endpoint":"https:`) {
		t.Errorf("%s %v", text, err)
	}
	back, err := DecodeProvider(text)
	if err != nil || back.AuthorizationEndpoint != valid().AuthorizationEndpoint || !back.RequirePushedAuthorizationRequests {
		t.Errorf("%+v %v", back, err)
	}
}

func TestConsentMistakesAreRefused(t *testing.T) {
	long := strings.Repeat("canary", 500)
	many := map[string]string{}
	for i := range maxListed + 1 {
		many["p"+strings.Repeat("x", i)] = "y"
	}
	for name, c := range map[string]struct {
		field  string
		change func(*Provider)
	}{
		"http":                       {"authorization_endpoint", func(p *Provider) { p.AuthorizationEndpoint = "http://canary.example/" }},
		"another scheme":             {"authorization_endpoint", func(p *Provider) { p.AuthorizationEndpoint = "javascript://canary.example/" }},
		"fragment":                   {"authorization_endpoint", func(p *Provider) { p.AuthorizationEndpoint = "https://a.example/#canary" }},
		"user":                       {"authorization_endpoint", func(p *Provider) { p.AuthorizationEndpoint = "https://canary@a.example/" }},
		"state in the query":         {"authorization_endpoint", func(p *Provider) { p.AuthorizationEndpoint = "https://a.example/?State=canary" }},
		"a parameter in the query":   {"authorization_endpoint", func(p *Provider) { p.AuthorizationEndpoint = "https://a.example/?prompt=canary" }},
		"broken query":               {"authorization_endpoint", func(p *Provider) { p.AuthorizationEndpoint = "https://a.example/?%zz=canary" }},
		"device endpoint":            {"device_authorization_endpoint", func(p *Provider) { p.DeviceAuthorizationEndpoint = "canary" }},
		"pushing endpoint":           {"pushed_authorization_request_endpoint", func(p *Provider) { p.PushedAuthorizationRequestEndpoint = "http://canary.example" }},
		"pushing where":              {"pushed_authorization_request_endpoint", func(p *Provider) { p.PushedAuthorizationRequestEndpoint = "" }},
		"keys":                       {"jwks_uri", func(p *Provider) { p.JWKSURI = "http://canary.example/" }},
		"alias of keys":              {"mtls_endpoint_aliases", func(p *Provider) { p.MTLSEndpointAliases = map[string]string{"jwks_uri": "https://canary.example"} }},
		"pkce":                       {"pkce must be", func(p *Provider) { p.PKCE = "plain" }},
		"response mode":              {"response_mode must be", func(p *Provider) { p.ResponseMode = "fragment" }},
		"params: state":              {"authorization_params", func(p *Provider) { p.AuthorizationParams = map[string]string{"state": "canary"} }},
		"params: State":              {"authorization_params", func(p *Provider) { p.AuthorizationParams = map[string]string{"STATE": "canary"} }},
		"params: redirect_uri":       {"authorization_params", func(p *Provider) { p.AuthorizationParams = map[string]string{"redirect_uri": "canary"} }},
		"params: secret":             {"authorization_params", func(p *Provider) { p.AuthorizationParams = map[string]string{"client_secret": "canary"} }},
		"params: request_uri":        {"authorization_params", func(p *Provider) { p.AuthorizationParams = map[string]string{"request_uri": "canary"} }},
		"params: name":               {"authorization_params", func(p *Provider) { p.AuthorizationParams = map[string]string{"a b": "canary"} }},
		"params: value":              {"authorization_params", func(p *Provider) { p.AuthorizationParams = map[string]string{"a": "canary\n"} }},
		"params: long":               {"authorization_params", func(p *Provider) { p.AuthorizationParams = map[string]string{"a": long} }},
		"params: many":               {"authorization_params", func(p *Provider) { p.AuthorizationParams = many }},
		"offline scope of two":       {"offline_scope", func(p *Provider) { p.OfflineScope = "a canary" }},
		"offline scope of two, ','":  {"offline_scope", func(p *Provider) { p.OfflineScope = "a,canary" }},
		"separator":                  {"scope_separator", func(p *Provider) { p.ScopeSeparator = "\n" }},
		"code parameter":             {"authorization_code_parameter", func(p *Provider) { p.AuthorizationCodeParameter = "state" }},
		"code parameter, blank":      {"authorization_code_parameter", func(p *Provider) { p.AuthorizationCodeParameter = "a canary" }},
		"field: code":                {"callback_fields", func(p *Provider) { p.CallbackFields = []string{"the_code"} }},
		"field: state":               {"callback_fields", func(p *Provider) { p.CallbackFields = []string{"state"} }},
		"field: iss":                 {"callback_fields", func(p *Provider) { p.CallbackFields = []string{"iss"} }},
		"field: error":               {"callback_fields", func(p *Provider) { p.CallbackFields = []string{"error"} }},
		"field: refresh token":       {"callback_fields", func(p *Provider) { p.CallbackFields = []string{"Refresh-Token"} }},
		"field: access token":        {"callback_fields", func(p *Provider) { p.CallbackFields = []string{"access_token"} }},
		"field: twice":               {"callback_fields", func(p *Provider) { p.CallbackFields = []string{"canary", "canary"} }},
		"field: of the answer":       {"callback_fields", func(p *Provider) { p.CallbackFields = []string{"id"} }},
		"field: empty":               {"callback_fields", func(p *Provider) { p.CallbackFields = []string{""} }},
		"check: state":               {"callback_checks", func(p *Provider) { p.CallbackChecks = map[string]string{"state": "canary"} }},
		"check: empty":               {"callback_checks", func(p *Provider) { p.CallbackChecks = map[string]string{"shop": ""} }},
		"check: brace":               {"callback_checks", func(p *Provider) { p.CallbackChecks = map[string]string{"shop": "{canary"} }},
		"check: line":                {"callback_checks", func(p *Provider) { p.CallbackChecks = map[string]string{"shop": "canary\r"} }},
		"check: many":                {"callback_checks", func(p *Provider) { p.CallbackChecks = many }},
		"account: no pointer":        {"account_pointer", func(p *Provider) { p.AccountPointer = "canary" }},
		"account: from nowhere":      {"account_pointer", func(p *Provider) { p.AccountPointer = "/canary/email" }},
		"account: a whole answer":    {"account_pointer", func(p *Provider) { p.AccountPointer = "/answer/" }},
		"account: the access token":  {"account_pointer", func(p *Provider) { p.AccountPointer = "/answer/data/0/token" }},
		"account: the refresh token": {"account_pointer", func(p *Provider) { p.AccountPointer = "/answer/data/refresh~1token" }},
		"account: another one":       {"account_pointer", func(p *Provider) { p.AccountPointer = "/answer/old_refresh_token/refreshToken" }},
		"account: the ID token":      {"account_pointer", func(p *Provider) { p.AccountPointer = "/answer/id_token" }},
	} {
		p := valid()
		p.ExtraFields = []string{"/team/id"}
		c.change(p)
		err := p.Validate(false)
		if err == nil {
			t.Errorf("%s: accepted", name)
		} else if !strings.Contains(err.Error(), c.field) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConsentEndpointsOfTheBuiltins(t *testing.T) {
	const env = "https://auth.pingone.eu/abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6/as/"
	for _, c := range []struct {
		provider string
		params   map[string]string
		want     Endpoints
	}{
		{"salesforce", map[string]string{"domain": "acme--uat.sandbox.my.site.com", "site": "/partners"}, Endpoints{Authorization: "https://acme--uat.sandbox.my.site.com/partners/services/oauth2/authorize"}},
		{"pandadoc", nil, Endpoints{Authorization: "https://app.pandadoc.com/oauth2/authorize"}},
		{"pingone", map[string]string{"region": "eu", "environment_id": "abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6"}, Endpoints{
			Authorization: env + "authorize", DeviceAuthorization: env + "device_authorization", PushedAuthorization: env + "par", JWKS: env + "jwks",
		}},
		{"isabel-connect", nil, Endpoints{}},
		{"isabel-connect-v1", nil, Endpoints{}},
		{"keliweb", nil, Endpoints{}},
	} {
		p := builtin(t, c.provider)
		got, err := p.Endpoints(c.params)
		got.Token, got.Revocation, got.Introspection = "", "", ""
		if err != nil || got != c.want || p.AuthorizationElsewhere != (c.provider == "isabel-connect") {
			t.Errorf("%s: %v (%v)", c.provider, got, err)
		}
	}
}

// A client with a certificate goes to the aliases, a browser does not.
func TestConsentEndpointsHaveAliases(t *testing.T) {
	p := valid()
	p.MTLSEndpointAliases = map[string]string{
		"device_authorization_endpoint": "https://mtls.{tenant}.example/device", "pushed_authorization_request_endpoint": "https://mtls.{tenant}.example/par",
	}
	if err := p.Validate(false); err != nil {
		t.Fatal(err)
	}
	endpoints, err := p.Endpoints(map[string]string{"shop": "s"})
	with := endpoints.WithAliases()
	if err != nil || with.DeviceAuthorization != "https://mtls.acme.example/device" || with.PushedAuthorization != "https://mtls.acme.example/par" ||
		with.Authorization != endpoints.Authorization || with.JWKS != endpoints.JWKS || endpoints.DeviceAuthorization != "https://acme.example.com/device" {
		t.Errorf("%+v %v", endpoints, err)
	}
}

// What a redirect must say is made of the role's parameters, which are judged as everywhere.
func TestChecks(t *testing.T) {
	p := valid()
	got, err := p.Checks(map[string]string{"shop": "my-shop", "tenant": "eu"})
	if want := map[string]string{"shop": "my-shop.example.com", "accounts-server": "https://accounts.example.eu"}; err != nil || !maps.Equal(got, want) {
		t.Errorf("%v %v", got, err)
	}
	for _, params := range []map[string]string{nil, {"shop": "a/b"}, {"shop": "a", "canary": "x"}} {
		if got, err := p.Checks(params); err == nil || strings.Contains(err.Error(), "canary") || got != nil {
			t.Errorf("%v: %v %v", params, got, err)
		}
	}
	if got, err := new(Provider).Checks(nil); err != nil || len(got) > 0 {
		t.Errorf("%v %v", got, err)
	}
}
