package oauthrefresh

import (
	"maps"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// moves are the ways to lead a role's requests to another server.
var moves = map[string]func(b *testBackend, to string){
	"the provider is edited": func(b *testBackend, to string) {
		b.write("providers/test", fields{"token_endpoint": to + "/token"})
	},
	"the provider is deleted and defined again": func(b *testBackend, to string) {
		b.delete("providers/test")
		b.write("providers/test", fields{
			"token_endpoint": to + "/token", "revocation_endpoint": to + "/revoke", "token_endpoint_auth_method": "client_secret_post",
		})
	},
}

// Whoever may write providers, but does not know a role's secrets, must not learn them.
func TestSecretsDontFollowAMovedProvider(t *testing.T) {
	for name, move := range moves {
		t.Run(name, func(t *testing.T) {
			b := newTestBackend(t)
			home := newEndpoint(t, b)
			newGrant(home)
			b.writeRole("r", fields{"token_headers": fields{"X-Key": canary + "header"}, "token_params": fields{"key": canary + "param"}})
			b.read("creds/r")
			sent := len(home.Requests())
			elsewhere := clienttest.New(t, clienttest.Options{})
			grant := clienttest.NewRotation(canary + "anew")
			elsewhere.Handle(grant.Answer)
			move(b, elsewhere.URL())

			const place = "at another place than the one that this role's secrets were written for"
			b.rejects(writeOp, "refresh/r", nil, place)
			b.rejects(writeOp, "revoke/r", nil, place)
			if got := b.data("creds/r")["generation"]; got != int64(1) {
				t.Errorf("the token at hand is not served: %v", got)
			}
			// Each secret must be named: one that is not would follow unseen.
			all := roleOf("test", fields{"token_headers": fields{"X-Key": "zzz"}, "token_params": fields{"key": "zzz"}})
			b.rejects(writeOp, "roles/r", fields{"scope": "zzz"}, "write client_secret, refresh_token, token_headers, token_params again")
			for _, field := range []string{"client_secret", "refresh_token", "token_headers", "token_params"} {
				partial := maps.Clone(all)
				delete(partial, field)
				if got := b.refused(writeOp, "roles/r", partial); !strings.Contains(got, "write "+field+" again") {
					t.Errorf("without %s: %s", field, got)
				}
			}
			if n := len(elsewhere.Requests()) + elsewhere.Connections() + len(home.Requests()) - sent; n != 0 {
				t.Fatalf("%d requests and connections", n)
			}

			// The refresh token that came by rotation is not for whoever knows the first one.
			b.rejects(writeOp, "roles/r", all, "authorize again and write the new refresh_token")
			all["refresh_token"] = canary + "anew"
			b.write("roles/r", all)
			b.write("providers/test", fields{"token_endpoint": elsewhere.URL() + "/token"})
			b.write("roles/r", all)
			b.write("refresh/r", nil)
			if grant.Refreshes() != 1 {
				t.Error("the new place is not used")
			}
			if got := elsewhere.Requests()[0].Header.Get("X-Key"); got != "zzz" {
				t.Errorf("the header is %q", got)
			}
		})
	}
}

// A revocation endpoint that moves keeps nobody from refreshing, and gets nothing before the secrets are written
// for it.
func TestSecretsDontFollowAMovedRevocation(t *testing.T) {
	b := newTestBackend(t)
	home, elsewhere := newEndpoint(t, b), clienttest.New(t, clienttest.Options{})
	newGrant(home)
	elsewhere.Handle(func(*clienttest.Request) clienttest.Answer { return clienttest.JSON(200, `{}`) })
	b.writeRole("r")
	b.read("creds/r")
	b.write("providers/test", fields{"revocation_endpoint": elsewhere.URL() + "/revoke"})
	b.write("refresh/r", nil)
	b.write("roles/r", fields{"ttl": "1h"})
	b.writeRole("r") // the first refresh token: the newer one stays unseen
	b.rejects(writeOp, "revoke/r", nil, "at another place than the one that this role's secrets were written for")
	if n := elsewhere.Connections(); n != 0 {
		t.Fatalf("%d connections", n)
	}
	b.writeRole("r", fields{"refresh_token": canary + "other"})
	b.write("revoke/r", nil)
	if n := len(elsewhere.Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// The same through a role's own provider_params.
func TestSecretsDontFollowAMovedParameter(t *testing.T) {
	b := newTestBackend(t)
	home, elsewhere := newEndpoint(t, b), clienttest.New(t, clienttest.Options{})
	newGrant(home)
	b.write("providers/test", fields{
		"token_endpoint": "https://{host}/token", "revocation_endpoint": "", "param_patterns": fields{"host": "127[.]0[.]0[.]1:[0-9]+"},
	})
	b.writeRole("r", fields{"provider_params": fields{"host": home.Addr()}})
	b.read("creds/r")
	moved := fields{"provider_params": fields{"host": elsewhere.Addr()}}
	b.rejects(writeOp, "roles/r", moved, "write client_secret, refresh_token again")
	b.rejects(patchOp, "roles/r", moved, "write client_secret, refresh_token again")
	b.rejects(writeOp, "roles/r", with(moved, fields{"client_secret": "zzz"}), "write refresh_token again")
	b.write("roles/r", roleOf("test", moved, fields{"refresh_token": "zzz"}))
	if _, err := b.try(t.Context(), writeOp, "refresh/r", nil); err == nil {
		t.Error("a server that answers nothing refreshes a token")
	}
	if form := string(elsewhere.Requests()[0].Body); strings.Contains(form, "refresh-1") {
		t.Errorf("the grant's refresh token went along: %s", form)
	}
}

// A grant whose refresh token never changed is known to whoever names it, and moves on.
func TestGrantMovesWithItsRefreshToken(t *testing.T) {
	b := newTestBackend(t)
	home, elsewhere := newEndpoint(t, b), clienttest.New(t, clienttest.Options{})
	same := func(*clienttest.Request) clienttest.Answer { return tokenAnswer("a1", "") }
	home.Handle(same)
	elsewhere.Handle(same)
	b.writeRole("r")
	b.read("creds/r")
	b.write("providers/test", fields{"token_endpoint": elsewhere.URL() + "/token", "revocation_endpoint": ""})
	b.writeRole("r")
	if got := b.write("refresh/r", nil).Data["generation"]; got != int64(2) {
		t.Errorf("generation %v", got)
	}
}

// A role must not be led away in two steps either: parking its refresh token under another grant
// type, moving, and coming back for it.
func TestSecretsDontFollowInTwoSteps(t *testing.T) {
	b := newTestBackend(t)
	home, elsewhere := newEndpoint(t, b), clienttest.New(t, clienttest.Options{})
	newGrant(home)
	b.writeRole("r")
	b.read("creds/r")
	b.write("providers/test", fields{"token_endpoint": elsewhere.URL() + "/token", "revocation_endpoint": ""})
	parked := fields{"grant_type": "client_credentials", "client_secret": "zzz"}
	b.rejects(writeOp, "roles/r", parked, "write refresh_token again")

	// Giving it up is a way to move, and then it does not come back.
	b.write("roles/r", with(parked, fields{"refresh_token": ""}))
	if got := b.refused(writeOp, "roles/r", fields{"grant_type": "refresh_token"}); !strings.Contains(got, "refresh_token is required") {
		t.Error(got)
	}
	b.write("roles/r", fields{"grant_type": "refresh_token", "refresh_token": "zzz"})
	if _, err := b.try(t.Context(), writeOp, "refresh/r", nil); err == nil {
		t.Error("a server that answers nothing refreshes a token")
	}
	for _, r := range elsewhere.Requests() {
		if strings.Contains(string(r.Raw), canary) {
			t.Errorf("a secret was sent: %s", r.Raw)
		}
	}
}

// The access token of a machine's role is a secret too. It goes to no revocation endpoint but that of
// the server that it came from.
func TestAccessTokensDontFollowEither(t *testing.T) {
	b := newTestBackend(t)
	home, elsewhere := newEndpoint(t, b), clienttest.New(t, clienttest.Options{})
	answer := func(*clienttest.Request) clienttest.Answer {
		return clienttest.JSON(200, `{"access_token":"canary-machine","expires_in":3600}`)
	}
	home.Handle(answer)
	elsewhere.Handle(answer)
	b.writeRole("m", fields{"grant_type": "client_credentials", "refresh_token": nil})
	b.read("creds/m")
	b.write("providers/test", fields{"token_endpoint": elsewhere.URL() + "/token", "revocation_endpoint": elsewhere.URL() + "/revoke"})
	b.write("roles/m", fields{"client_secret": "zzz"})
	b.rejects(writeOp, "revoke/m", nil, "this role holds no token to revoke")
	if n := len(elsewhere.Requests()); n != 0 {
		t.Errorf("sent %s", elsewhere.Requests()[0].Raw)
	}
	b.read("creds/m")
	b.write("revoke/m", nil)
	if n, m := len(home.Requests()), len(elsewhere.Requests()); n != 1 || m != 2 {
		t.Errorf("%d requests at home, %d elsewhere", n, m)
	}
}

// Another path on the same server is no other place.
func TestMovesWithinAServerAreFree(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	newGrant(server)
	b.writeRole("r")
	b.read("creds/r")
	b.write("providers/test", fields{"token_endpoint": server.URL() + "/v2/token", "revocation_endpoint": ""})
	b.write("refresh/r", nil)
	b.write("roles/r", fields{"scope": "read"})
	if got := server.Requests()[1].Path; got != "/v2/token" {
		t.Errorf("sent to %s", got)
	}
}

// The aliases that a provider has when the secrets are written belong to it: a role may take to mutual TLS
// later without a new grant. One that is added later is another place.
func TestAliasesArePinnedToo(t *testing.T) {
	c := acceptedCertificate(t)
	mutual := fields{
		"client_secret": "", "token_endpoint_auth_method": "tls_client_auth", "client_certificate": c.certificate, "client_private_key": c.key,
	}
	for _, early := range []bool{true, false} {
		b := newTestBackend(t)
		home := newEndpoint(t, b)
		grant := newGrant(home)
		alias := clienttest.New(t, clienttest.Options{RequireClientCertificate: true})
		alias.Handle(grant.Answer)
		aliases := fields{"mtls_endpoint_aliases": fields{"token_endpoint": alias.URL() + "/token"}}
		if early {
			b.write("providers/test", aliases)
		}
		b.writeRole("r")
		b.read("creds/r")
		b.write("providers/test", aliases)
		if !early {
			b.rejects(writeOp, "roles/r", mutual, "write refresh_token again in the same write")
			continue
		}
		b.write("roles/r", mutual)
		b.write("refresh/r", nil)
		if n := len(alias.Requests()); n != 1 || grant.Reused() {
			t.Errorf("%d requests at the alias", n)
		}
	}
}
