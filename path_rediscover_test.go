package oauthrefresh

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
)

// What the server says now is shown, and taken only if it is still that.
func TestRediscoverShowsThenTakes(t *testing.T) {
	b := newTestBackend(t)
	s := newIssuer(t, b)
	b.write("providers/mine", fields{"issuer": s.URL(), "introspection_endpoint": s.URL() + "/own"})
	before := b.storage.contents(t)

	same := b.write("providers/mine/rediscover", nil)
	if plain(same.Data["changes"]) != "map[]" || same.Data["accepted"] != false {
		t.Errorf("unchanged metadata: %v", same.Data)
	}
	next := with(s.metadata(), fields{
		"token_endpoint": s.URL() + "/v2/token", "revocation_endpoint": nil, "introspection_endpoint": s.URL() + "/theirs",
		"token_endpoint_auth_methods_supported": nil,
	})
	s.publish(next)
	shown := b.write("providers/mine/rediscover", nil)
	want := plain(fields{
		"token_endpoint":             fields{"old": s.URL() + "/token", "new": s.URL() + "/v2/token"},
		"revocation_endpoint":        fields{"old": s.URL() + "/revoke", "new": nil},
		"token_endpoint_auth_method": fields{"old": "client_secret_post", "new": "client_secret_basic"},
	})
	if got := plain(shown.Data["changes"]); got != want || shown.Data["digest"] == same.Data["digest"] || !strings.Contains(plain(shown.Warnings), "clients authenticate another way now") {
		t.Errorf("shows %v %v, want %s", shown.Data, shown.Warnings, want)
	}
	b.rejects(writeOp, "providers/mine/rediscover", fields{"accept": same.Data["digest"]}, "not those that were shown")
	b.rejects(writeOp, "providers/mine/rediscover", fields{"accept": ""}, "accept is empty")
	// They change again between the look and the word.
	s.publish(with(next, fields{"token_endpoint": s.URL() + "/v3/token"}))
	b.rejects(writeOp, "providers/mine/rediscover", fields{"accept": shown.Data["digest"]}, "not those that were shown")
	if !maps.Equal(b.storage.contents(t), before) {
		t.Error("storage has changed without a word")
	}

	s.publish(next)
	if taken := b.write("providers/mine/rediscover", fields{"accept": shown.Data["digest"]}); taken.Data["accepted"] != true || plain(taken.Data["changes"]) != want {
		t.Errorf("%v", taken.Data)
	}
	got := b.data("providers/mine")
	if got["token_endpoint"] != s.URL()+"/v2/token" || got["revocation_endpoint"] != nil || got["introspection_endpoint"] != s.URL()+"/own" ||
		got["token_endpoint_auth_method"] != "client_secret_basic" || plain(got["discovered_fields"]) != "[token_endpoint token_endpoint_auth_method]" {
		t.Errorf("%v", got)
	}
}

// An endpoint that moves to another origin, here another port: a warning each time, and the secrets of
// roles stay where they are.
func TestRediscoverWarnsOfMoves(t *testing.T) {
	b := newTestBackend(t)
	s := newIssuer(t, b)
	b.write("providers/mine", fields{"issuer": s.URL()})
	b.writeRole("r", fields{"provider": "mine"})
	b.read("creds/r")
	other := clienttest.New(t, clienttest.Options{})
	s.publish(with(s.metadata(), fields{"token_endpoint": other.URL() + "/token"}))
	var accept fields
	for range 2 {
		resp := b.write("providers/mine/rediscover", accept)
		if len(resp.Warnings) != 1 || !strings.HasPrefix(resp.Warnings[0], "token_endpoint: now on another host or port") {
			t.Errorf("%q", resp.Warnings)
		}
		accept = fields{"accept": resp.Data["digest"]}
	}
	b.rejects(writeOp, "refresh/r", nil, "the provider's endpoint is now at another place")
	if state := b.data("status/r")["state"]; state != grant.StateBlocked || other.Connections() > 0 {
		t.Errorf("the state is %v, %d connections", state, other.Connections())
	}
	// An alias moves the roles that show a certificate.
	s.publish(with(s.metadata(), fields{"token_endpoint": other.URL() + "/token", "mtls_endpoint_aliases": fields{"token_endpoint": s.URL() + "/token"}}))
	if resp := b.write("providers/mine/rediscover", nil); len(resp.Warnings) != 1 || !strings.HasPrefix(resp.Warnings[0], "mtls_endpoint_aliases: now") {
		t.Errorf("%q", resp.Warnings)
	}
	// A write that names the issuer does the same in one step, and says so too.
	s.publish(s.metadata())
	if resp := b.write("providers/mine", fields{"issuer": s.URL()}); len(resp.Warnings) != 1 {
		t.Errorf("%q", resp.Warnings)
	}
}

func TestRediscoverNeedsAnIssuer(t *testing.T) {
	b := newTestBackend(t)
	b.write("providers/own", fields{"token_endpoint": "https://own.example/"})
	b.write("providers/all", everyProviderField)
	for name, want := range map[string]string{
		"own": "has no issuer to ask", "all": "is your own", "none": "no provider of this name", "salesforce": "built-in",
	} {
		b.rejects(writeOp, fmt.Sprintf("providers/%s/rediscover", name), nil, want)
	}
}
