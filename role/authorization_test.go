package role_test

import (
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// A role is written without a refresh token where consent can bring the grant, and nowhere else; an empty one that is
// named is a variable that was not set.
func TestARoleWithoutAGrant(t *testing.T) {
	b := enginetest.New(t)
	const command = "vault write -force oauth/authorize/r"
	for name, c := range map[string]struct {
		provider  enginetest.Fields // nil for one that asks nobody
		says, not string            // a warning's part, or a refusal's
	}{
		"an authorization endpoint": {enginetest.Fields{"authorization_endpoint": "https://a.example/authorize"}, command, ""},
		"a device endpoint":         {enginetest.Fields{"device_authorization_endpoint": "https://a.example/device"}, "vault write -force oauth/device/r", ""},
		"pages of its own":          {enginetest.Fields{"authorization_elsewhere": true}, "vault write oauth/confirm/r redirect_uri=... authorization_code=-", ""},
		"nothing":                   {nil, "", "refresh_token is required"},
	} {
		t.Run(name, func(t *testing.T) {
			b := b.In(t)
			b.Delete("roles/r")
			b.Delete("providers/mine")
			b.Write("providers/mine", enginetest.With(enginetest.Fields{"token_endpoint": "https://a.example/token"}, c.provider))
			without := enginetest.RoleOf("mine", enginetest.Fields{"refresh_token": nil})
			if c.not != "" {
				b.Rejects(enginetest.WriteOp, "roles/r", without, c.not)
				return
			}
			b.Rejects(enginetest.WriteOp, "roles/r", enginetest.With(without, enginetest.Fields{"refresh_token": ""}), "refresh_token is empty")
			if resp := b.Write("roles/r", without); len(resp.Warnings) != 1 || !strings.Contains(resp.Warnings[0], "no grant yet") || !strings.Contains(resp.Warnings[0], c.says) {
				t.Errorf("%q", resp.Warnings)
			}
			if got := b.Data("status/r"); got["state"] != "unauthorized" || !strings.Contains(got["next_step"].(string), c.says) {
				t.Errorf("%v: %v", got["state"], got["next_step"])
			}
			b.Rejects(enginetest.ReadOp, "creds/r", nil, c.says)
			b.Write("roles/r", enginetest.Fields{"scope": "read"})
			if resp := b.Write("roles/r", enginetest.Fields{"refresh_token": enginetest.Canary + "late"}); resp != nil && len(resp.Warnings) > 0 {
				t.Errorf("%q", resp.Warnings)
			}
			if got := b.Data("status/r")["state"]; got != "new" {
				t.Errorf("with a refresh token it is %v", got)
			}
			b.Rejects(enginetest.WriteOp, "roles/r", enginetest.Fields{"refresh_token": ""}, "refresh_token is empty")
		})
	}
	for _, builtin := range []string{"salesforce", "pandadoc", "isabel-connect"} {
		t.Run(builtin, func(t *testing.T) {
			b := b.In(t)
			fields := enginetest.RoleOf(builtin, enginetest.Fields{"refresh_token": nil})
			if builtin == "isabel-connect" {
				return // it needs a certificate as well, see e2e
			}
			b.Write("roles/x", fields)
			b.Delete("roles/x")
		})
	}
	b.Rejects(enginetest.WriteOp, "roles/k", enginetest.RoleOf("keliweb", enginetest.Fields{"refresh_token": nil}), "refresh_token is required")
}

// What is said of consent fits a role that somebody consents to.
func TestFieldsOfConsent(t *testing.T) {
	b := enginetest.New(t)
	enginetest.NewAuthorization(t, b)
	for want, f := range map[string]enginetest.Fields{
		"for grant_type=refresh_token":    {"grant_type": "client_credentials", "device_flow": true},
		"authorization_params":            {"authorization_params": enginetest.Fields{"state": "x"}},
		"redirect_uris: each must":        {"redirect_uris": []string{"https://a.example/", "a.example"}},
		"redirect_uris: each is longer":   {"redirect_uris": "https://a.example/" + strings.Repeat("x", 2100)},
		"holds more than 64":              {"redirect_uris": strings.Repeat("https://a.example/,", 65)},
		"each must be an absolute URL":    {"redirect_uris": "https:///x"},
		"each must have no fragment":      {"redirect_uris": "https://a.example/#"},
		"an address of this machine such": {"redirect_uris": "http://a.example/"},
		"a port between 1 and 65535":      {"redirect_uris": "https://a.example:65536/"},
		"comes with the answer":           {"redirect_uris": "https://a.example/?state=x"},
		"and none twice":                  {"redirect_uris": "https://a.example/?a=1&a=2"},
		"a query that can be read":        {"redirect_uris": "https://a.example/?a=%zz"},
	} {
		b.Rejects(enginetest.WriteOp, "roles/r", f, want)
	}
	b.Write("roles/r", enginetest.Fields{"authorization_params": enginetest.Fields{"prompt": "login"}, "redirect_uris": "https://a.example/,http://127.0.0.1:8400/"})
	if got := b.Data("roles/r"); len(got["redirect_uris"].([]string)) != 2 {
		t.Errorf("%v", got)
	}
	if got := b.Authorize(); !strings.Contains(got, "&prompt=login") {
		t.Errorf("%s", got)
	}
}
