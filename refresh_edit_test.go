package oauthrefresh

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
)

// midway is a mount whose role r is being refreshed: one reader waits for the endpoint's answer.
type midway struct {
	*testBackend
	server *clienttest.Server
	reader <-chan outcome
	open   func() // lets the answer go
}

func newMidway(t *testing.T, answer clienttest.Answer) *midway {
	t.Helper()
	m := &midway{testBackend: newTestBackend(t)}
	m.server = newEndpoint(t, m.testBackend)
	m.writeRole("r")
	answer, m.open = gated(answer)
	m.server.Enqueue(answer)
	m.reader = m.startRead(t.Context(), "r")
	m.server.WaitFor(1)
	return m
}

// movedOn wants the reader to hear that it should try again, which it may do at once.
func (m *midway) movedOn() {
	m.t.Helper()
	got := await(m.t, m.reader)
	if errStatus(got.err) != 503 || !strings.Contains(got.err.Error(), "try again") {
		m.t.Errorf("the reader hears %v, %v", got.resp, got.err)
	}
}

// presented wants these refresh tokens to have been sent, in this order.
func (m *midway) presented(want ...string) {
	m.t.Helper()
	if got := sent(m.server); !slices.Equal(got, want) {
		m.t.Errorf("presented were %q, want %q", got, want)
	}
}

func TestARoleDeletedDuringItsRefreshLeavesNothing(t *testing.T) {
	m := newMidway(t, tokenAnswer("a1", canary+"next"))
	deleted := m.start(t.Context(), logical.DeleteOperation, "roles/r", nil)
	m.atWork("r", 2)
	if len(deleted) != 0 {
		t.Error("the delete does not wait for the exchange")
	}
	m.open()
	if got := await(t, deleted); got.err != nil {
		t.Fatal(got.err)
	}
	await(t, m.reader) // with the token, or without the role
	if contents := m.storage.contents(t); contents["role/r"] != "" || contents["token/r"] != "" {
		t.Error("something of the role is left in storage")
	}
	if text := m.noCreds("r", 400); !strings.Contains(text, "no role") {
		t.Errorf("the next reader hears %q", text)
	}
}

// A provider that hangs keeps nobody from deleting a role, and what it answers in the end is not kept.
func TestARoleIsDeletedWhileItsProviderHangs(t *testing.T) {
	m := newMidway(t, tokenAnswer("a1", canary+"next"))
	m.delete("roles/r")
	if contents := m.storage.contents(t); contents["role/r"] != "" || m.read("status/r") != nil {
		t.Error("the role is still there")
	}
	m.open()
	await(t, m.reader)
	<-m.end()
	if contents := m.storage.contents(t); contents["token/r"] != "" {
		t.Error("the role's state is left in storage")
	}
}

// Nor does the late end of a deleted role take the state of one that was written under its name.
func TestARoleWrittenWhileTheDeletedOneHangs(t *testing.T) {
	m := newMidway(t, tokenAnswer("a1", canary+"next"))
	m.delete("roles/r")
	m.writeRole("r", fields{"refresh_token": canary + "other"})
	m.server.Enqueue(tokenAnswer("b1", canary+"other next"))
	m.open()
	m.movedOn()
	m.settle("r")
	if got := m.data("creds/r"); got["access_token"] != "b1" || got["generation"] != int64(1) {
		t.Errorf("%v", got)
	}
	<-m.end()
	m.presented(firstToken, canary+"other")
	secretIs(t, "the stored refresh token", m.stored("r").RefreshToken, canary+"other next")
}

// A new refresh token is a new grant: what comes of the old one must not take its place.
func TestANewGrantWrittenDuringARefreshOfTheOld(t *testing.T) {
	for name, answer := range map[string]clienttest.Answer{
		"the old one is refreshed": tokenAnswer("a1", canary+"next of the old"),
		"the old one is refused":   clienttest.JSON(400, `{"error":"invalid_grant"}`),
		"the old one is salvaged":  clienttest.JSON(200, `{"refresh_token":"`+canary+`next of the old"}`),
		"the answer is lost":       {Drop: true},
		"the endpoint is busy":     clienttest.Text(503, "text/plain", "busy"),
	} {
		t.Run(name, func(t *testing.T) {
			m := newMidway(t, answer)
			m.write("roles/r", fields{"refresh_token": canary + "new"}) // does not wait
			if got := m.data("status/r"); got["state"] != "new" || got["outcome_unknown"] != false {
				t.Errorf("the status of the new grant says %v", got)
			}
			m.open()
			m.movedOn()
			if got := m.data("status/r")["state"]; got != "new" {
				t.Errorf("what became of the old grant makes the new one %v", got)
			}
			m.server.Enqueue(tokenAnswer("b1", ""))
			if got := m.data("creds/r"); got["access_token"] != "b1" || got["generation"] != int64(1) {
				t.Errorf("the new grant gives %v", got)
			}
			m.presented(firstToken, canary+"new")
		})
	}
}

// An edit that asks for another kind of token keeps the grant: the rotated refresh token is stored,
// and the token that was got before the edit is nobody's.
func TestANewScopeWrittenDuringARefresh(t *testing.T) {
	m := newMidway(t, tokenAnswer("a1", canary+"next"))
	m.write("roles/r", fields{"scope": "other"})
	m.open()
	m.movedOn()
	secretIs(t, "the stored refresh token", m.stored("r").RefreshToken, canary+"next")
	m.server.Enqueue(tokenAnswer("a2", ""))
	if got := m.data("creds/r")["access_token"]; got != "a2" {
		t.Errorf("the next read gets %v", got)
	}
	m.presented(firstToken, canary+"next")
	if got := m.server.Requests()[1].Form.Get("scope"); got != "other" {
		t.Errorf("the scope sent is %q", got)
	}
}

// An edit of how tokens are handed out leaves the token as good as it was.
func TestANewTTLWrittenDuringARefresh(t *testing.T) {
	m := newMidway(t, tokenAnswer("a1", canary+"next"))
	m.write("roles/r", fields{"ttl": "60s"})
	m.open()
	got := await(t, m.reader)
	if token := got.value(t, "access_token"); token != "a1" || got.resp.Secret.TTL.Seconds() != 60 {
		t.Errorf("the reader gets %v with a lease of %s", token, got.resp.Secret.TTL)
	}
	m.presented(firstToken)
}

// What is refused is not what is stored: another node has refreshed meanwhile. The grant lives.
func TestARefusalOfAStateThatMovedOnCondemnsNothing(t *testing.T) {
	for name, change := range map[string]func(*grant.State){
		"refreshed elsewhere":       func(s *grant.State) { s.Generation, s.Intent = 1, nil },
		"being refreshed elsewhere": func(s *grant.State) { s.Intent.AttemptID = "another" },
	} {
		t.Run(name, func(t *testing.T) {
			m := newMidway(t, clienttest.JSON(400, `{"error":"invalid_grant"}`))
			other := m.stored("r")
			change(other)
			if err := grant.PutState(t.Context(), &m.storage.InmemStorage, "r", other); err != nil {
				t.Fatal(err)
			}
			before := m.storage.contents(t)["token/r"]
			m.open()
			m.movedOn()
			if got := m.data("status/r"); got["reauthorization_required"] != false || m.storage.contents(t)["token/r"] != before {
				t.Errorf("the status says %v; stored is %+v", got, m.stored("r").Record)
			}
		})
	}
}
