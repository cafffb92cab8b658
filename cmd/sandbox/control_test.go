package main

import (
	"context"
	"testing"
	"time"
)

func TestFail(t *testing.T) {
	b := newBench(t)
	b.order("/control", map[string]any{"provider": "pingone", "fail": 2, "status": 503, "retry_after": 7, "body": `{"error":"temporarily_unavailable"}`}, nil)
	r := b.good("pingone", b.initial("pingone"))
	if got := b.want(503, "temporarily_unavailable", r); got.header.Get("Retry-After") != "7" {
		t.Errorf("%v", got.header)
	}
	b.want(503, "", r)
	b.want(200, "", r) // nothing was spent
	if s := b.stats("pingone"); s.Faults != 2 || s.Requests != 3 || s.Generation != 1 {
		t.Errorf("%+v", s)
	}
}

// Processed, rotated, and the answer lost: the old refresh token is spent for good.
func TestDrop(t *testing.T) {
	b := newBench(t)
	b.order("/control", map[string]any{"provider": "keliweb", "drop": 1}, nil)
	r := b.good("keliweb", b.initial("keliweb"))
	if got, err := b.do(b.client, r); err == nil {
		t.Fatalf("answered %d", got.status)
	}
	if e := b.last(); e.Status != 0 || e.Fault == "" {
		t.Errorf("%+v", e)
	}
	b.want(401, "invalid_request", r)
}

// Neither processed nor answered, until the client gives up; then nothing has been spent.
func TestHang(t *testing.T) {
	b := newBench(t)
	b.order("/control", map[string]any{"provider": "keliweb", "hang": 1}, nil)
	r := b.good("keliweb", b.initial("keliweb"))
	ctx, giveUp := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := b.do(b.client, r.within(ctx))
		done <- err
	}()
	b.arrived(1)
	giveUp()
	if err := <-done; err == nil {
		t.Fatal("answered")
	}
	b.want(200, "", r)
}

// Held answers come when they are released, all of them.
func TestHold(t *testing.T) {
	b := newBench(t)
	b.order("/control", map[string]any{"provider": "salesforce", "hold": 2}, nil)
	r := b.good("salesforce", b.initial("salesforce"))
	answers := make(chan error)
	for range 2 {
		go func() {
			_, err := b.do(b.client, r)
			answers <- err
		}()
	}
	b.arrived(2)
	select {
	case err := <-answers:
		t.Fatalf("answered before the release: %v", err)
	default:
	}
	b.order("/control", map[string]any{"release": true}, nil)
	for range 2 {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
}

func TestLifetimes(t *testing.T) {
	b := newBench(t)
	b.order("/control", map[string]any{"expires_in": 20, "refresh_expires_in": 60}, nil)
	for _, d := range dialects {
		got := b.want(200, "", b.good(d.provider, b.initial(d.provider)))
		if d.announced != nil && got.body["expires_in"] != 20.0 {
			t.Errorf("%s announces %v", d.provider, got.body["expires_in"])
		}
		b.advance(20 * time.Second)
		if b.live(d.provider, got.text("access_token")) {
			t.Errorf("%s: still live after 20 seconds", d.provider)
		}
	}
}

func TestControlRefuses(t *testing.T) {
	b := newBench(t)
	for _, body := range []map[string]any{
		{"expires": 20}, {"expires_in": 0}, {"expires_in": "20"}, {"fail": -1}, {"status": 99}, {"revoke": "all"},
	} {
		if status := b.order("/control", body, nil); status != 400 {
			t.Errorf("%v: %d", body, status)
		}
	}
	if status := b.order("/control", map[string]any{"provider": "nobody"}, nil); status != 404 {
		t.Errorf("unknown provider: %d", status)
	}
}
