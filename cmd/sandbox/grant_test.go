package main

import (
	"testing"
	"time"
)

// The life of a grant at each provider: two refreshes, what became of the first access token, a replay and
// what became of the grant, and expiry.
func TestLifeOfAGrant(t *testing.T) {
	for _, d := range dialects {
		t.Run(d.provider, func(t *testing.T) {
			b := newBench(t)
			first := b.want(200, "", b.good(d.provider, b.initial(d.provider)))
			if got := first.body["expires_in"]; got != d.announced {
				t.Errorf("expires_in %v, want %v", got, d.announced)
			}
			next := first.text("refresh_token")
			if (next != "") != d.rotates {
				t.Fatalf("new refresh token: %v, want %v", next != "", d.rotates)
			}
			if !d.rotates {
				next = b.initial(d.provider)
			}
			second := b.want(200, "", b.good(d.provider, next))
			if b.live(d.provider, first.text("access_token")) == d.killsAccess {
				t.Errorf("the first access token lives: %v", !d.killsAccess)
			}
			if !b.live(d.provider, second.text("access_token")) {
				t.Fatal("the new access token is not live")
			}
			if d.rotates {
				b.want(d.replay, d.replayCode, b.good(d.provider, b.initial(d.provider)))
				if b.live(d.provider, second.text("access_token")) == d.replayKills {
					t.Errorf("after a replay the access token lives: %v", !d.replayKills)
				}
				status := 200
				if d.replayKills {
					status = d.replay
				}
				if got := b.send(b.good(d.provider, second.text("refresh_token"))); got.status != status {
					t.Errorf("after a replay the newest refresh token gets %d, want %d", got.status, status)
				}
			}
		})
	}
}

func TestExpiry(t *testing.T) {
	for _, d := range dialects {
		t.Run(d.provider, func(t *testing.T) {
			b := newBench(t)
			got := b.want(200, "", b.good(d.provider, b.initial(d.provider)))
			b.advance(d.life - 5*time.Second)
			if !b.live(d.provider, got.text("access_token")) {
				t.Fatal("the access token died early")
			}
			b.advance(5 * time.Second)
			if b.live(d.provider, got.text("access_token")) {
				t.Fatal("the access token outlived its time")
			}
			if d.refreshLife > 0 {
				b.advance(d.refreshLife)
				b.want(d.replay, d.replayCode, b.good(d.provider, got.text("refresh_token")))
			}
		})
	}
}
