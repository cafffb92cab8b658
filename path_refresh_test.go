package oauthrefresh_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// The answer tells the tokens apart and holds none: policies may allow a refresh without a read.
func TestAForcedRefresh(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.NewGrant(server)
		first := b.Data("creds/r")
		enginetest.Pause(time.Minute)
		got := b.Write("refresh/r", nil).Data
		if keys := slices.Sorted(maps.Keys(got)); !slices.Equal(keys, []string{"expires_at", "generation", "refreshed", "token_id"}) {
			t.Errorf("the fields are %v", keys)
		}
		second := b.Data("creds/r")
		if got["refreshed"] != true || got["generation"] != int64(2) || got["token_id"] == first["token_id"] {
			t.Errorf("the answer is %v", got)
		}
		if got["token_id"] != second["token_id"] || got["expires_at"] != second["expires_at"] || second["access_token"] == first["access_token"] {
			t.Errorf("the answer is %v, a read gives %v", got, second)
		}
		if n := len(server.Requests()); n != 2 {
			t.Errorf("%d requests", n)
		}
	})
}

// Fifty readers whose token was refused before its time cost one refresh.
func TestAHerdWithOneGenerationCostsOneRefresh(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	b.WriteRole("r")
	answer, open := enginetest.Gated(enginetest.TokenAnswer("a2", ""))
	server.Enqueue(enginetest.TokenAnswer("a1", ""), answer)
	b.Read("creds/r")
	var herd []<-chan enginetest.Outcome
	for range 50 {
		herd = append(herd, b.Start(t.Context(), logical.UpdateOperation, "refresh/r", enginetest.Fields{"if_generation": 1}))
	}
	b.AtWork("r", 50)
	open()
	for _, one := range herd {
		if got := enginetest.Await(t, one).Value(t, "generation"); got != int64(2) {
			t.Errorf("generation %v", got)
		}
	}
	late := b.Write("refresh/r", enginetest.Fields{"if_generation": 1}).Data
	if late["refreshed"] != false || late["generation"] != int64(2) || late["token_id"] == nil {
		t.Errorf("who comes late is told %v", late)
	}
	if n := len(server.Requests()); n != 2 {
		t.Errorf("%d requests", n)
	}
}

// Two operators who press at the same time want one refresh.
func TestForcedRefreshesOfTheSameMomentAreOne(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	b.WriteRole("r")
	answer, open := enginetest.Gated(enginetest.TokenAnswer("a1", ""))
	server.Enqueue(answer)
	first := b.Start(t.Context(), logical.UpdateOperation, "refresh/r", nil)
	server.WaitFor(1)
	second := b.Start(t.Context(), logical.UpdateOperation, "refresh/r", nil)
	b.AtWork("r", 2)
	open()
	for _, operator := range []<-chan enginetest.Outcome{first, second} {
		if got := enginetest.Await(t, operator).Value(t, "generation"); got != int64(1) {
			t.Errorf("generation %v", got)
		}
	}
	if n := len(server.Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// Where a refresh kills the token of others, force is what it takes before its time.
func TestAForcedRefreshDoesNotSpareOthers(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		grant := enginetest.NewGrant(server)
		b.Read("creds/r")
		b.Refused(logical.UpdateOperation, "creds/r", enginetest.Fields{"min_ttl": "50m"})
		b.Write("refresh/r", nil)
		if n := grant.Refreshes(); n != 2 {
			t.Errorf("%d refreshes", n)
		}
	}, enginetest.Fields{"refresh_invalidates_access_token": true})
}

// Force does not reach past a failure, and leaves the token at hand alone.
func TestAForcedRefreshThatFails(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(enginetest.TokenAnswer("a1", ""), enginetest.Busy)
		b.Read("creds/r")
		for range 3 {
			if status, text := b.Failure(logical.UpdateOperation, "refresh/r", nil); status != 503 {
				t.Errorf("%d %s", status, text)
			}
		}
		if n := len(server.Requests()); n != 2 {
			t.Errorf("%d requests", n)
		}
		if resp := b.Read("creds/r"); resp.Data["access_token"] != "a1" || len(resp.Warnings) != 0 {
			t.Errorf("access token %v, warnings %q", resp.Data["access_token"], resp.Warnings)
		}
	})
}

func TestARefreshOfNoRole(t *testing.T) {
	b := enginetest.New(t)
	for _, path := range []string{"refresh/none", "revoke/none", "creds/none"} {
		b.Rejects(logical.UpdateOperation, path, nil, "there is no role of this name")
	}
}
