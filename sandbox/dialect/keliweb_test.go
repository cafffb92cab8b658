package dialect_test

import (
	"testing"

	"vault-plugin-secrets-oauthrefresh/sandbox/sandboxtest"
)

func TestKeliweb(t *testing.T) {
	b := sandboxtest.New(t)
	r := b.Good("keliweb", b.Initial("keliweb"))
	r.Header = nil
	b.Want(400, "invalid_request", r)

	r = b.Good("keliweb", b.Initial("keliweb"))
	r.AsMultipart()
	got := b.Want(200, "", r)
	replay := b.Want(401, "invalid_request", r)
	if replay.Text("hint") != "Token has been revoked" || replay.Text("message") != "The refresh token is invalid." {
		t.Errorf("not in Passport's words: %v", replay.Body)
	}
	b.Want(200, "", b.Good("keliweb", got.Text("refresh_token")))
}
