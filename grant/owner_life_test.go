package grant_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// What an operator changes at the role may make the owners' refresh tokens those of another client or server: they are
// sent nowhere then, not even to be revoked, and are good again when the change is undone.
func TestAnOwnersTokensGoWhereTheyAreFrom(t *testing.T) {
	other := clienttest.New(t, clienttest.Options{})
	asked := 0
	other.Handle(func(*clienttest.Request) clienttest.Answer { asked++; return enginetest.InvalidGrant })
	for name, change := range map[string]func(p *enginetest.PerPerson) (undo func()){
		"another client": func(p *enginetest.PerPerson) func() {
			p.Write("roles/people", enginetest.Fields{"client_id": "another"})
			return func() { p.Write("roles/people", enginetest.Fields{"client_id": "the-client"}) }
		},
		"another server": func(p *enginetest.PerPerson) func() {
			p.Write("providers/test", enginetest.Fields{"token_endpoint": other.URL() + "/token", "revocation_endpoint": other.URL() + "/revoke"})
			p.Write("roles/people", enginetest.Fields{"client_secret": enginetest.Canary + "secret"})
			return func() {
				p.Write("providers/test", enginetest.Fields{"token_endpoint": p.Server.URL() + "/token", "revocation_endpoint": p.Server.URL() + "/revoke"})
				p.Write("roles/people", enginetest.Fields{"client_secret": enginetest.Canary + "secret"})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := enginetest.NewPerPerson(t)
			alice := p.By("alice")
			alice.Brings("people", "alice")
			before := len(p.Server.Requests())
			undo := change(p)
			alice.Rejects(enginetest.ReadOp, "creds/people", nil, "another client or another server")
			alice.Rejects(enginetest.WriteOp, "refresh/people", nil, "another client or another server")
			alice.Rejects(enginetest.WriteOp, "revoke/people", nil, "another client or another server")
			if got := alice.Data("status/people"); got["state"] != "blocked" || !strings.Contains(fmt.Sprint(got["next_step"]), "undo the change") {
				t.Errorf("%v", got)
			}
			if n := len(p.Server.Requests()) - before; n != 0 || asked != 0 {
				t.Errorf("%d and %d requests", n, asked)
			}
			undo()
			if got := alice.Token("people"); got != "alice~1" && got != "alice~2" {
				t.Error(got)
			}
			alice.Write("refresh/people", nil)
		})
	}
}

// An endpoint that the provider gets besides, or a secret that is replaced, costs no owner a grant.
func TestOwnersGoOnWithAChangedRole(t *testing.T) {
	p := enginetest.NewPerPerson(t)
	alice := p.By("alice")
	alice.Brings("people", "alice")
	p.Write("providers/test", enginetest.Fields{"device_authorization_endpoint": "https://device.example.com/"})
	p.Write("roles/people", enginetest.Fields{"client_secret": enginetest.Canary + "another", "scope": "more"})
	if got := alice.Token("people"); got != "alice~2" { // another scope is asked for
		t.Error(got)
	}
}

// A role that is deleted takes its owners' grants with it, however many and whatever breaks off, and one that is written
// under its name has none of them.
func TestARoleIsDeletedWithItsOwners(t *testing.T) {
	p := enginetest.NewPerPerson(t)
	alice := p.By("alice")
	alice.Brings("people", "alice")
	for n := range 40 {
		p.Brings(fmt.Sprintf("people/%d", n), fmt.Sprint(n))
	}
	alice.Token("people")
	deletes := 0
	p.Storage.OnDelete(func(key string) error {
		if strings.HasPrefix(key, "token/people/") {
			if deletes++; deletes > 10 {
				return errors.New("storage refuses")
			}
		}
		return nil
	})
	if _, err := p.Try(t.Context(), logical.DeleteOperation, "roles/people", nil); err == nil {
		t.Error("a delete that has left something says nothing")
	}
	p.Storage.OnDelete(nil)
	p.WriteRole("people", enginetest.Fields{"refresh_token": nil, "grant_owner": "entity"})
	for _, who := range []*enginetest.PerPerson{alice} {
		if got := who.Data("status/people"); got["state"] != "unauthorized" {
			t.Errorf("%v", got)
		}
		who.Rejects(enginetest.ReadOp, "creds/people", nil, "authorize it with")
	}
	p.Rejects(enginetest.ReadOp, "creds/people/39", nil, "authorize it with")
	p.Delete("roles/people")
	if left := strings.Join(keys(p, "token/"), " "); left != "" {
		t.Errorf("left: %s", left)
	}
}

func keys(p *enginetest.PerPerson, prefix string) (found []string) {
	p.T.Helper()
	for key := range p.Storage.Contents(p.T) {
		if strings.HasPrefix(key, prefix) {
			found = append(found, key)
		}
	}
	return found
}

// Of an owner's refresh too the answer is kept while storage refuses it, served meanwhile and stored then; but not when
// somebody has forgotten the grant since.
func TestAnOwnersAnswerIsHeld(t *testing.T) {
	for name, forgets := range map[string]bool{"stored": false, "forgotten": true} {
		t.Run(name, func(t *testing.T) {
			p := enginetest.NewPerPerson(t)
			alice, bob := p.By("alice"), p.By("bob")
			alice.Brings("people", "alice")
			bob.Brings("people", "bob")
			at, puts := "token/people/"+enginetest.EntityID("alice"), 0
			p.Storage.OnPut(func(key string) error {
				if key == at {
					if puts++; puts > 1 { // the intent is taken
						return errors.New("storage refuses")
					}
				}
				return nil
			})
			alice.Write("refresh/people", nil)
			if got := alice.Data("status/people"); got["state"] != "unpersisted" {
				t.Errorf("%v", got)
			}
			if got := alice.Token("people") + " " + bob.Token("people"); got != "alice~2 bob~1" {
				t.Error(got)
			}
			if forgets {
				if err := p.Storage.InmemStorage.Delete(context.Background(), at); err != nil { // as by another node
					t.Fatal(err)
				}
			}
			p.Storage.OnPut(nil)
			key := grant.KeyOf("people", enginetest.EntityID("alice"))
			for end := time.Now().Add(10 * time.Second); p.Grants.Unpersisted(key); time.Sleep(10 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal("it is held for ever")
				}
			}
			stored, err := grant.GetState(t.Context(), p.Storage, key)
			if err != nil || (stored == nil) != forgets || stored != nil && stored.Generation != 2 {
				t.Errorf("%v, %v", stored, err)
			}
		})
	}
}

// The secret that is to follow is proven by whichever owner comes first, and is the role's from then on, once.
func TestManyOwnersProveTheNextSecret(t *testing.T) {
	p := enginetest.NewPerPerson(t)
	for n := range 20 {
		p.Brings(fmt.Sprintf("people/%d", n), fmt.Sprint(n))
	}
	answers := p.Answers
	p.Server.Handle(func(r *clienttest.Request) clienttest.Answer {
		if r.Form.Get("client_secret") != enginetest.Canary+"next" {
			return clienttest.JSON(401, `{"error":"invalid_client"}`)
		}
		return answers(r)
	})
	p.Write("roles/people", enginetest.Fields{"next_client_secret": enginetest.Canary + "next"})
	puts := 0
	p.Storage.OnPut(func(key string) error {
		if key == "role/people" {
			puts++
		}
		return nil
	})
	failed := make(chan error, 20)
	for n := range 20 {
		go func() {
			resp, err := p.Try(t.Context(), logical.UpdateOperation, fmt.Sprintf("refresh/people/%d", n), nil)
			if err == nil && resp.IsError() {
				err = resp.Error()
			}
			failed <- err
		}()
	}
	for range 20 {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	if puts != 1 {
		t.Errorf("the role was written %d times", puts)
	}
	for n := range 20 {
		if got := p.Token(fmt.Sprintf("people/%d", n)); got != fmt.Sprintf("%d~2", n) {
			t.Error(got)
		}
	}
}

// A reader whose token has ended, and who comes while the owner brings another grant, is served that one's token.
func TestAnOwnerAgreesAnewBesideAReader(t *testing.T) {
	p := enginetest.NewPerPerson(t)
	alice := p.By("alice")
	alice.Brings("people", "alice")
	key := grant.KeyOf("people", enginetest.EntityID("alice"))
	p.Age(string(key), func(st *grant.State) { st.ExpiresAt = time.Now().Add(-time.Minute) })
	reached, gate := make(chan bool, 1), make(chan bool)
	p.Storage.OnPut(func(at string) error {
		if at == grant.Prefix+string(key) {
			reached <- true
			<-gate
		}
		return nil
	})
	agreed, read := make(chan error, 1), make(chan string, 1)
	go func() { agreed <- alice.Agrees("people", "anew") }()
	<-reached
	go func() {
		resp, err := alice.Try(t.Context(), logical.ReadOperation, "creds/people", nil)
		if err != nil || resp.IsError() {
			read <- fmt.Sprint(err, resp)
			return
		}
		read <- resp.Data["access_token"].(string)
	}()
	for end := time.Now().Add(10 * time.Second); waiting(p, key) < 2; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the reader does not wait")
		}
	}
	p.Storage.OnPut(nil)
	close(gate)
	if err := <-agreed; err != nil {
		t.Error(err)
	}
	if got := <-read; got != enginetest.Canary+"access~anew~1" {
		t.Error(got)
	}
}

// waiting is how many hold or wait for the lock of a grant's refreshes.
func waiting(p *enginetest.PerPerson, key grant.Key) int {
	p.Grants.Refreshes.Mu.Lock()
	defer p.Grants.Refreshes.Mu.Unlock()
	if l := p.Grants.Refreshes.Locks[string(key)]; l != nil {
		return l.Users
	}
	return 0
}
