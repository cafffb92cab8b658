package grant_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// The same pipeline, with nothing to lose: no intent, so one Put and one entry.
func TestClientCredentialsStoreNoIntent(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		b.AsClient()
		server.Enqueue(enginetest.TokenAnswer("a1", ""), enginetest.TokenAnswer("a2", ""))
		states := b.RecordStates("r")
		for _, want := range []string{"a1", "a1", "a2"} {
			if got := b.Data("creds/r")["access_token"]; got != want {
				t.Errorf("access token %v, want %s", got, want)
			}
			enginetest.Pause(39 * time.Minute)
		}
		all := states.List()
		if len(all) != 2 || all[0].Intent != nil || all[1].Intent != nil || all[1].Generation != 2 {
			t.Errorf("%d Puts of the state", len(all))
		}
		for _, r := range server.Requests() {
			if r.Form.Get("grant_type") != "client_credentials" || r.Form.Has("refresh_token") || r.Form.Get("scope") != "read" {
				t.Errorf("sent %v", r.Form)
			}
		}
	})
}

// A token that storage refuses is served from memory all the same.
func TestClientCredentialsAreHeldToo(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		b.AsClient()
		server.Enqueue(enginetest.TokenAnswer("a1", ""))
		b.Storage.FailPuts("token/r", enginetest.ErrDisk, func(n int) bool { return n <= 3 })
		for range 3 {
			if got := b.Data("creds/r")["access_token"]; got != "a1" {
				t.Errorf("access token %v", got)
			}
		}
		enginetest.Pause(time.Minute)
		if stored := b.Stored("r"); stored == nil || stored.Generation != 1 || len(server.Requests()) != 1 {
			t.Errorf("stored is %+v after %d requests", stored, len(server.Requests()))
		}
	})
}

// There is no grant that could be dead, and no refresh token whose fate is unknown.
func TestClientCredentialsFail(t *testing.T) {
	for name, c := range map[string]struct {
		answers []clienttest.Answer
		status  int
		class   string
	}{
		"invalid_grant":             {[]clienttest.Answer{enginetest.InvalidGrant}, 400, "client_refused"},
		"invalid_client":            {[]clienttest.Answer{clienttest.JSON(401, `{"error":"invalid_client"}`)}, 400, "client_refused"},
		"busy":                      {[]clienttest.Answer{enginetest.Busy}, 503, "not_processed"},
		"a 500":                     {[]clienttest.Answer{clienttest.Text(500, "text/plain", "oops")}, 502, "outcome_unknown"},
		"two answers that are lost": {[]clienttest.Answer{{Drop: true}, {Drop: true}}, 502, "outcome_unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				b.AsClient()
				server.Enqueue(c.answers...)
				text := b.NoCreds("r", c.status)
				if strings.Contains(text, "refresh token") || strings.Contains(text, "refresh_token") {
					t.Errorf("a reader of a role without a refresh token hears %q", text)
				}
				got := b.Data("status/r")
				if got["state"] != "failing" || got["last_error_class"] != c.class || got["outcome_unknown"] != false || got["reauthorization_required"] != false {
					t.Errorf("the status says %v", got)
				}
				if n := len(server.Requests()); n != len(c.answers) {
					t.Errorf("%d requests", n)
				}
				enginetest.Pause(2 * time.Minute)
				server.Enqueue(enginetest.TokenAnswer("a1", ""))
				b.Read("creds/r")
			})
		})
	}
}

// An answer that is lost costs nothing: another token is asked for at once.
func TestClientCredentialsAskAgain(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		b.AsClient()
		server.Enqueue(clienttest.Answer{Drop: true}, enginetest.TokenAnswer("a1", ""))
		b.Read("creds/r")
		if got := b.Data("status/r")["state"]; got != "ok" || len(server.Requests()) != 2 {
			t.Errorf("state %v after %d requests", got, len(server.Requests()))
		}
	})
}

// Nothing is lost with the token either, but a node that can't store it must not hand it out: the
// next read would ask again, on every standby.
func TestClientCredentialsNeedANodeThatMayWrite(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		b.AsClient()
		b.View.ReplicationStateVal = 0
		if _, err := b.Try(t.Context(), logical.ReadOperation, "creds/r", nil); err != logical.ErrReadOnly {
			t.Errorf("%v", err)
		}
		if n := len(server.Requests()); n != 0 {
			t.Errorf("%d requests", n)
		}
	})
}
