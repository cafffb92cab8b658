package authorize_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// A consent is told of when it begins and when it is confirmed, without who has begun it and who agrees.
func TestConsentsAreToldOf(t *testing.T) {
	deviceFlow(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		anna := b.As("anna")
		server.Enqueue(asked)
		expires := time.Now().Add(30 * time.Minute).UTC().Format(time.RFC3339)
		anna.Write("device/d", nil)
		synctest.Wait()
		begun := b.Told(grant.ConsentBegun)
		if begun["role"] != "d" || begun["provider"] != "test" || begun["flow"] != "device" || begun["expires_at"] != expires || begun["owner"] != nil {
			t.Errorf("%v", begun)
		}
		server.Enqueue(clienttest.JSON(200, agreed))
		enginetest.Pause(6 * time.Second)
		b.Told() // that somebody has agreed makes no grant yet
		anna.Write("confirm/d", nil)
		anna.Refused(enginetest.WriteOp, "confirm/d", nil)
		synctest.Wait()
		confirmed := b.Told(grant.ConsentConfirmed)
		if confirmed["role"] != "d" || confirmed["provider"] != "test" || strings.Contains(enginetest.Plain(confirmed)+enginetest.Plain(begun), "alice") ||
			strings.Contains(enginetest.Plain(confirmed)+enginetest.Plain(begun), "anna") {
			t.Errorf("%v", confirmed)
		}

		// The same of a grant that was dead.
		server.Handle(enginetest.Always(enginetest.InvalidGrant))
		b.Refused(enginetest.WriteOp, "refresh/d", nil)
		server.Enqueue(asked, clienttest.JSON(200, agreed))
		anna.Write("device/d", nil)
		enginetest.Pause(6 * time.Second)
		anna.Write("confirm/d", nil)
		synctest.Wait()
		b.Told(grant.Died, grant.ConsentBegun, grant.Revived, grant.ConsentConfirmed)
	})
}

// An owner is named as in the log's other lines; what is refused is not told of.
func TestAnOwnersConsentIsToldOf(t *testing.T) {
	deviceFlow(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		b.Write("providers/test", enginetest.Fields{"authorization_endpoint": server.URL() + "/authorize"})
		b.WriteRole("people", enginetest.Fields{"refresh_token": nil, "grant_owner": "entity"})
		ask := enginetest.Fields{"redirect_uri": "http://127.0.0.1:8400/"}
		for range 5 {
			b.As("anna").Write("authorize/people", ask)
		}
		b.As("anna").Refused(enginetest.WriteOp, "authorize/people", ask) // too many
		synctest.Wait()
		kinds := []grant.Kind{grant.ConsentBegun, grant.ConsentBegun, grant.ConsentBegun, grant.ConsentBegun, grant.ConsentBegun}
		if last := b.Told(kinds...); last["role"] != "people" || last["owner"] != enginetest.EntityID("anna") || last["flow"] != "browser" {
			t.Errorf("%v", last)
		}
	})
}
