package oauthrefresh_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

func TestCredsAnswer(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		answer := clienttest.JSON(200, `{"access_token":"a1","token_type":"Odd Type","expires_in":3600,"scope":"as granted",
			"instance_url":"https://instance.example","big":12345678901234567890,"not_listed":"x","refresh_token":"`+enginetest.Canary+`next"}`)
		server.Enqueue(answer)
		want := map[string]any{
			"access_token": "a1", "token_type": "Odd Type", "scope": "as granted", "expires_at": "2000-01-01T01:00:00Z", "generation": int64(1),
			"token_id": "f55ff16f66f4", "instance_url": "https://instance.example", "big": json.Number("12345678901234567890"),
		}
		for _, op := range []logical.Operation{logical.ReadOperation, logical.UpdateOperation} {
			resp := b.Do(op, "creds/r", nil)
			if !reflect.DeepEqual(resp.Data, want) {
				t.Errorf("%s answers %v, want %v", op, resp.Data, want)
			}
			if resp.Secret == nil || resp.Secret.InternalData["secret_type"] != "access_token" || len(resp.Secret.InternalData) != 1 {
				t.Errorf("%s gives the lease %+v", op, resp.Secret)
			}
		}
	}, enginetest.Fields{"extra_fields": "instance_url,big,absent"})
}

// What Vault Agent and the Secrets Operator read of a secret without a lease, in the types they want.
func TestCredsWithoutALease(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		b.Write("roles/r", enginetest.Fields{"lease": false})
		server.Enqueue(enginetest.TokenAnswer("a1", ""))
		b.Read("creds/r")
		enginetest.Pause(10 * time.Minute)
		resp := b.Read("creds/r")
		if resp.Secret != nil {
			t.Errorf("a lease: %+v", resp.Secret)
		}
		// An Agent comes back after ttl and one second, which must be within the token's life.
		for field, want := range map[string]any{
			"ttl": int64(3600 - 600 - 30 - 1), "rotation_period": int64(3600), "last_vault_rotation": "2000-01-01T00:00:00Z", "access_token": "a1",
		} {
			if got := resp.Data[field]; got != want {
				t.Errorf("%s is %v (%[2]T), want %v", field, got, want)
			}
		}
		if got := slices.Sorted(maps.Keys(resp.Data)); len(got) != 9 {
			t.Errorf("the fields are %v", got)
		}
		b.Write("roles/r", enginetest.Fields{"ttl": "60s"})
		if got := b.Data("creds/r")["ttl"]; got != int64(59) {
			t.Errorf("with a ttl of the role it is %v", got)
		}
	})
}

// RFC 6749 section 5.1: a scope that the answer leaves out is the one that was asked for, and on a
// refresh section 6 adds: the one that was granted before.
func TestScopeOfTheAnswer(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		b.Write("roles/r", enginetest.Fields{"scope": "asked for"})
		answer := func(scope string) {
			server.Enqueue(clienttest.JSON(200, `{"access_token":"a","expires_in":3600`+scope+`}`))
		}
		for i, c := range []struct{ scope, want string }{
			{``, "asked for"}, {`,"scope":"narrower"`, "narrower"}, {``, "narrower"},
		} {
			answer(c.scope)
			b.Write("refresh/r", nil)
			if got := b.Data("creds/r")["scope"]; got != c.want {
				t.Errorf("refresh %d: the scope is %v, want %s", i+1, got, c.want)
			}
		}
		b.Write("roles/r", enginetest.Fields{"scope": "other"})
		answer(``)
		if got := b.Data("creds/r")["scope"]; got != "other" {
			t.Errorf("after an edit the scope is %v", got)
		}
	})
}

// A reader that arrives just before the window of a provider whose refresh kills the old token waits
// for it: a lease of a moment helps nobody, and a refresh now would break others' leases.
func TestAReaderWaitsForTheWindow(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(enginetest.TokenAnswer("a1", ""), enginetest.TokenAnswer("a2", ""))
		b.Read("creds/r")
		enginetest.Pause(40*time.Minute - 3*time.Second)
		before := time.Now()
		if got := b.Data("creds/r")["access_token"]; got != "a2" || time.Since(before) != 3*time.Second {
			t.Errorf("%v after %s", got, time.Since(before))
		}
	}, enginetest.Fields{"refresh_invalidates_access_token": true})
}

// Readers that all want more than is left are content with one new token.
func TestMinTTL(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		grant := enginetest.NewGrant(server)
		b.Read("creds/r")
		enginetest.Pause(20 * time.Minute)
		b.Write("creds/r", enginetest.Fields{"min_ttl": "39m"})
		if n := grant.Refreshes(); n != 1 {
			t.Errorf("%d refreshes for what was there", n)
		}
		var readers []<-chan enginetest.Outcome
		for range 50 {
			readers = append(readers, b.Start(t.Context(), logical.UpdateOperation, "creds/r", enginetest.Fields{"min_ttl": "50m"}))
		}
		for _, reader := range readers {
			if got := (<-reader).Value(t, "generation"); got != int64(2) {
				t.Errorf("generation %v", got)
			}
		}
		if n := grant.Refreshes(); n != 2 {
			t.Errorf("%d refreshes", n)
		}
	})
}

// Before there is a token nobody knows how long it will live. A first one is fetched, and kept for
// those who ask for less.
func TestMinTTLOfAFirstToken(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		grant := enginetest.NewGrant(server)
		for range 3 {
			b.Refused(logical.UpdateOperation, "creds/r", enginetest.Fields{"min_ttl": "2h"})
		}
		b.Read("creds/r")
		if n := grant.Refreshes(); n != 1 {
			t.Errorf("%d refreshes", n)
		}
	})
}
