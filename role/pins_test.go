package role_test

import (
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/provider"
	"vault-plugin-secrets-oauthrefresh/role"
)

// camelRole is a role of a server that says accessToken and refreshToken, and has been read once.
func camelRole(t *testing.T) (*enginetest.Mount, *clienttest.Server) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b, enginetest.Fields{
		"access_token_pointer": "/accessToken", "refresh_token_pointer": "/refreshToken", "extra_fields": []string{"site", "/team/id"},
	})
	answer := func(access, refresh string) clienttest.Answer {
		return clienttest.JSON(200, `{"accessToken":"`+access+`","refreshToken":"`+refresh+`","site":"s","expires_in":3600,"team":{"id":"1"}}`)
	}
	server.Enqueue(answer("a1", enginetest.Canary+"r1"), answer("a2", enginetest.Canary+"r2"), answer("a3", enginetest.Canary+"r3"))
	b.WriteRole("r")
	b.Read("creds/r")
	return b, server
}

// Whoever may write providers decides what readers are handed. A role takes that up when it is written, not before.
func TestWhatReadersAreHandedDoesNotMoveUnseen(t *testing.T) {
	for name, c := range map[string]struct {
		edit  enginetest.Fields
		named string
	}{
		"another access token":           {enginetest.Fields{"access_token_pointer": "/refreshToken", "refresh_token_pointer": "/nowhere"}, "access_token_pointer"},
		"a further field":                {enginetest.Fields{"extra_fields": "site,/team/id,refreshToken", "refresh_token_pointer": "/nowhere"}, "extra_fields"},
		"the object around it":           {enginetest.Fields{"extra_fields": "team", "refresh_token_pointer": "/nowhere"}, "extra_fields"},
		"the default instead of its own": {enginetest.Fields{"access_token_pointer": ""}, "access_token_pointer"},
	} {
		for _, how := range []string{"edited", "edited, role of v0.1.0", "deleted and written again", "deleted and written again, role of v0.1.0"} {
			t.Run(name+", "+how, func(t *testing.T) {
				b, server := camelRole(t)
				if strings.HasSuffix(how, "v0.1.0") {
					b.Unpin("r")
				}
				definition := enginetest.Fields(b.Data("providers/test"))
				delete(definition, "builtin")
				if strings.HasPrefix(how, "deleted") {
					b.Delete("providers/test")
				}
				resp := b.Write("providers/test", enginetest.With(definition, c.edit))
				if got := strings.HasPrefix(how, "edited"); got && (resp == nil || !strings.Contains(strings.Join(resp.Warnings, "\n"), c.named+": roles that were written")) {
					t.Errorf("the writer of the provider hears %v", resp)
				}
				b.Rejects(enginetest.WriteOp, "refresh/r", nil, "the provider's "+c.named+" decides what readers are handed")
				status := b.Data("status/r")
				if step, _ := status["next_step"].(string); status["state"] != grant.StateBlocked || !strings.Contains(step, "write the role once more") {
					t.Errorf("the status is %v: %v", status["state"], step)
				}
				if got := b.Data("explain/r")["request"].(string); !strings.Contains(got, c.named) {
					t.Errorf("explain says %s", got)
				}
				if got := b.Data("creds/r")["access_token"]; got != "a1" || len(server.Requests()) != 1 {
					t.Errorf("after %d requests readers get %v", len(server.Requests()), got)
				}
				// Undone, it is as if nothing had been.
				b.Write("providers/test", enginetest.With(definition, enginetest.Fields{"docs": "undone"}))
				b.Write("refresh/r", nil)
				// And taken up by a write without any secret.
				b.Write("providers/test", c.edit)
				resp = b.Write("roles/r", enginetest.Fields{"ttl": "30m"})
				if resp == nil || !strings.Contains(strings.Join(resp.Warnings, "\n"), "the provider has changed since") {
					t.Errorf("the writer of the role hears %v", resp)
				}
				if got := b.Data("status/r")["state"]; got == grant.StateBlocked {
					t.Error("still blocked")
				}
			})
		}
	}
}

// What takes nothing to another place is free, and what the plugin's own definitions say is the plugin's.
func TestWhatIsNoMoveOfWhatReadersAreHanded(t *testing.T) {
	for name, edit := range map[string]enginetest.Fields{
		"fewer fields":             {"extra_fields": "site"},
		"another order":            {"extra_fields": "/team/id,site"},
		"another refresh token":    {"refresh_token_pointer": "/data/next"},
		"where the lifetime is":    {"expires_in_pointer": "/expires_in"},
		"another way to send both": {"token_endpoint_auth_method": "client_secret_basic"},
	} {
		b, _ := camelRole(t)
		if resp := b.Write("providers/test", edit); resp != nil {
			t.Errorf("%s: the writer is warned: %v", name, resp.Warnings)
		}
		b.In(t).Write("refresh/r", nil)
	}
	b, _ := enginetest.NewWarm(t) // with the default pointer, which may be written out
	b.Write("providers/test", enginetest.Fields{"access_token_pointer": "/access_token"})
	b.Write("refresh/r", nil)
	b.Write("roles/built-in", enginetest.RoleOf("salesforce"))
	if r, err := role.Get(t.Context(), b.Storage, "built-in"); err != nil || r.Pins != nil {
		t.Errorf("a role of a built-in provider is pinned: %v, %v", r.Pins, err)
	}
}

// A promotion is no operator's write: it takes up nothing.
func TestAPromotionTakesUpNoMove(t *testing.T) {
	b, _ := camelRole(t)
	b.Write("providers/test", enginetest.Fields{"extra_fields": "refreshToken", "refresh_token_pointer": "/nowhere"})
	r, err := role.Get(t.Context(), b.Storage, "r")
	if err != nil {
		t.Fatal(err)
	}
	r.Next.ID, r.Next.ClientSecret = "next", r.ClientSecret
	if err := role.Put(t.Context(), b.Storage, "r", r); err != nil {
		t.Fatal(err)
	}
	if done, err := b.Grants.Promote(t.Context(), b.Storage, "r", &role.Adopted{ID: "next", Parts: []role.Part{role.PartSecret}}); !done || err != nil {
		t.Fatal(done, err)
	}
	b.Rejects(enginetest.WriteOp, "refresh/r", nil, "extra_fields decides")
}

// A role of v0.1.0 goes on after the upgrade, whatever its provider said then.
func TestAnUpgradeBlocksNobody(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	enginetest.NewGrant(server)
	b.WriteRole("r")
	p, err := provider.GetCustom(t.Context(), b.Storage, "test")
	if err != nil {
		t.Fatal(err)
	}
	p.TokenEndpointAuthMethod, p.ExtraFields = "none", []string{"site"} // edited since, by v0.1.0
	if err := mount.Save(t.Context(), b.Storage, provider.Prefix+"test", p); err != nil {
		t.Fatal(err)
	}
	b.Unpin("r")
	b.Read("creds/r")
	b.Write("providers/test", enginetest.Fields{"docs": "the first write of this version"})
	b.Write("refresh/r", nil)
	b.Write("providers/test", enginetest.Fields{"extra_fields": "site,other"})
	b.Rejects(enginetest.WriteOp, "refresh/r", nil, "extra_fields decides")
}

// A provider that comes to want less proof than before is sent none at all, and no refresh token with it.
func TestLessProofThanBeforeSendsNothing(t *testing.T) {
	c := enginetest.AcceptedCertificate(t)
	certificate := enginetest.Fields{"client_secret": nil, "client_certificate": c.Certificate, "client_private_key": c.Key}
	for name, tc := range map[string]struct {
		method, lost string
		role, edit   enginetest.Fields
	}{
		"secret":                {method: "client_secret_post", lost: "client_secret"},
		"key":                   {method: "private_key_jwt", lost: "assertion_private_key", role: enginetest.Fields{"client_secret": nil, "assertion_private_key": c.Key}},
		"certificate":           {method: "tls_client_auth", lost: "client_certificate", role: certificate},
		"key of a certificate":  {method: "private_key_jwt", lost: "client_certificate", role: certificate},
		"certificate by itself": {method: "none", lost: "client_certificate", role: certificate, edit: enginetest.Fields{"requires_certificate": false}},
	} {
		for _, version := range []string{"", ", role of v0.1.0"} {
			t.Run(name+version, func(t *testing.T) {
				b := enginetest.New(t)
				server := enginetest.NewEndpoint(t, b, enginetest.Fields{"token_endpoint_auth_method": tc.method, "requires_certificate": tc.method == "none"})
				enginetest.NewGrant(server)
				b.WriteRole("r", tc.role)
				if version != "" {
					b.Unpin("r")
				}
				edit := enginetest.With(enginetest.Fields{"token_endpoint_auth_method": "none"}, tc.edit)
				b.Write("providers/test", edit)
				want := "the " + tc.lost + " would no longer prove who the client is"
				if got := b.NoCreds("r", 400); !strings.Contains(got, want) {
					t.Error(got)
				}
				if got := b.Data("status/r"); got["state"] != grant.StateBlocked || !strings.Contains(got["next_step"].(string), want) || len(server.Requests()) != 0 {
					t.Errorf("%d requests, %v", len(server.Requests()), got)
				}
				unused := enginetest.Fields{}
				if tc.lost != "client_certificate" {
					b.Rejects(enginetest.WriteOp, "roles/r", enginetest.Fields{"ttl": "1h"}, tc.lost+`="" too`)
					unused[tc.lost] = ""
				}
				b.Write("roles/r", unused)
				b.Read("creds/r")
			})
		}
	}
}

// The one way to send a secret may be replaced by another, and a role that chose its own method is asked.
func TestAsMuchProofAsBeforeIsSent(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	enginetest.NewGrant(server)
	b.WriteRole("r", enginetest.Fields{"token_endpoint_auth_method": "client_secret_post"})
	b.Write("providers/test", enginetest.Fields{"token_endpoint_auth_method": "none"})
	b.Read("creds/r")
	if got := server.Requests()[0].Form.Get("client_secret"); got != enginetest.Canary+"secret" {
		t.Error("the role's own method is not used")
	}
	c := enginetest.AcceptedCertificate(t)
	b.Write("providers/test", enginetest.Fields{"token_endpoint_auth_method": "private_key_jwt"})
	b.WriteRole("public", enginetest.Fields{
		"client_secret": nil, "token_endpoint_auth_method": "none", "client_certificate": c.Certificate, "client_private_key": c.Key, "refresh_token": enginetest.Canary + "refresh-1",
	})
	b.Write("providers/test", enginetest.Fields{"token_endpoint_auth_method": "client_secret_post"})
	b.Read("creds/public")
}

// What a provider said is stored before it says something else, or it does not change.
func TestAProviderIsPinnedBeforeItChanges(t *testing.T) {
	b, _ := camelRole(t)
	b.Unpin("r")
	b.Storage.OnPut(func(key string) error {
		if strings.HasPrefix(key, role.PinsPrefix) {
			return enginetest.ErrDisk
		}
		return nil
	})
	// Its own creation has pinned nothing, as it said nothing before.
	for _, op := range []enginetest.Request{{Op: enginetest.WriteOp, Path: "providers/test"}, {Op: enginetest.DeleteOp, Path: "providers/test"}} {
		if _, err := b.Try(t.Context(), op.Op, op.Path, nil); err == nil {
			t.Errorf("%s is done", op.Op)
		}
	}
	b.Storage.OnPut(nil)
	b.Write("refresh/r", nil)
}
