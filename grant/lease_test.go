package grant_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// The lease is the shortest of what is left of the token, less a margin, the role's ttl and the
// mount's longest lease.
func TestLeaseTTL(t *testing.T) {
	const week = 7 * 24 * time.Hour
	for name, c := range map[string]struct {
		role     enginetest.Fields
		provider enginetest.Fields
		mount    time.Duration
		lifetime int // seconds
		want     time.Duration
	}{
		"the token, less 30s":            {nil, nil, week, 3600, 3570 * time.Second},
		"the token, less a twentieth":    {nil, nil, week, 100, 95 * time.Second},
		"the role's ttl":                 {enginetest.Fields{"ttl": "90s"}, nil, week, 3600, 90 * time.Second},
		"a ttl longer than the token":    {enginetest.Fields{"ttl": "2h"}, nil, week, 3600, 3570 * time.Second},
		"the mount's max_lease_ttl":      {nil, nil, time.Minute, 3600, time.Minute},
		"a year":                         {nil, nil, 768 * time.Hour, 31536000, 768 * time.Hour},
		"a mount without a longest":      {nil, nil, 0, 31536000, 31536000*time.Second - 30*time.Second},
		"the shortest lease there is":    {nil, nil, week, 6, 5 * time.Second},
		"the end of the promise":         {nil, enginetest.Fields{"refresh_invalidates_access_token": true}, week, 3600, 40 * time.Minute},
		"the promise of a window":        {enginetest.Fields{"refresh_window": "10m"}, enginetest.Fields{"refresh_invalidates_access_token": true}, week, 3600, 50 * time.Minute},
		"no lifetime: an hour":           {nil, nil, week, 0, 3570 * time.Second},
		"no lifetime: the provider's":    {nil, enginetest.Fields{"assumed_token_ttl": "10m"}, week, 0, 570 * time.Second},
		"no lifetime: the role's":        {enginetest.Fields{"assumed_token_ttl": "5m"}, enginetest.Fields{"assumed_token_ttl": "10m"}, week, 0, 285 * time.Second},
		"a stated one counts before any": {enginetest.Fields{"assumed_token_ttl": "5m"}, nil, week, 3600, 3570 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				b.Write("roles/r", enginetest.With(enginetest.Fields{"ttl": 0}, c.role))
				b.View.MaxLeaseTTLVal = c.mount
				answer := enginetest.Fields{"access_token": "a1"}
				if c.lifetime > 0 {
					answer["expires_in"] = c.lifetime
				}
				body, _ := json.Marshal(answer)
				server.Enqueue(clienttest.JSON(200, string(body)))
				resp := b.Read("creds/r")
				if resp.Secret == nil || resp.Secret.TTL != c.want || resp.Secret.Renewable {
					t.Errorf("the lease is %+v, want %s", resp.Secret, c.want)
				}
				if len(resp.Warnings) != 0 {
					t.Errorf("warnings %q", resp.Warnings)
				}
			}, c.provider)
		})
	}
}

// Vault makes 768 hours of a lease of 0, so what is too short is refused, and repeated by an Agent.
func TestNoLeaseIsTooShort(t *testing.T) {
	for name, c := range map[string]struct {
		mount    time.Duration
		lifetime string
	}{
		"the token lives for 5s": {time.Hour, "5"},
		"the mount allows 4s":    {4 * time.Second, "3600"},
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				b.View.MaxLeaseTTLVal = c.mount
				server.Handle(enginetest.Always(clienttest.JSON(200, `{"access_token":"a1","expires_in":`+c.lifetime+`}`)))
				for _, lease := range []bool{true, false} {
					b.Write("roles/r", enginetest.Fields{"lease": lease})
					if text := b.NoCreds("r", 503); !strings.Contains(text, "less than 5s") && !strings.Contains(text, "too short to be leased") {
						t.Error(text)
					}
				}
			})
		})
	}
}

// Vault revokes the leases of a mount before it disables it, from what the lease itself holds: the
// role may be gone, the provider down, storage away.
func TestRevokingALeaseNeedsNothing(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	b.WriteRole("r")
	server.Enqueue(enginetest.TokenAnswer("a1", ""))
	lease := b.Read("creds/r")
	b.Delete("roles/r")
	b.Delete("providers/test")
	for _, data := range []map[string]any{lease.Data, nil} {
		req := &logical.Request{Operation: logical.RevokeOperation, Path: "creds/r", Secret: lease.Secret, Data: data} // no Storage
		if resp, err := b.HandleRequest(t.Context(), req); err != nil || resp.IsError() {
			t.Errorf("%v, %v", resp, err)
		}
	}
	renewal := &logical.Request{Operation: logical.RenewOperation, Path: "creds/r", Secret: lease.Secret, Storage: b.Storage}
	if _, err := b.HandleRequest(t.Context(), renewal); err == nil {
		t.Error("a lease was renewed, whose token's end is fixed")
	}
	if n := len(server.Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
}
