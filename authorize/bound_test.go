package authorize_test

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

const boundToAddress = "{{identity.entity.metadata.email}}"

// Each person gets their own grant, with the account that is theirs; whoever else agrees gives it to nobody. The page
// says so to whoever agreed, and the tokens are forgotten.
func TestTheAccountIsWhoseItShouldBe(t *testing.T) {
	for name, c := range map[string]struct {
		claims enginetest.Fields
		entity *logical.Entity
		want   string // "" for a grant
	}{
		"alice":                         {},
		"in capitals":                   {claims: enginetest.Fields{"email": "Alice@Example.COM"}},
		"verified by the provider":      {claims: enginetest.Fields{"email_verified": true}},
		"another":                       {claims: enginetest.Fields{"email": "bob@example.com"}, want: "another account has agreed"},
		"one that looks alike":          {claims: enginetest.Fields{"email": "alice@example.com\u212a"}, want: "another account has agreed"},
		"unverified":                    {claims: enginetest.Fields{"email_verified": false}, want: "another account has agreed"},
		"unverified, as text":           {claims: enginetest.Fields{"email_verified": "false"}, want: "another account has agreed"},
		"none":                          {claims: enginetest.Fields{"email": ""}, want: "another account has agreed"},
		"Vault knows no address":        {entity: &logical.Entity{Name: "alice"}, want: "an account of yours that Vault does not know"},
		"Vault knows an empty one":      {entity: &logical.Entity{Metadata: map[string]string{"email": " "}}, claims: enginetest.Fields{"email": ""}, want: "an account of yours that Vault does not know"},
		"Vault has disabled the entity": {entity: &logical.Entity{Disabled: true, Metadata: map[string]string{"email": "alice@example.com"}}, want: "an account of yours that Vault does not know"},
	} {
		t.Run(name, func(t *testing.T) {
			b := enginetest.New(t)
			s := newOpenID(t, b)
			b.Write("roles/r", enginetest.Fields{"grant_owner": "entity", "bound_account": boundToAddress})
			alice := b.As("alice")
			if c.entity != nil {
				b.People.Change("alice", c.entity)
			}
			s.b = alice
			_, page := s.agree(t, c.claims, s.key)
			if c.want == "" {
				if got := confirm(t, alice, page); !strings.EqualFold(got["account"].(string), "alice@example.com") {
					t.Errorf("%v", got)
				}
				alice.Data("creds/r")
				return
			}
			if !strings.Contains(strings.ToLower(page), strings.ToLower(c.want)) || enginetest.CodeOn(page) != "" {
				t.Errorf("%s", page)
			}
			if text := alice.Refused(enginetest.WriteOp, "confirm/r", enginetest.Fields{"confirmation_code": "BBBB-BBBB"}); !strings.Contains(text, c.want) {
				t.Errorf("%q", text)
			}
			if got := alice.Data("status/r"); got["state"] != "unauthorized" {
				t.Errorf("%v", got)
			}
			for key, entry := range b.Storage.Contents(t) {
				if strings.Contains(entry, enginetest.Canary+"first") {
					t.Errorf("%s keeps the tokens", key)
				}
			}
		})
	}
}

// What was right as somebody agreed may be wrong as it is confirmed: the account is compared then, for good. As long as
// Vault can't be asked nothing is lost.
func TestTheAccountIsComparedAsItIsConfirmed(t *testing.T) {
	b := enginetest.New(t)
	s := newOpenID(t, b)
	b.Write("roles/r", enginetest.Fields{"grant_owner": "entity", "bound_account": boundToAddress})
	alice := b.As("alice")
	s.b = alice
	_, page := s.agree(t, nil, s.key)
	code := enginetest.Fields{"confirmation_code": enginetest.CodeOn(page)}
	b.People.Fails(errors.New("Vault is sealed"))
	if _, err := alice.Try(t.Context(), logical.UpdateOperation, "confirm/r", code); err == nil || !strings.Contains(err.Error(), "could not be asked") {
		t.Errorf("%v", err)
	}
	b.People.Fails(nil)
	b.People.Change("alice", &logical.Entity{Metadata: map[string]string{"email": "alice.new@example.com"}})
	alice.Refused(enginetest.WriteOp, "confirm/r", code)
	if got := alice.Data("status/r"); got["state"] != "unauthorized" {
		t.Errorf("%v", got)
	}
	b.People.Change("alice", &logical.Entity{Metadata: map[string]string{"email": "alice@example.com"}})
	if text := alice.Refused(enginetest.WriteOp, "confirm/r", code); !strings.Contains(text, "another account has agreed") {
		t.Errorf("%q", text)
	}
	b.Rejects(enginetest.WriteOp, "authorize/r/broker-name", nil, "only they themselves can authorize it")
}

// With an account that is bound, the device flow is safe: a link that was sent to somebody brings their account, which is
// not the sender's.
func TestTheDeviceFlowPerPerson(t *testing.T) {
	deviceFlow(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		b.WriteRole("p", enginetest.Fields{"refresh_token": nil, "grant_owner": "entity", "device_flow": true, "bound_account": "{{identity.entity.name}}", "scope": "read"})
		for who, want := range map[string]string{"alice": "", "mallory": "another account has agreed"} {
			by := b.As(who)
			server.Enqueue(asked, clienttest.JSON(200, agreed)) // by alice
			if got := by.Write("device/p", nil).Data; got["finish"] != "vault write -force oauth/confirm/p" {
				t.Errorf("%v", got)
			}
			enginetest.Pause(6 * time.Second)
			if want == "" {
				if got := by.Write("confirm/p", nil).Data; got["account"] != "alice" {
					t.Errorf("%v", got)
				}
				continue
			}
			if text := by.Refused(enginetest.WriteOp, "confirm/p", nil); !strings.Contains(text, want) {
				t.Errorf("%q", text)
			}
			if got := by.Data("status/p"); got["state"] != "unauthorized" {
				t.Errorf("%v", got)
			}
		}
		if got := b.As("alice").Data("creds/p")["access_token"]; got != "a1" {
			t.Errorf("%v", got)
		}
	})
}

// Two people, side by side, and a third who has neither's page: what each has begun is theirs, on their grant.
func TestPeopleSideBySide(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewAuthorization(t, b)
	b.WriteRole("people", enginetest.Fields{"refresh_token": nil, "grant_owner": "entity", "scope": "read"})
	begin := func(who string) (*enginetest.Mount, string) {
		by := b.As(who)
		begun := by.Write("authorize/people", nil).Data
		if begun["finish"] != "vault write oauth/confirm/people confirmation_code=..." {
			t.Errorf("%v", begun)
		}
		return by, begun["authorization_url"].(string)
	}
	alice, first := begin("alice")
	bob, second := begin("bob")
	_, ofAlice := b.Callback(server.Agree(first))
	a1 := alice.Write("confirm/people", enginetest.Fields{"confirmation_code": enginetest.CodeOn(ofAlice)}).Data
	_, ofBob := b.Callback(server.Agree(second))
	if !strings.Contains(ofBob, "vault write oauth/confirm/people confirmation_code=") || strings.Contains(ofBob, enginetest.EntityID("bob")) {
		t.Errorf("%s", ofBob)
	}
	for _, by := range []*enginetest.Mount{alice, b.As("mallory"), b} {
		by.Refused(enginetest.WriteOp, "confirm/people", enginetest.Fields{"confirmation_code": enginetest.CodeOn(ofBob)})
		by.Refused(enginetest.WriteOp, "confirm/people/"+enginetest.EntityID("bob"), enginetest.Fields{"confirmation_code": enginetest.CodeOn(ofBob)})
	}
	b1 := bob.Write("confirm/people", enginetest.Fields{"confirmation_code": enginetest.CodeOn(ofBob)}).Data
	if a1["token_id"] == b1["token_id"] {
		t.Error("both have one token")
	}
	for by, want := range map[*enginetest.Mount]map[string]any{alice: a1, bob: b1} {
		if got := by.Data("creds/people"); got["token_id"] != want["token_id"] {
			t.Errorf("%v, want %v", got, want)
		}
	}
	before := maps.Clone(b.Storage.Contents(t))
	b.As("mallory").Refused(enginetest.ReadOp, "creds/people", nil)
	if !maps.Equal(before, b.Storage.Contents(t)) {
		t.Error("a stranger's read has stored something")
	}
}

// A token from before its entity was merged or deleted goes on. It brings nobody a grant that they reach afterwards.
func TestAnEntityThatIsGoneAgreesToNothing(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewAuthorization(t, b)
	b.Write("roles/r", enginetest.Fields{"grant_owner": "entity"})
	alice := b.As("alice")
	_, page := b.Callback(server.Agree(alice.Authorize()))
	b.People.Change("alice", nil)
	for path, f := range map[string]enginetest.Fields{"authorize/r": nil, "confirm/r": {"confirmation_code": enginetest.CodeOn(page)}} {
		if text := alice.Refused(enginetest.WriteOp, path, f); !strings.Contains(text, "log in again") {
			t.Errorf("%s: %q", path, text)
		}
	}
	b.People.Change("alice", &logical.Entity{Name: "alice"}) // it was a mistake
	alice.Write("confirm/r", enginetest.Fields{"confirmation_code": enginetest.CodeOn(page)})
	alice.Data("creds/r")
}
