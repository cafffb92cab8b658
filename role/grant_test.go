package role_test

import (
	"slices"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// Whoever applies the same configuration again, as Terraform does, names the first refresh token
// every time. The grant has had it already: starting over with it would present a spent one.
func TestTheFirstRefreshTokenAgainKeepsTheGrant(t *testing.T) {
	b := enginetest.New(t)
	grant := enginetest.NewGrant(enginetest.NewEndpoint(t, b))
	for range 2 {
		b.WriteRole("r") // before anything is spent, it is just the same role
	}
	b.Read("creds/r")
	resp := b.Write("roles/r", enginetest.RoleOf("test"))
	if resp == nil || !slices.ContainsFunc(resp.Warnings, func(w string) bool { return strings.Contains(w, "the newer one is kept") }) {
		t.Errorf("the operator is not told: %v", resp)
	}
	b.Write("refresh/r", nil)
	// The one that is live now is no news either.
	if resp := b.Write("roles/r", enginetest.Fields{"refresh_token": grant.Current()}); resp != nil {
		t.Errorf("%v", resp)
	}
	if got := b.Write("refresh/r", nil).Data["generation"]; got != int64(3) || grant.Reused() {
		t.Errorf("generation %v, reused %v", got, grant.Reused())
	}
}

// A new refresh token is a new grant: nothing of the old one counts.
func TestAnotherRefreshTokenStartsOver(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	enginetest.NewGrant(server)
	b.WriteRole("r")
	b.Read("creds/r")
	server.Handle(clienttest.NewRotation(enginetest.Canary + "other").Answer)
	b.Write("roles/r", enginetest.Fields{"refresh_token": enginetest.Canary + "other"})
	if got := b.Data("status/r"); got["state"] != "new" || got["generation"] != int64(0) {
		t.Errorf("status %v", got)
	}
	if got := b.Data("creds/r"); got["access_token"] != clienttest.AccessToken(enginetest.Canary+"other", 1) || got["generation"] != int64(1) {
		t.Errorf("%v", got)
	}
}

// A grant that is dead may start over with anything but the token that was replaced.
func TestADeadGrantStartsOver(t *testing.T) {
	for name, token := range map[string]string{"the last token": enginetest.Canary + "refresh-1", "another": enginetest.Canary + "other"} {
		t.Run(name, func(t *testing.T) {
			b := enginetest.New(t)
			server := enginetest.NewEndpoint(t, b)
			grant := enginetest.NewGrant(server)
			b.WriteRole("r")
			b.Read("creds/r")
			grant.Revoke()
			b.Refused(enginetest.WriteOp, "refresh/r", nil)
			if got := b.Data("status/r"); got["reauthorization_required"] != true {
				t.Fatalf("status %v", got)
			}
			sent := len(server.Requests())
			// Neither time nor an edit revives it, and nobody asks the provider again.
			b.Write("roles/r", enginetest.Fields{"ttl": "1h", "refresh_token": enginetest.FirstToken})
			b.Refused(enginetest.WriteOp, "refresh/r", nil)
			if n := len(server.Requests()); n != sent {
				t.Fatalf("%d requests for a dead grant", n-sent)
			}
			server.Handle(clienttest.NewRotation(token).Answer)
			b.Write("roles/r", enginetest.Fields{"refresh_token": token})
			if got := b.Data("status/r"); got["state"] != "new" || got["reauthorization_required"] != false {
				t.Errorf("status %v", got)
			}
			if got := b.Data("creds/r"); got["access_token"] != clienttest.AccessToken(token, 1) {
				t.Errorf("%v", got)
			}
		})
	}
}

// A refusal is of what was sent, and of how the answer was read. Whoever corrects that finds a grant that was
// alive all the time, even if the correction names the first refresh token, as Terraform does.
func TestAGrantThatWasRefusedByMistakeRevives(t *testing.T) {
	for what, c := range map[string]struct{ mistake, correction func(b *enginetest.Mount) }{
		"a wrong client_id": {
			func(b *enginetest.Mount) { b.Write("roles/r", enginetest.Fields{"client_id": "typo"}) },
			func(b *enginetest.Mount) { b.WriteRole("r") },
		},
		"a wrong permanent_errors": {
			func(b *enginetest.Mount) {
				b.Write("providers/test", enginetest.Fields{"permanent_errors": "*: mistake"})
			},
			func(b *enginetest.Mount) { b.Write("providers/test", enginetest.Fields{"permanent_errors": ""}) },
		},
	} {
		t.Run(what, func(t *testing.T) {
			b := enginetest.New(t)
			server := enginetest.NewEndpoint(t, b)
			enginetest.NewGrant(server)
			b.WriteRole("r")
			b.Read("creds/r")
			c.mistake(b)
			server.Enqueue(clienttest.JSON(400, `{"error":"invalid_grant","error_description":"a mistake"}`))
			b.Refused(enginetest.WriteOp, "refresh/r", nil)
			n := len(server.Requests())
			b.Refused(enginetest.WriteOp, "refresh/r", nil)
			if more := len(server.Requests()) - n; more != 0 {
				t.Fatalf("%d requests before the correction", more)
			}
			c.correction(b)
			if got := b.Write("refresh/r", nil).Data["generation"]; got != int64(2) {
				t.Errorf("generation %v", got)
			}
			if got := b.Data("status/r"); got["state"] != "ok" {
				t.Errorf("status %v", got)
			}
		})
	}
}

// An empty refresh_token is an unset shell variable. It would cost the grant.
func TestARefreshTokenIsNeverTakenAway(t *testing.T) {
	b := enginetest.NewMount(t)
	for _, op := range []enginetest.Request{{Op: enginetest.WriteOp, Path: "roles/r"}, {Op: enginetest.PatchOp, Path: "roles/r"}} {
		b.Rejects(op.Op, op.Path, enginetest.Fields{"refresh_token": ""}, "to forget a grant, delete its role")
		b.Rejects(op.Op, op.Path, enginetest.Fields{"refresh_token": "", "scope": "zzz"}, "refresh_token is required")
	}
	b.Rejects(enginetest.PatchOp, "roles/r", enginetest.Fields{"refresh_token": nil}, "to forget a grant, delete its role")
	if got := b.Write("refresh/r", nil).Data["generation"]; got != int64(2) {
		t.Errorf("generation %v", got)
	}
}

// A role whose grant was ended may be edited, and starts again with a new refresh token.
func TestARevokedRoleCanBeEdited(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	enginetest.NewGrant(server)
	b.WriteRole("r")
	b.Read("creds/r")
	b.Write("revoke/r", nil)
	b.Write("roles/r", enginetest.Fields{"scope": "read"})
	b.Rejects(enginetest.WriteOp, "roles/r", enginetest.Fields{"refresh_token": ""}, "refresh_token is required")
	if got := b.Data("roles/r")["refresh_token_set"]; got != false {
		t.Errorf("refresh_token_set is %v", got)
	}
	server.Handle(clienttest.NewRotation(enginetest.Canary + "other").Answer)
	b.Write("roles/r", enginetest.Fields{"refresh_token": enginetest.Canary + "other"})
	if got := b.Data("creds/r")["access_token"]; got != clienttest.AccessToken(enginetest.Canary+"other", 1) {
		t.Errorf("%v", got)
	}
}

// Changing how tokens are got and back again loses no grant, and presents no spent token.
func TestGrantTypeCanChangeAndReturn(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	grant := enginetest.NewGrant(server)
	b.WriteRole("r")
	b.Read("creds/r")
	b.Write("roles/r", enginetest.Fields{"grant_type": "client_credentials"})
	server.Enqueue(clienttest.JSON(200, `{"access_token":"canary-machine","expires_in":3600}`))
	if got := b.Data("creds/r")["access_token"]; got != enginetest.Canary+"machine" {
		t.Errorf("%v", got)
	}
	if form := server.Requests()[1].Form; form.Get("grant_type") != "client_credentials" || form.Has("refresh_token") {
		t.Errorf("sent %v", form)
	}
	b.Write("roles/r", enginetest.Fields{"grant_type": "refresh_token"})
	b.Read("creds/r")
	if grant.Reused() || grant.Refreshes() != 2 {
		t.Errorf("reused %v, %d refreshes", grant.Reused(), grant.Refreshes())
	}
}

// What has killed a grant says nothing of the client's own right to a token.
func TestADeadGrantCanBecomeAMachines(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	enginetest.NewGrant(server).Revoke()
	b.WriteRole("r")
	b.Refused(enginetest.ReadOp, "creds/r", nil)
	b.Write("roles/r", enginetest.Fields{"grant_type": "client_credentials"})
	server.Enqueue(clienttest.JSON(200, `{"access_token":"canary-machine","expires_in":3600}`))
	if got := b.Data("creds/r")["access_token"]; got != enginetest.Canary+"machine" {
		t.Errorf("%v", got)
	}
}

// A machine's role needs no refresh token. Naming an empty one, as a form does, changes nothing.
func TestClientCredentialsWithAnEmptyRefreshToken(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	server.Enqueue(clienttest.JSON(200, `{"access_token":"canary-machine","expires_in":3600}`))
	machine := enginetest.RoleOf("test", enginetest.Fields{"grant_type": "client_credentials", "refresh_token": ""})
	b.Write("roles/m", machine)
	b.Read("creds/m")
	for _, f := range []enginetest.Fields{machine, {"grant_type": "client_credentials"}, {"ttl": "1h"}} {
		b.Write("roles/m", f)
		if got := b.Data("creds/m")["generation"]; got != int64(1) {
			t.Errorf("after %v: generation %v", f, got)
		}
	}
}
