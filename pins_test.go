package oauthrefresh

import (
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/provider"
	"vault-plugin-secrets-oauthrefresh/role"
)

// camelRole is a role of a server that says accessToken and refreshToken, and has been read once.
func camelRole(t *testing.T) (*testBackend, *clienttest.Server) {
	b := newTestBackend(t)
	server := newEndpoint(t, b, fields{
		"access_token_pointer": "/accessToken", "refresh_token_pointer": "/refreshToken", "extra_fields": []string{"site", "/team/id"},
	})
	answer := func(access, refresh string) clienttest.Answer {
		return clienttest.JSON(200, `{"accessToken":"`+access+`","refreshToken":"`+refresh+`","site":"s","expires_in":3600,"team":{"id":"1"}}`)
	}
	server.Enqueue(answer("a1", canary+"r1"), answer("a2", canary+"r2"), answer("a3", canary+"r3"))
	b.writeRole("r")
	b.read("creds/r")
	return b, server
}

// unpin makes a role one of v0.1.0, which pinned nothing, and its token one that is not known to be of what was asked.
func (b *testBackend) unpin(name string) {
	b.t.Helper()
	r, err := role.Get(b.t.Context(), b.storage, name)
	if err == nil {
		r.Pins = nil
		err = role.Put(b.t.Context(), b.storage, name, r)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	if b.stored(name) != nil {
		b.age(name, func(tok *grant.State) { tok.Asked = "" })
	}
}

// Whoever may write providers decides what readers are handed. A role takes that up when it is written, not before.
func TestWhatReadersAreHandedDoesNotMoveUnseen(t *testing.T) {
	for name, c := range map[string]struct {
		edit  fields
		named string
	}{
		"another access token":           {fields{"access_token_pointer": "/refreshToken", "refresh_token_pointer": "/nowhere"}, "access_token_pointer"},
		"a further field":                {fields{"extra_fields": "site,/team/id,refreshToken", "refresh_token_pointer": "/nowhere"}, "extra_fields"},
		"the object around it":           {fields{"extra_fields": "team", "refresh_token_pointer": "/nowhere"}, "extra_fields"},
		"the default instead of its own": {fields{"access_token_pointer": ""}, "access_token_pointer"},
	} {
		for _, how := range []string{"edited", "edited, role of v0.1.0", "deleted and written again", "deleted and written again, role of v0.1.0"} {
			t.Run(name+", "+how, func(t *testing.T) {
				b, server := camelRole(t)
				if strings.HasSuffix(how, "v0.1.0") {
					b.unpin("r")
				}
				definition := fields(b.data("providers/test"))
				delete(definition, "builtin")
				if strings.HasPrefix(how, "deleted") {
					b.delete("providers/test")
				}
				resp := b.write("providers/test", with(definition, c.edit))
				if got := strings.HasPrefix(how, "edited"); got && (resp == nil || !strings.Contains(strings.Join(resp.Warnings, "\n"), c.named+": roles that were written")) {
					t.Errorf("the writer of the provider hears %v", resp)
				}
				b.rejects(writeOp, "refresh/r", nil, "the provider's "+c.named+" decides what readers are handed")
				status := b.data("status/r")
				if step, _ := status["next_step"].(string); status["state"] != grant.StateBlocked || !strings.Contains(step, "write the role once more") {
					t.Errorf("the status is %v: %v", status["state"], step)
				}
				if got := b.data("explain/r")["request"].(string); !strings.Contains(got, c.named) {
					t.Errorf("explain says %s", got)
				}
				if got := b.data("creds/r")["access_token"]; got != "a1" || len(server.Requests()) != 1 {
					t.Errorf("after %d requests readers get %v", len(server.Requests()), got)
				}
				// Undone, it is as if nothing had been.
				b.write("providers/test", with(definition, fields{"docs": "undone"}))
				b.write("refresh/r", nil)
				// And taken up by a write without any secret.
				b.write("providers/test", c.edit)
				resp = b.write("roles/r", fields{"ttl": "30m"})
				if resp == nil || !strings.Contains(strings.Join(resp.Warnings, "\n"), "the provider has changed since") {
					t.Errorf("the writer of the role hears %v", resp)
				}
				if got := b.data("status/r")["state"]; got == grant.StateBlocked {
					t.Error("still blocked")
				}
			})
		}
	}
}

// What takes nothing to another place is free, and what the plugin's own definitions say is the plugin's.
func TestWhatIsNoMoveOfWhatReadersAreHanded(t *testing.T) {
	for name, edit := range map[string]fields{
		"fewer fields":             {"extra_fields": "site"},
		"another order":            {"extra_fields": "/team/id,site"},
		"another refresh token":    {"refresh_token_pointer": "/data/next"},
		"where the lifetime is":    {"expires_in_pointer": "/expires_in"},
		"another way to send both": {"token_endpoint_auth_method": "client_secret_basic"},
	} {
		b, _ := camelRole(t)
		if resp := b.write("providers/test", edit); resp != nil {
			t.Errorf("%s: the writer is warned: %v", name, resp.Warnings)
		}
		b.in(t).write("refresh/r", nil)
	}
	b, _ := newWarm(t) // with the default pointer, which may be written out
	b.write("providers/test", fields{"access_token_pointer": "/access_token"})
	b.write("refresh/r", nil)
	b.write("roles/built-in", roleOf("salesforce"))
	if r, err := role.Get(t.Context(), b.storage, "built-in"); err != nil || r.Pins != nil {
		t.Errorf("a role of a built-in provider is pinned: %v, %v", r.Pins, err)
	}
}

// A promotion is no operator's write: it takes up nothing.
func TestAPromotionTakesUpNoMove(t *testing.T) {
	b, _ := camelRole(t)
	b.write("providers/test", fields{"extra_fields": "refreshToken", "refresh_token_pointer": "/nowhere"})
	r, err := role.Get(t.Context(), b.storage, "r")
	if err != nil {
		t.Fatal(err)
	}
	r.Next.ID, r.Next.ClientSecret = "next", r.ClientSecret
	if err := role.Put(t.Context(), b.storage, "r", r); err != nil {
		t.Fatal(err)
	}
	if done, err := b.grants.Promote(t.Context(), b.storage, "r", &role.Adopted{ID: "next", Parts: []role.Part{role.PartSecret}}); !done || err != nil {
		t.Fatal(done, err)
	}
	b.rejects(writeOp, "refresh/r", nil, "extra_fields decides")
}

// A role of v0.1.0 goes on after the upgrade, whatever its provider said then.
func TestAnUpgradeBlocksNobody(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	newGrant(server)
	b.writeRole("r")
	p, err := provider.GetCustom(t.Context(), b.storage, "test")
	if err != nil {
		t.Fatal(err)
	}
	p.TokenEndpointAuthMethod, p.ExtraFields = "none", []string{"site"} // edited since, by v0.1.0
	if err := mount.Save(t.Context(), b.storage, provider.Prefix+"test", p); err != nil {
		t.Fatal(err)
	}
	b.unpin("r")
	b.read("creds/r")
	b.write("providers/test", fields{"docs": "the first write of this version"})
	b.write("refresh/r", nil)
	b.write("providers/test", fields{"extra_fields": "site,other"})
	b.rejects(writeOp, "refresh/r", nil, "extra_fields decides")
}

// A provider that comes to want less proof than before is sent none at all, and no refresh token with it.
func TestLessProofThanBeforeSendsNothing(t *testing.T) {
	c := acceptedCertificate(t)
	certificate := fields{"client_secret": nil, "client_certificate": c.certificate, "client_private_key": c.key}
	for name, tc := range map[string]struct {
		method, lost string
		role, edit   fields
	}{
		"secret":                {method: "client_secret_post", lost: "client_secret"},
		"key":                   {method: "private_key_jwt", lost: "assertion_private_key", role: fields{"client_secret": nil, "assertion_private_key": c.key}},
		"certificate":           {method: "tls_client_auth", lost: "client_certificate", role: certificate},
		"key of a certificate":  {method: "private_key_jwt", lost: "client_certificate", role: certificate},
		"certificate by itself": {method: "none", lost: "client_certificate", role: certificate, edit: fields{"requires_certificate": false}},
	} {
		for _, version := range []string{"", ", role of v0.1.0"} {
			t.Run(name+version, func(t *testing.T) {
				b := newTestBackend(t)
				server := newEndpoint(t, b, fields{"token_endpoint_auth_method": tc.method, "requires_certificate": tc.method == "none"})
				newGrant(server)
				b.writeRole("r", tc.role)
				if version != "" {
					b.unpin("r")
				}
				edit := with(fields{"token_endpoint_auth_method": "none"}, tc.edit)
				b.write("providers/test", edit)
				want := "the " + tc.lost + " would no longer prove who the client is"
				if got := b.noCreds("r", 400); !strings.Contains(got, want) {
					t.Error(got)
				}
				if got := b.data("status/r"); got["state"] != grant.StateBlocked || !strings.Contains(got["next_step"].(string), want) || len(server.Requests()) != 0 {
					t.Errorf("%d requests, %v", len(server.Requests()), got)
				}
				unused := fields{}
				if tc.lost != "client_certificate" {
					b.rejects(writeOp, "roles/r", fields{"ttl": "1h"}, tc.lost+`="" too`)
					unused[tc.lost] = ""
				}
				b.write("roles/r", unused)
				b.read("creds/r")
			})
		}
	}
}

// The one way to send a secret may be replaced by another, and a role that chose its own method is asked.
func TestAsMuchProofAsBeforeIsSent(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	newGrant(server)
	b.writeRole("r", fields{"token_endpoint_auth_method": "client_secret_post"})
	b.write("providers/test", fields{"token_endpoint_auth_method": "none"})
	b.read("creds/r")
	if got := server.Requests()[0].Form.Get("client_secret"); got != canary+"secret" {
		t.Error("the role's own method is not used")
	}
	c := acceptedCertificate(t)
	b.write("providers/test", fields{"token_endpoint_auth_method": "private_key_jwt"})
	b.writeRole("public", fields{
		"client_secret": nil, "token_endpoint_auth_method": "none", "client_certificate": c.certificate, "client_private_key": c.key, "refresh_token": canary + "refresh-1",
	})
	b.write("providers/test", fields{"token_endpoint_auth_method": "client_secret_post"})
	b.read("creds/public")
}

// What a provider said is stored before it says something else, or it does not change.
func TestAProviderIsPinnedBeforeItChanges(t *testing.T) {
	b, _ := camelRole(t)
	b.unpin("r")
	b.storage.onPut(func(key string) error {
		if strings.HasPrefix(key, role.PinsPrefix) {
			return errDisk
		}
		return nil
	})
	// Its own creation has pinned nothing, as it said nothing before.
	for _, op := range []request{{writeOp, "providers/test"}, {deleteOp, "providers/test"}} {
		if _, err := b.try(t.Context(), op.op, op.path, nil); err == nil {
			t.Errorf("%s is done", op.op)
		}
	}
	b.storage.onPut(nil)
	b.write("refresh/r", nil)
}
