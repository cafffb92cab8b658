package role_test

import (
	"maps"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// moves are the ways to lead a role's requests to another server.
var moves = map[string]func(b *enginetest.Mount, to string){
	"the provider is edited": func(b *enginetest.Mount, to string) {
		b.Write("providers/test", enginetest.Fields{"token_endpoint": to + "/token"})
	},
	"the provider is deleted and defined again": func(b *enginetest.Mount, to string) {
		b.Delete("providers/test")
		b.Write("providers/test", enginetest.Fields{
			"token_endpoint": to + "/token", "revocation_endpoint": to + "/revoke", "token_endpoint_auth_method": "client_secret_post",
		})
	},
}

// Whoever may write providers, but does not know a role's secrets, must not learn them.
func TestSecretsDontFollowAMovedProvider(t *testing.T) {
	for name, move := range moves {
		t.Run(name, func(t *testing.T) {
			b := enginetest.New(t)
			home := enginetest.NewEndpoint(t, b)
			enginetest.NewGrant(home)
			b.WriteRole("r", enginetest.Fields{"token_headers": enginetest.Fields{"X-Key": enginetest.Canary + "header"}, "token_params": enginetest.Fields{"key": enginetest.Canary + "param"}})
			b.Read("creds/r")
			sent := len(home.Requests())
			elsewhere := clienttest.New(t, clienttest.Options{})
			grant := clienttest.NewRotation(enginetest.Canary + "anew")
			elsewhere.Handle(grant.Answer)
			move(b, elsewhere.URL())

			const place = "at another place than the one that this role's secrets were written for"
			b.Rejects(enginetest.WriteOp, "refresh/r", nil, place)
			b.Rejects(enginetest.WriteOp, "revoke/r", nil, place)
			if got := b.Data("creds/r")["generation"]; got != int64(1) {
				t.Errorf("the token at hand is not served: %v", got)
			}
			// Each secret must be named: one that is not would follow unseen.
			all := enginetest.RoleOf("test", enginetest.Fields{"token_headers": enginetest.Fields{"X-Key": "zzz"}, "token_params": enginetest.Fields{"key": "zzz"}})
			b.Rejects(enginetest.WriteOp, "roles/r", enginetest.Fields{"scope": "zzz"}, "write client_secret, refresh_token, token_headers, token_params again")
			for _, field := range []string{"client_secret", "refresh_token", "token_headers", "token_params"} {
				partial := maps.Clone(all)
				delete(partial, field)
				if got := b.Refused(enginetest.WriteOp, "roles/r", partial); !strings.Contains(got, "write "+field+" again") {
					t.Errorf("without %s: %s", field, got)
				}
			}
			if n := len(elsewhere.Requests()) + elsewhere.Connections() + len(home.Requests()) - sent; n != 0 {
				t.Fatalf("%d requests and connections", n)
			}

			// The refresh token that came by rotation is not for whoever knows the first one.
			b.Rejects(enginetest.WriteOp, "roles/r", all, "authorize again and write the new refresh_token")
			all["refresh_token"] = enginetest.Canary + "anew"
			b.Write("roles/r", all)
			b.Write("providers/test", enginetest.Fields{"token_endpoint": elsewhere.URL() + "/token"})
			b.Write("roles/r", all)
			b.Write("refresh/r", nil)
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
	b := enginetest.New(t)
	home, elsewhere := enginetest.NewEndpoint(t, b), clienttest.New(t, clienttest.Options{})
	enginetest.NewGrant(home)
	elsewhere.Handle(func(*clienttest.Request) clienttest.Answer { return clienttest.JSON(200, `{}`) })
	b.WriteRole("r")
	b.Read("creds/r")
	b.Write("providers/test", enginetest.Fields{"revocation_endpoint": elsewhere.URL() + "/revoke"})
	b.Write("refresh/r", nil)
	b.Write("roles/r", enginetest.Fields{"ttl": "1h"})
	b.WriteRole("r") // the first refresh token: the newer one stays unseen
	b.Rejects(enginetest.WriteOp, "revoke/r", nil, "at another place than the one that this role's secrets were written for")
	if n := elsewhere.Connections(); n != 0 {
		t.Fatalf("%d connections", n)
	}
	b.WriteRole("r", enginetest.Fields{"refresh_token": enginetest.Canary + "other"})
	b.Write("revoke/r", nil)
	if n := len(elsewhere.Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// The same through a role's own provider_params.
func TestSecretsDontFollowAMovedParameter(t *testing.T) {
	b := enginetest.New(t)
	home, elsewhere := enginetest.NewEndpoint(t, b), clienttest.New(t, clienttest.Options{})
	enginetest.NewGrant(home)
	b.Write("providers/test", enginetest.Fields{
		"token_endpoint": "https://{host}/token", "revocation_endpoint": "", "param_patterns": enginetest.Fields{"host": "127[.]0[.]0[.]1:[0-9]+"},
	})
	b.WriteRole("r", enginetest.Fields{"provider_params": enginetest.Fields{"host": home.Addr()}})
	b.Read("creds/r")
	moved := enginetest.Fields{"provider_params": enginetest.Fields{"host": elsewhere.Addr()}}
	b.Rejects(enginetest.WriteOp, "roles/r", moved, "write client_secret, refresh_token again")
	b.Rejects(enginetest.PatchOp, "roles/r", moved, "write client_secret, refresh_token again")
	b.Rejects(enginetest.WriteOp, "roles/r", enginetest.With(moved, enginetest.Fields{"client_secret": "zzz"}), "write refresh_token again")
	b.Write("roles/r", enginetest.RoleOf("test", moved, enginetest.Fields{"refresh_token": "zzz"}))
	if _, err := b.Try(t.Context(), enginetest.WriteOp, "refresh/r", nil); err == nil {
		t.Error("a server that answers nothing refreshes a token")
	}
	if form := string(elsewhere.Requests()[0].Body); strings.Contains(form, "refresh-1") {
		t.Errorf("the grant's refresh token went along: %s", form)
	}
}

// A grant whose refresh token never changed is known to whoever names it, and moves on.
func TestGrantMovesWithItsRefreshToken(t *testing.T) {
	b := enginetest.New(t)
	home, elsewhere := enginetest.NewEndpoint(t, b), clienttest.New(t, clienttest.Options{})
	same := func(*clienttest.Request) clienttest.Answer { return enginetest.TokenAnswer("a1", "") }
	home.Handle(same)
	elsewhere.Handle(same)
	b.WriteRole("r")
	b.Read("creds/r")
	b.Write("providers/test", enginetest.Fields{"token_endpoint": elsewhere.URL() + "/token", "revocation_endpoint": ""})
	b.WriteRole("r")
	if got := b.Write("refresh/r", nil).Data["generation"]; got != int64(2) {
		t.Errorf("generation %v", got)
	}
}

// A role must not be led away in two steps either: parking its refresh token under another grant
// type, moving, and coming back for it.
func TestSecretsDontFollowInTwoSteps(t *testing.T) {
	b := enginetest.New(t)
	home, elsewhere := enginetest.NewEndpoint(t, b), clienttest.New(t, clienttest.Options{})
	enginetest.NewGrant(home)
	b.WriteRole("r")
	b.Read("creds/r")
	b.Write("providers/test", enginetest.Fields{"token_endpoint": elsewhere.URL() + "/token", "revocation_endpoint": ""})
	parked := enginetest.Fields{"grant_type": "client_credentials", "client_secret": "zzz"}
	b.Rejects(enginetest.WriteOp, "roles/r", parked, "write refresh_token again")

	// Giving it up is a way to move, and then it does not come back.
	b.Write("roles/r", enginetest.With(parked, enginetest.Fields{"refresh_token": ""}))
	if got := b.Refused(enginetest.WriteOp, "roles/r", enginetest.Fields{"grant_type": "refresh_token"}); !strings.Contains(got, "refresh_token is required") {
		t.Error(got)
	}
	b.Write("roles/r", enginetest.Fields{"grant_type": "refresh_token", "refresh_token": "zzz"})
	if _, err := b.Try(t.Context(), enginetest.WriteOp, "refresh/r", nil); err == nil {
		t.Error("a server that answers nothing refreshes a token")
	}
	for _, r := range elsewhere.Requests() {
		if strings.Contains(string(r.Raw), enginetest.Canary) {
			t.Errorf("a secret was sent: %s", r.Raw)
		}
	}
}

// The access token of a machine's role is a secret too. It goes to no revocation endpoint but that of
// the server that it came from.
func TestAccessTokensDontFollowEither(t *testing.T) {
	b := enginetest.New(t)
	home, elsewhere := enginetest.NewEndpoint(t, b), clienttest.New(t, clienttest.Options{})
	answer := func(*clienttest.Request) clienttest.Answer {
		return clienttest.JSON(200, `{"access_token":"canary-machine","expires_in":3600}`)
	}
	home.Handle(answer)
	elsewhere.Handle(answer)
	b.WriteRole("m", enginetest.Fields{"grant_type": "client_credentials", "refresh_token": nil})
	b.Read("creds/m")
	b.Write("providers/test", enginetest.Fields{"token_endpoint": elsewhere.URL() + "/token", "revocation_endpoint": elsewhere.URL() + "/revoke"})
	b.Write("roles/m", enginetest.Fields{"client_secret": "zzz"})
	b.Rejects(enginetest.WriteOp, "revoke/m", nil, "this role holds no token to revoke")
	if n := len(elsewhere.Requests()); n != 0 {
		t.Errorf("sent %s", elsewhere.Requests()[0].Raw)
	}
	b.Read("creds/m")
	b.Write("revoke/m", nil)
	if n, m := len(home.Requests()), len(elsewhere.Requests()); n != 1 || m != 2 {
		t.Errorf("%d requests at home, %d elsewhere", n, m)
	}
}

// Another path on the same server is no other place.
func TestMovesWithinAServerAreFree(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	enginetest.NewGrant(server)
	b.WriteRole("r")
	b.Read("creds/r")
	b.Write("providers/test", enginetest.Fields{"token_endpoint": server.URL() + "/v2/token", "revocation_endpoint": ""})
	b.Write("refresh/r", nil)
	b.Write("roles/r", enginetest.Fields{"scope": "read"})
	if got := server.Requests()[1].Path; got != "/v2/token" {
		t.Errorf("sent to %s", got)
	}
}

// The aliases that a provider has when the secrets are written belong to it: a role may take to mutual TLS
// later without a new grant. One that is added later is another place.
func TestAliasesArePinnedToo(t *testing.T) {
	c := enginetest.AcceptedCertificate(t)
	mutual := enginetest.Fields{
		"client_secret": "", "token_endpoint_auth_method": "tls_client_auth", "client_certificate": c.Certificate, "client_private_key": c.Key,
	}
	for _, early := range []bool{true, false} {
		b := enginetest.New(t)
		home := enginetest.NewEndpoint(t, b)
		grant := enginetest.NewGrant(home)
		alias := clienttest.New(t, clienttest.Options{RequireClientCertificate: true})
		alias.Handle(grant.Answer)
		aliases := enginetest.Fields{"mtls_endpoint_aliases": enginetest.Fields{"token_endpoint": alias.URL() + "/token"}}
		if early {
			b.Write("providers/test", aliases)
		}
		b.WriteRole("r")
		b.Read("creds/r")
		b.Write("providers/test", aliases)
		if !early {
			b.Rejects(enginetest.WriteOp, "roles/r", mutual, "write refresh_token again in the same write")
			continue
		}
		b.Write("roles/r", mutual)
		b.Write("refresh/r", nil)
		if n := len(alias.Requests()); n != 1 || grant.Reused() {
			t.Errorf("%d requests at the alias", n)
		}
	}
}
