package oauthrefresh_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// What the server says now is shown, and taken only if it is still that.
func TestRediscoverShowsThenTakes(t *testing.T) {
	b := enginetest.New(t)
	s := enginetest.NewIssuer(t, b)
	b.Write("providers/mine", enginetest.Fields{"issuer": s.URL(), "introspection_endpoint": s.URL() + "/own"})
	before := b.Storage.Contents(t)

	same := b.Write("providers/mine/rediscover", nil)
	if enginetest.Plain(same.Data["changes"]) != "map[]" || same.Data["accepted"] != false {
		t.Errorf("unchanged metadata: %v", same.Data)
	}
	next := enginetest.With(s.Metadata(), enginetest.Fields{
		"token_endpoint": s.URL() + "/v2/token", "revocation_endpoint": nil, "introspection_endpoint": s.URL() + "/theirs",
		"token_endpoint_auth_methods_supported": nil,
	})
	s.Publish(next)
	shown := b.Write("providers/mine/rediscover", nil)
	want := enginetest.Plain(enginetest.Fields{
		"token_endpoint":             enginetest.Fields{"old": s.URL() + "/token", "new": s.URL() + "/v2/token"},
		"revocation_endpoint":        enginetest.Fields{"old": s.URL() + "/revoke", "new": nil},
		"token_endpoint_auth_method": enginetest.Fields{"old": "client_secret_post", "new": "client_secret_basic"},
	})
	if got := enginetest.Plain(shown.Data["changes"]); got != want || shown.Data["digest"] == same.Data["digest"] || !strings.Contains(enginetest.Plain(shown.Warnings), "clients authenticate another way now") {
		t.Errorf("shows %v %v, want %s", shown.Data, shown.Warnings, want)
	}
	b.Rejects(enginetest.WriteOp, "providers/mine/rediscover", enginetest.Fields{"accept": same.Data["digest"]}, "not those that were shown")
	b.Rejects(enginetest.WriteOp, "providers/mine/rediscover", enginetest.Fields{"accept": ""}, "accept is empty")
	// They change again between the look and the word.
	s.Publish(enginetest.With(next, enginetest.Fields{"token_endpoint": s.URL() + "/v3/token"}))
	b.Rejects(enginetest.WriteOp, "providers/mine/rediscover", enginetest.Fields{"accept": shown.Data["digest"]}, "not those that were shown")
	if !maps.Equal(b.Storage.Contents(t), before) {
		t.Error("storage has changed without a word")
	}

	s.Publish(next)
	if taken := b.Write("providers/mine/rediscover", enginetest.Fields{"accept": shown.Data["digest"]}); taken.Data["accepted"] != true || enginetest.Plain(taken.Data["changes"]) != want {
		t.Errorf("%v", taken.Data)
	}
	got := b.Data("providers/mine")
	if got["token_endpoint"] != s.URL()+"/v2/token" || got["revocation_endpoint"] != nil || got["introspection_endpoint"] != s.URL()+"/own" ||
		got["token_endpoint_auth_method"] != "client_secret_basic" || enginetest.Plain(got["discovered_fields"]) != "[token_endpoint token_endpoint_auth_method]" {
		t.Errorf("%v", got)
	}
}

// An endpoint that moves to another origin, here another port: a warning each time, and the secrets of
// roles stay where they are.
func TestRediscoverWarnsOfMoves(t *testing.T) {
	b := enginetest.New(t)
	s := enginetest.NewIssuer(t, b)
	b.Write("providers/mine", enginetest.Fields{"issuer": s.URL()})
	b.WriteRole("r", enginetest.Fields{"provider": "mine"})
	b.Read("creds/r")
	other := clienttest.New(t, clienttest.Options{})
	s.Publish(enginetest.With(s.Metadata(), enginetest.Fields{"token_endpoint": other.URL() + "/token"}))
	var accept enginetest.Fields
	for range 2 {
		resp := b.Write("providers/mine/rediscover", accept)
		if len(resp.Warnings) != 1 || !strings.HasPrefix(resp.Warnings[0], "token_endpoint: now on another host or port") {
			t.Errorf("%q", resp.Warnings)
		}
		accept = enginetest.Fields{"accept": resp.Data["digest"]}
	}
	b.Rejects(enginetest.WriteOp, "refresh/r", nil, "the provider's endpoint is now at another place")
	if state := b.Data("status/r")["state"]; state != grant.StateBlocked || other.Connections() > 0 {
		t.Errorf("the state is %v, %d connections", state, other.Connections())
	}
	// An alias moves the roles that show a certificate.
	s.Publish(enginetest.With(s.Metadata(), enginetest.Fields{"token_endpoint": other.URL() + "/token", "mtls_endpoint_aliases": enginetest.Fields{"token_endpoint": s.URL() + "/token"}}))
	if resp := b.Write("providers/mine/rediscover", nil); len(resp.Warnings) != 1 || !strings.HasPrefix(resp.Warnings[0], "mtls_endpoint_aliases: now") {
		t.Errorf("%q", resp.Warnings)
	}
	// A write that names the issuer does the same in one step, and says so too.
	s.Publish(s.Metadata())
	if resp := b.Write("providers/mine", enginetest.Fields{"issuer": s.URL()}); len(resp.Warnings) != 1 {
		t.Errorf("%q", resp.Warnings)
	}
}

func TestRediscoverNeedsAnIssuer(t *testing.T) {
	b := enginetest.New(t)
	b.Write("providers/own", enginetest.Fields{"token_endpoint": "https://own.example/"})
	b.Write("providers/all", enginetest.EveryProviderField)
	for name, want := range map[string]string{
		"own": "has no issuer to ask", "all": "is your own", "none": "no provider of this name", "salesforce": "built-in",
	} {
		b.Rejects(enginetest.WriteOp, fmt.Sprintf("providers/%s/rediscover", name), nil, want)
	}
}
