package oauthrefresh

import (
	"context"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// Readers who share must not be given a token that ends with somebody else's lease.
func TestALeasesOwnTokenIsNeverShared(t *testing.T) {
	b, server := ownRole(t)
	own := b.read("creds/r")
	b.write("roles/r", fields{"token_mode": "shared"})
	shared := b.read("creds/r")
	if err := b.endLease(own); err != nil {
		t.Fatal(err)
	}
	rs := server.Requests()
	if last := rs[len(rs)-1]; last.Path == "/revoke" && last.Form.Get("token") == shared.Data["access_token"] {
		t.Error("the end of the own lease revokes the token that shared readers hold")
	}
	if got := b.data("creds/r")["access_token"]; got == own.Data["access_token"] {
		t.Error("the revoked token is still handed out")
	}
}

// The role has moved, or another one has its name: the token of the first server is not for the second.
func TestALeasesTokenIsNotShownToAnotherServer(t *testing.T) {
	b, _ := ownRole(t)
	other := clienttest.New(t, clienttest.Options{})
	b.write("providers/other", fields{"token_endpoint": other.URL() + "/token", "revocation_endpoint": other.URL() + "/revoke",
		"token_endpoint_auth_method": "client_secret_post", "refresh_token_rotation": "never"})
	own := b.read("creds/r")
	for _, how := range []string{"edit", "delete"} {
		if how == "delete" {
			b.delete("roles/r")
		}
		b.write("roles/r", roleOf("other", fields{"token_mode": "per_lease", "client_secret": canary + "s2", "refresh_token": canary + "r2"}))
		other.Enqueue(clienttest.Answer{Status: 200})
		n := len(other.Requests())
		_ = b.endLease(own)
		for _, r := range other.Requests()[n:] {
			if r.Form.Get("token") == own.Data["access_token"] {
				t.Errorf("%s: the first provider's access token was sent to the other provider", how)
			}
		}
	}
}

// A look between the failure and its record must not end the looking.
func TestARevocationIsNotForgottenWhileItIsStored(t *testing.T) {
	b, server := ownRole(t)
	lease := b.read("creds/r")
	server.Enqueue(clienttest.Text(503, "text/plain", "away"))
	b.storage.onPut(func(key string) error {
		if strings.HasPrefix(key, revocationPrefix) {
			if err := b.catchUp(context.Background(), b.storage); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
	if err := b.endLease(lease); err != nil {
		t.Fatal(err)
	}
	b.storage.onPut(nil)
	for range 3 {
		_ = b.catchUp(context.Background(), b.storage)
	}
	keys, _ := b.storage.List(t.Context(), revocationPrefix)
	if len(keys) != 0 {
		t.Errorf("%d revocations are stored and nobody looks for them: pending=%v", len(keys), b.pending.Load())
	}
}
