package oauth_test

import (
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/sandbox/sandboxtest"
)

// The life of a grant at each provider: two refreshes, what became of the first access token, a replay and
// what became of the grant, and expiry.
func TestLifeOfAGrant(t *testing.T) {
	for _, d := range sandboxtest.Dialects {
		t.Run(d.Provider, func(t *testing.T) {
			b := sandboxtest.New(t)
			first := b.Want(200, "", b.Good(d.Provider, b.Initial(d.Provider)))
			if got := first.Body["expires_in"]; got != d.Announced {
				t.Errorf("expires_in %v, want %v", got, d.Announced)
			}
			next := first.Text("refresh_token")
			if (next != "") != d.Rotates {
				t.Fatalf("new refresh token: %v, want %v", next != "", d.Rotates)
			}
			if !d.Rotates {
				next = b.Initial(d.Provider)
			}
			second := b.Want(200, "", b.Good(d.Provider, next))
			if b.Live(d.Provider, first.Text("access_token")) == d.KillsAccess {
				t.Errorf("the first access token lives: %v", !d.KillsAccess)
			}
			if !b.Live(d.Provider, second.Text("access_token")) {
				t.Fatal("the new access token is not live")
			}
			if d.Rotates {
				b.Want(d.Replay, d.ReplayCode, b.Good(d.Provider, b.Initial(d.Provider)))
				if b.Live(d.Provider, second.Text("access_token")) == d.ReplayKills {
					t.Errorf("after a replay the access token lives: %v", !d.ReplayKills)
				}
				status := 200
				if d.ReplayKills {
					status = d.Replay
				}
				if got := b.Send(b.Good(d.Provider, second.Text("refresh_token"))); got.Status != status {
					t.Errorf("after a replay the newest refresh token gets %d, want %d", got.Status, status)
				}
			}
		})
	}
}

func TestExpiry(t *testing.T) {
	for _, d := range sandboxtest.Dialects {
		t.Run(d.Provider, func(t *testing.T) {
			b := sandboxtest.New(t)
			got := b.Want(200, "", b.Good(d.Provider, b.Initial(d.Provider)))
			b.Advance(d.Life - 5*time.Second)
			if !b.Live(d.Provider, got.Text("access_token")) {
				t.Fatal("the access token died early")
			}
			b.Advance(5 * time.Second)
			if b.Live(d.Provider, got.Text("access_token")) {
				t.Fatal("the access token outlived its time")
			}
			if d.RefreshLife > 0 {
				b.Advance(d.RefreshLife)
				b.Want(d.Replay, d.ReplayCode, b.Good(d.Provider, got.Text("refresh_token")))
			}
		})
	}
}
