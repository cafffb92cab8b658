package grant_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

func TestARoleDeletedDuringItsRefreshLeavesNothing(t *testing.T) {
	m := enginetest.NewMidway(t, enginetest.TokenAnswer("a1", enginetest.Canary+"next"))
	deleted := m.Start(t.Context(), logical.DeleteOperation, "roles/r", nil)
	m.AtWork("r", 2)
	if len(deleted) != 0 {
		t.Error("the delete does not wait for the exchange")
	}
	m.Open()
	if got := enginetest.Await(t, deleted); got.Err != nil {
		t.Fatal(got.Err)
	}
	enginetest.Await(t, m.Reader) // with the token, or without the role
	if contents := m.Storage.Contents(t); contents["role/r"] != "" || contents["token/r"] != "" {
		t.Error("something of the role is left in storage")
	}
	if text := m.NoCreds("r", 400); !strings.Contains(text, "no role") {
		t.Errorf("the next reader hears %q", text)
	}
}

// A provider that hangs keeps nobody from deleting a role, and what it answers in the end is not kept.
func TestARoleIsDeletedWhileItsProviderHangs(t *testing.T) {
	m := enginetest.NewMidway(t, enginetest.TokenAnswer("a1", enginetest.Canary+"next"))
	m.Delete("roles/r")
	if contents := m.Storage.Contents(t); contents["role/r"] != "" || m.Read("status/r") != nil {
		t.Error("the role is still there")
	}
	m.Open()
	enginetest.Await(t, m.Reader)
	<-m.End()
	if contents := m.Storage.Contents(t); contents["token/r"] != "" {
		t.Error("the role's state is left in storage")
	}
}

// Nor does the late end of a deleted role take the state of one that was written under its name.
func TestARoleWrittenWhileTheDeletedOneHangs(t *testing.T) {
	m := enginetest.NewMidway(t, enginetest.TokenAnswer("a1", enginetest.Canary+"next"))
	m.Delete("roles/r")
	m.WriteRole("r", enginetest.Fields{"refresh_token": enginetest.Canary + "other"})
	m.Server.Enqueue(enginetest.TokenAnswer("b1", enginetest.Canary+"other next"))
	m.Open()
	m.MovedOn()
	m.Settle("r")
	if got := m.Data("creds/r"); got["access_token"] != "b1" || got["generation"] != int64(1) {
		t.Errorf("%v", got)
	}
	<-m.End()
	m.Presented(enginetest.FirstToken, enginetest.Canary+"other")
	enginetest.SecretIs(t, "the stored refresh token", m.Stored("r").RefreshToken, enginetest.Canary+"other next")
}

// A new refresh token is a new grant: what comes of the old one must not take its place.
func TestANewGrantWrittenDuringARefreshOfTheOld(t *testing.T) {
	for name, answer := range map[string]clienttest.Answer{
		"the old one is refreshed": enginetest.TokenAnswer("a1", enginetest.Canary+"next of the old"),
		"the old one is refused":   clienttest.JSON(400, `{"error":"invalid_grant"}`),
		"the old one is salvaged":  clienttest.JSON(200, `{"refresh_token":"`+enginetest.Canary+`next of the old"}`),
		"the answer is lost":       {Drop: true},
		"the endpoint is busy":     clienttest.Text(503, "text/plain", "busy"),
	} {
		t.Run(name, func(t *testing.T) {
			m := enginetest.NewMidway(t, answer)
			m.Write("roles/r", enginetest.Fields{"refresh_token": enginetest.Canary + "new"}) // does not wait
			if got := m.Data("status/r"); got["state"] != "new" || got["outcome_unknown"] != false {
				t.Errorf("the status of the new grant says %v", got)
			}
			m.Open()
			m.MovedOn()
			if got := m.Data("status/r")["state"]; got != "new" {
				t.Errorf("what became of the old grant makes the new one %v", got)
			}
			m.Server.Enqueue(enginetest.TokenAnswer("b1", ""))
			if got := m.Data("creds/r"); got["access_token"] != "b1" || got["generation"] != int64(1) {
				t.Errorf("the new grant gives %v", got)
			}
			m.Presented(enginetest.FirstToken, enginetest.Canary+"new")
		})
	}
}

// An edit that asks for another kind of token keeps the grant: the rotated refresh token is stored,
// and the token that was got before the edit is nobody's.
func TestANewScopeWrittenDuringARefresh(t *testing.T) {
	m := enginetest.NewMidway(t, enginetest.TokenAnswer("a1", enginetest.Canary+"next"))
	m.Write("roles/r", enginetest.Fields{"scope": "other"})
	m.Open()
	m.MovedOn()
	enginetest.SecretIs(t, "the stored refresh token", m.Stored("r").RefreshToken, enginetest.Canary+"next")
	m.Server.Enqueue(enginetest.TokenAnswer("a2", ""))
	if got := m.Data("creds/r")["access_token"]; got != "a2" {
		t.Errorf("the next read gets %v", got)
	}
	m.Presented(enginetest.FirstToken, enginetest.Canary+"next")
	if got := m.Server.Requests()[1].Form.Get("scope"); got != "other" {
		t.Errorf("the scope sent is %q", got)
	}
}

// An edit of how tokens are handed out leaves the token as good as it was.
func TestANewTTLWrittenDuringARefresh(t *testing.T) {
	m := enginetest.NewMidway(t, enginetest.TokenAnswer("a1", enginetest.Canary+"next"))
	m.Write("roles/r", enginetest.Fields{"ttl": "60s"})
	m.Open()
	got := enginetest.Await(t, m.Reader)
	if token := got.Value(t, "access_token"); token != "a1" || got.Resp.Secret.TTL.Seconds() != 60 {
		t.Errorf("the reader gets %v with a lease of %s", token, got.Resp.Secret.TTL)
	}
	m.Presented(enginetest.FirstToken)
}

// What is refused is not what is stored: another node has refreshed meanwhile. The grant lives.
func TestARefusalOfAStateThatMovedOnCondemnsNothing(t *testing.T) {
	for name, change := range map[string]func(*grant.State){
		"refreshed elsewhere":       func(s *grant.State) { s.Generation, s.Intent = 1, nil },
		"being refreshed elsewhere": func(s *grant.State) { s.Intent.AttemptID = "another" },
	} {
		t.Run(name, func(t *testing.T) {
			m := enginetest.NewMidway(t, clienttest.JSON(400, `{"error":"invalid_grant"}`))
			other := m.Stored("r")
			change(other)
			if err := grant.PutState(t.Context(), &m.Storage.InmemStorage, "r", other); err != nil {
				t.Fatal(err)
			}
			before := m.Storage.Contents(t)["token/r"]
			m.Open()
			m.MovedOn()
			if got := m.Data("status/r"); got["reauthorization_required"] != false || m.Storage.Contents(t)["token/r"] != before {
				t.Errorf("the status says %v; stored is %+v", got, m.Stored("r").Record)
			}
		})
	}
}
