package provider

import (
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client"
)

// A grant that is there is refreshed though allowed_hosts do not name what only a consent needs; a consent is not begun.
func TestHostsOfAConsentAreCheckedApart(t *testing.T) {
	p, _ := Builtin("pandadoc")
	endpoints, err := p.Endpoints(nil)
	o := client.Options{AllowedHosts: []string{"api.pandadoc.com"}}
	if err != nil || CheckHosts(endpoints, o) != nil {
		t.Errorf("%v %v", err, CheckHosts(endpoints, o))
	}
	if err := CheckConsentHosts(endpoints, o); err == nil || !strings.Contains(err.Error(), "authorization_endpoint") {
		t.Error(err)
	}
}

// Wherever a definition of an operator's leads, the mount's allowed_hosts must name it.
func TestEveryEndpointsHostIsChecked(t *testing.T) {
	c := &Config{RequestTimeout: defaultTimeout, AllowedHosts: []string{"a.example"}}
	for field, change := range map[string]func(*client.Provider){
		"":                              func(*client.Provider) {},
		"token_endpoint":                func(p *client.Provider) { p.TokenEndpoint = "https://canary.example/" },
		"revocation_endpoint":           func(p *client.Provider) { p.RevocationEndpoint = "https://canary.example/" },
		"authorization_endpoint":        func(p *client.Provider) { p.AuthorizationEndpoint = "https://canary.example/" },
		"device_authorization_endpoint": func(p *client.Provider) { p.DeviceAuthorizationEndpoint = "https://canary.example/" },
		"pushed_authorization_request_endpoint": func(p *client.Provider) {
			p.MTLSEndpointAliases = map[string]string{"pushed_authorization_request_endpoint": "https://canary.example/"}
		},
		"jwks_uri": func(p *client.Provider) { p.JWKSURI = "https://canary.example/" },
	} {
		p := &client.Provider{TokenEndpoint: "https://a.example/token"}
		change(p)
		err := checkProvider(p, c)
		if field == "" && err != nil || field != "" && (err == nil || !strings.HasPrefix(err.Error(), field+": ") || strings.Contains(err.Error(), "canary")) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// What a redirect brings is handed on beside what creds/<role> answers with itself.
func TestCallbackFieldsCantHideTheAnswersOwn(t *testing.T) {
	for _, name := range AnswerNames {
		p := &client.Provider{TokenEndpoint: "https://a.example/", Consent: client.Consent{CallbackFields: []string{name}}}
		if err := checkProvider(p, &Config{}); err == nil || !strings.Contains(err.Error(), "callback_fields") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
