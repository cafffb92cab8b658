package main

import "testing"

func TestKeliweb(t *testing.T) {
	b := newBench(t)
	r := b.good("keliweb", b.initial("keliweb"))
	r.header = nil
	b.want(400, "invalid_request", r)

	r = b.good("keliweb", b.initial("keliweb"))
	r.asMultipart()
	got := b.want(200, "", r)
	replay := b.want(401, "invalid_request", r)
	if replay.text("hint") != "Token has been revoked" || replay.text("message") != "The refresh token is invalid." {
		t.Errorf("not in Passport's words: %v", replay.body)
	}
	b.want(200, "", b.good("keliweb", got.text("refresh_token")))
}
