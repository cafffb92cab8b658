package provider_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/provider"
)

// A definition that an earlier version discovered never followed what a consent needs: none of it is reported as
// changed. A write of the issuer fills it in, and from then on it is followed.
func TestFieldsOfAConsentReachEarlierDiscoveries(t *testing.T) {
	b := enginetest.New(t)
	s := enginetest.NewIssuer(t, b)
	s.Publish(enginetest.With(s.Metadata(), enginetest.Fields{
		"authorization_endpoint": s.URL() + "/authorize", "device_authorization_endpoint": s.URL() + "/device",
		"scopes_supported": []string{"openid", "offline_access"}, "jwks_uri": "https://elsewhere.example/keys",
		"mtls_endpoint_aliases": map[string]any{"device_authorization_endpoint": s.URL() + "/mtls"},
	}))
	before := &provider.Custom{
		Provider: client.Provider{
			Issuer: s.URL(), TokenEndpoint: s.URL() + "/token", RevocationEndpoint: s.URL() + "/revoke", TokenEndpointAuthMethod: "client_secret_post",
		},
		Discovery: &provider.Discovery{At: time.Now(), Fields: []string{
			"token_endpoint", "revocation_endpoint", "introspection_endpoint", "mtls_endpoint_aliases", "token_endpoint_auth_method",
		}},
	}
	if err := mount.Save(t.Context(), b.Storage, provider.Prefix+"old", before); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(b.Write("providers/old/rediscover", nil).Data["changes"]); got != "map[]" {
		t.Errorf("reported as changed: %s", got)
	}
	resp := b.Write("providers/old", enginetest.Fields{"issuer": s.URL(), "jwks_uri": ""})
	if resp.Data["authorization_endpoint"] != s.URL()+"/authorize" || resp.Data["offline_scope"] != "offline_access" || resp.Data["account_pointer"] != "/id_token/sub" {
		t.Errorf("%v", resp.Data)
	}
	if len(resp.Warnings) != 1 || !strings.HasPrefix(resp.Warnings[0], "jwks_uri in the issuer's metadata") || !strings.HasSuffix(resp.Warnings[0], "left out") {
		t.Errorf("%q", resp.Warnings)
	}
	s.Publish(enginetest.With(s.Metadata(), enginetest.Fields{"authorization_endpoint": "https://127.0.0.1:1/login"}))
	resp = b.Write("providers/old/rediscover", nil)
	if got := fmt.Sprint(resp.Data["changes"]); !strings.Contains(got, "authorization_endpoint") || strings.Contains(got, "token_endpoint:") {
		t.Errorf("%s", got)
	}
	if len(resp.Warnings) != 1 || !strings.HasPrefix(resp.Warnings[0], "authorization_endpoint: now on another host or port") {
		t.Errorf("%q", resp.Warnings)
	}
}

// What the operator wrote is the operator's own, here as everywhere.
func TestOwnFieldsOfAConsentStay(t *testing.T) {
	b := enginetest.New(t)
	s := enginetest.NewIssuer(t, b, enginetest.Fields{"scopes_supported": []string{"openid", "email", "offline_access"}, "code_challenge_methods_supported": []string{}})
	b.Write("providers/mine", enginetest.Fields{"issuer": s.URL(), "offline_scope": "forever", "pkce": "S256"})
	got := b.Data("providers/mine")
	if got["offline_scope"] != "forever" || got["pkce"] != "S256" || got["account_pointer"] != "/id_token/email" {
		t.Errorf("%v", got)
	}
	b.Write("providers/mine", enginetest.Fields{"issuer": s.URL()})
	if again := b.Data("providers/mine"); again["offline_scope"] != "forever" || again["pkce"] != "S256" {
		t.Errorf("%v", again)
	}
}
