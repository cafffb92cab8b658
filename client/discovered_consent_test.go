package client

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// discovered is a definition that was filled in from an issuer with these members besides.
func discovered(t *testing.T, members string) (*Provider, *Metadata) {
	t.Helper()
	s := clienttest.New(t, clienttest.Options{})
	members = strings.ReplaceAll(members, "{here}", s.URL())
	publishing(s, "/.well-known/oauth-authorization-server", fmt.Sprintf(`{"issuer":"%[1]s","token_endpoint":"%[1]s/token"%[2]s}`, s.URL(), members))
	m, err := Discover(t.Context(), trusting(), s.URL())
	if err != nil {
		t.Fatalf("%s: %v", members, err)
	}
	p := &Provider{Issuer: s.URL()}
	if err := p.Fill(m, trusting(), DiscoveredFields); err != nil {
		t.Fatalf("%s: %v", members, err)
	}
	if err := p.Validate(false); err != nil {
		t.Fatalf("%s: %v", members, err)
	}
	return p, m
}

func TestConsentIsDiscovered(t *testing.T) {
	p, m := discovered(t, `,"authorization_endpoint":"{here}/authorize","device_authorization_endpoint":"{here}/device",
		"pushed_authorization_request_endpoint":"{here}/par","jwks_uri":"{here}/keys","require_pushed_authorization_requests":true,
		"authorization_response_iss_parameter_supported":true,"scopes_supported":["openid","email","offline_access"],
		"response_modes_supported":["query","form_post"],"code_challenge_methods_supported":["plain"],
		"mtls_endpoint_aliases":{"device_authorization_endpoint":"{here}/mtls/device","authorization_endpoint":"{here}/mtls"}`)
	want := Consent{
		AuthorizationEndpoint: p.Issuer + "/authorize", DeviceAuthorizationEndpoint: p.Issuer + "/device",
		PushedAuthorizationRequestEndpoint: p.Issuer + "/par", JWKSURI: p.Issuer + "/keys", RequirePushedAuthorizationRequests: true,
		AuthorizationResponseIssParameterSupported: true, OfflineScope: "offline_access", PKCE: PKCENone, ResponseMode: ResponseModeFormPost,
		AccountPointer: "/id_token/email",
	}
	if !reflect.DeepEqual(p.Consent, want) || len(p.MTLSEndpointAliases) != 1 || p.MTLSEndpointAliases["device_authorization_endpoint"] != p.Issuer+"/mtls/device" {
		t.Errorf("%+v %v", p.Consent, p.MTLSEndpointAliases)
	}
	if left := m.LeftOut(trusting(), DiscoveredFields); len(left) > 0 {
		t.Errorf("%q", left)
	}
}

// What the metadata do not say is not there, and what they can't mean is as if they had not said it.
func TestWhatDiscoveryMakesOfEachHint(t *testing.T) {
	for members, want := range map[string]Consent{
		``: {},
		`,"code_challenge_methods_supported":["S256"],"response_modes_supported":["query"],"scopes_supported":["api"]`: {},
		`,"code_challenge_methods_supported":[]`:        {PKCE: PKCENone},
		`,"scopes_supported":["openid"]`:                {AccountPointer: "/id_token/sub"},
		`,"scopes_supported":["email"]`:                 {},
		`,"require_pushed_authorization_requests":true`: {},
		`,"scopes_supported":"openid","response_modes_supported":{"form_post":1},"code_challenge_methods_supported":7`: {},
		`,"scopes_supported":["offline_access",7]`:                                                            {},
		`,"authorization_response_iss_parameter_supported":"true","require_pushed_authorization_requests":{}`: {},
		`,"scopes_supported":null,"jwks_uri":null,"authorization_endpoint":null`:                              {},
		`,"mtls_endpoint_aliases":{"device_authorization_endpoint":"{here}/d"}`:                               {},
	} {
		p, _ := discovered(t, members)
		if !reflect.DeepEqual(p.Consent, want) || len(p.MTLSEndpointAliases) > 0 {
			t.Errorf("%s: %+v %v", members, p.Consent, p.MTLSEndpointAliases)
		}
	}
}

// No document sends a person, or what proves the client, to anybody's host. A refresh needs none of these, so a
// definition is made without them, and somebody hears of it.
func TestEndpointsOfAConsentElsewhereAreLeftOut(t *testing.T) {
	for _, field := range []string{"authorization_endpoint", "device_authorization_endpoint", "pushed_authorization_request_endpoint", "jwks_uri"} {
		for _, endpoint := range []string{
			"https://canary.example/x", "http://127.0.0.1/canary", "javascript:canary", "//canary.example", "https://canary@127.0.0.1/", "https://127.0.0.1/{canary}",
			"https://127.0.0.1/#canary", "https://127.0.0.1/\\u202ecanary",
		} {
			p, m := discovered(t, `,"`+field+`":"`+endpoint+`"`)
			left := m.LeftOut(trusting(), DiscoveredFields)
			if !reflect.DeepEqual(p.Consent, Consent{}) || len(left) != 1 || !strings.HasPrefix(left[0], field+" in the issuer's metadata") || strings.Contains(left[0], "canary") {
				t.Errorf("%s %s: %+v %q", field, endpoint, p.Consent, left)
			}
			if left := m.LeftOut(trusting(), slices.DeleteFunc(slices.Clone(DiscoveredFields), func(f string) bool { return f == field })); len(left) > 0 {
				t.Errorf("%s is the operator's own: %q", field, left)
			}
		}
	}
}

// An endpoint is a text, as with all others.
func TestEndpointsOfAConsentAreTexts(t *testing.T) {
	for _, member := range []string{`"authorization_endpoint":7`, `"jwks_uri":{"canary":1}`, `"device_authorization_endpoint":["canary"]`, `"pushed_authorization_request_endpoint":true`} {
		s := clienttest.New(t, clienttest.Options{})
		publishing(s, "/.well-known/oauth-authorization-server", fmt.Sprintf(`{"issuer":"%s",%s}`, s.URL(), member))
		_, err := Discover(t.Context(), trusting(), s.URL())
		if e := asError(t, err); e.Class != ClientRefused || !strings.Contains(e.Reason, "no valid document") {
			t.Errorf("%s: %+v", member, e)
		}
	}
}
