package role_test

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/role"
)

// everyRoleField sets all fields of a role but those of the certificate.
func everyRoleField(b *enginetest.Mount) enginetest.Fields {
	b.Write("providers/tenants", enginetest.Fields{"token_endpoint": "https://{tenant}.example.com/"})
	return enginetest.Fields{
		"grant_type": "refresh_token", "provider": "tenants", "provider_params": enginetest.Fields{"tenant": "acme"},
		"client_id": "the-client", "client_secret": enginetest.Canary + "secret", "refresh_token": enginetest.Canary + "refresh", "scope": "read write",
		"token_endpoint_auth_method": "client_secret_post", "request_format": "json",
		"token_endpoint_auth_signing_alg": "RS256", "assertion_key_id": "key-1", "assertion_audience": "https://audience.example",
		"assertion_claims": enginetest.Fields{"iss": "acme"}, "subject": "",
		"next_client_secret": enginetest.Canary + "next", "next_from": "2099-03-01T00:00:00Z",
		"ca_certificate": string(clienttest.CAPEM()),
		"token_params":   enginetest.Fields{"api_key": enginetest.Canary + "param"}, "token_headers": enginetest.Fields{"X-Api-Key": enginetest.Canary + "header"},
		"ttl": 300, "assumed_token_ttl": 1800, "refresh_window": 120, "keepalive_period": 86400, "max_refreshes_per_day": 48, "lease": false, "token_mode": "shared",
		"labels":            enginetest.Fields{"team": "payments", "ticket": "OPS-12"},
		"identity_readable": false, // more takes a certificate
	}
}

// secretFields are shown as whether they are set, or by the names in them.
var secretFields = map[string]string{
	"client_secret": "client_secret_set", "refresh_token": "refresh_token_set", "token_params": "", "token_headers": "", // by names of their own
	"pfx": "client_certificate_set", "pfx_password": "", "client_certificate": "client_certificate_set", "client_private_key": "",
	"client_private_key_password": "", "assertion_private_key": "assertion_private_key_set", "assertion_private_key_password": "",
	"next_client_secret": "next_client_secret_set", "next_pfx": "next_client_certificate_set", "next_pfx_password": "",
	"next_client_certificate": "next_client_certificate_set", "next_client_private_key": "", "next_client_private_key_password": "",
	"next_assertion_private_key": "next_assertion_private_key_set", "next_assertion_private_key_password": "", "next_assertion_key_id": "", "verify": "",
}

func TestRoleReadsAsItWasWritten(t *testing.T) {
	b := enginetest.New(t)
	written := everyRoleField(b)
	b.Write("roles/r", written)
	got := b.Data("roles/r")
	for field := range role.Fields().Schema() {
		value, isSecret := secretFields[field]
		switch {
		case field == "name" || isSecret && value == "":
		case isSecret:
			if got[value] != (written[field] != nil) {
				t.Errorf("%s is %v", value, got[value])
			}
		case enginetest.Plain(got[field]) != enginetest.Plain(written[field]):
			t.Errorf("%s reads as %v, want %v", field, got[field], written[field])
		}
	}
	for field, want := range map[string]string{"token_params_names": "[api_key]", "token_headers_names": "[X-Api-Key]"} {
		if fmt.Sprint(got[field]) != want {
			t.Errorf("%s reads as %v, want %s", field, got[field], want)
		}
	}
}

// What a role that says only what it must means.
func TestRoleDefaults(t *testing.T) {
	b := enginetest.New(t)
	enginetest.NewEndpoint(t, b)
	b.WriteRole("r")
	got, defaults := b.Data("roles/r"), enginetest.Fields{
		"grant_type": "refresh_token", "token_mode": "shared", "lease": true, "ttl": int64(0), "assumed_token_ttl": int64(0),
		"refresh_window": nil, "max_refreshes_per_day": nil, "keepalive_period": int64(0), "token_endpoint_auth_method": "", "request_format": "", "scope": "",
		"client_secret_set": true, "refresh_token_set": true, "client_certificate_set": false,
	}
	for field, want := range defaults {
		if got[field] != want {
			t.Errorf("%s is %v, want %v", field, got[field], want)
		}
	}
}

// Whoever may read a role learns no secret of it, and no digest to test guesses against.
func TestReadsShowNoSecret(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b, enginetest.Fields{"requires_certificate": true})
	enginetest.NewGrant(server)
	certificate, key := clienttest.ClientCertificate("application")
	secrets := []string{
		enginetest.Canary + "secret", enginetest.Canary + "refresh", enginetest.Canary + "param", enginetest.Canary + "header", string(key), strings.Split(string(key), "\n")[1],
	}
	b.WriteRole("r", enginetest.Fields{
		"token_params": enginetest.Fields{"api_key": secrets[2]}, "token_headers": enginetest.Fields{"X-Api-Key": secrets[3]},
		"client_certificate": string(certificate), "client_private_key": string(key),
	})
	b.Read("creds/r")
	secrets = append(secrets, enginetest.Canary+"refresh-1") // the grant's next one
	for _, path := range []string{"roles/r", "status/r", "status", "config", "providers/test"} {
		shown := enginetest.Plain(b.Read(path))
		if strings.Contains(shown, clienttest.AccessToken(enginetest.FirstToken, 1)) { // its digest is its token_id
			t.Errorf("%s shows the access token: %s", path, shown)
		}
		for _, secret := range secrets {
			for _, form := range digests(secret) {
				if strings.Contains(shown, form) {
					t.Errorf("%s shows %.60q: %s", path, form, shown)
				}
			}
		}
	}
	list := enginetest.Plain(b.Do(logical.ListOperation, "roles/", nil))
	if strings.Contains(list, enginetest.Canary) {
		t.Errorf("the list shows %s", list)
	}
}

// digests are a text and what could be made of it without a key.
func digests(text string) []string {
	b := []byte(text)
	m, s1, s256, s512 := md5.Sum(b), sha1.Sum(b), sha256.Sum256(b), sha512.Sum512(b)
	forms := []string{text, base64.StdEncoding.EncodeToString(b), hex.EncodeToString(b)}
	for _, sum := range [][]byte{m[:], s1[:], s256[:], s512[:]} {
		forms = append(forms, hex.EncodeToString(sum)[:12], base64.StdEncoding.EncodeToString(sum)[:10])
	}
	return forms
}
