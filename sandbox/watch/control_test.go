package watch_test

import (
	"context"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/sandbox/sandboxtest"
)

func TestFail(t *testing.T) {
	b := sandboxtest.New(t)
	b.Order("/control", map[string]any{"provider": "pingone", "fail": 2, "status": 503, "retry_after": 7, "body": `{"error":"temporarily_unavailable"}`}, nil)
	r := b.Good("pingone", b.Initial("pingone"))
	if got := b.Want(503, "temporarily_unavailable", r); got.Header.Get("Retry-After") != "7" {
		t.Errorf("%v", got.Header)
	}
	b.Want(503, "", r)
	b.Want(200, "", r) // nothing was spent
	if s := b.Stats("pingone"); s.Faults != 2 || s.Requests != 3 || s.Generation != 1 {
		t.Errorf("%+v", s)
	}
}

// Processed, rotated, and the answer lost: the old refresh token is spent for good.
func TestDrop(t *testing.T) {
	b := sandboxtest.New(t)
	b.Order("/control", map[string]any{"provider": "keliweb", "drop": 1}, nil)
	r := b.Good("keliweb", b.Initial("keliweb"))
	if got, err := b.Do(b.Client, r); err == nil {
		t.Fatalf("answered %d", got.Status)
	}
	if e := b.Last(); e.Status != 0 || e.Fault == "" {
		t.Errorf("%+v", e)
	}
	b.Want(401, "invalid_request", r)
}

// Neither processed nor answered, until the client gives up; then nothing has been spent.
func TestHang(t *testing.T) {
	b := sandboxtest.New(t)
	b.Order("/control", map[string]any{"provider": "keliweb", "hang": 1}, nil)
	r := b.Good("keliweb", b.Initial("keliweb"))
	ctx, giveUp := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := b.Do(b.Client, r.Within(ctx))
		done <- err
	}()
	b.Arrived(1)
	giveUp()
	if err := <-done; err == nil {
		t.Fatal("answered")
	}
	b.Want(200, "", r)
}

// Held answers come when they are released, all of them.
func TestHold(t *testing.T) {
	b := sandboxtest.New(t)
	b.Order("/control", map[string]any{"provider": "salesforce", "hold": 2}, nil)
	r := b.Good("salesforce", b.Initial("salesforce"))
	answers := make(chan error)
	for range 2 {
		go func() {
			_, err := b.Do(b.Client, r)
			answers <- err
		}()
	}
	b.Arrived(2)
	select {
	case err := <-answers:
		t.Fatalf("answered before the release: %v", err)
	default:
	}
	b.Order("/control", map[string]any{"release": true}, nil)
	for range 2 {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
}

func TestLifetimes(t *testing.T) {
	b := sandboxtest.New(t)
	b.Order("/control", map[string]any{"expires_in": 20, "refresh_expires_in": 60}, nil)
	for _, d := range sandboxtest.Dialects {
		got := b.Want(200, "", b.Good(d.Provider, b.Initial(d.Provider)))
		if d.Announced != nil && got.Body["expires_in"] != 20.0 {
			t.Errorf("%s announces %v", d.Provider, got.Body["expires_in"])
		}
		b.Advance(20 * time.Second)
		if b.Live(d.Provider, got.Text("access_token")) {
			t.Errorf("%s: still live after 20 seconds", d.Provider)
		}
	}
}

func TestControlRefuses(t *testing.T) {
	b := sandboxtest.New(t)
	for _, body := range []map[string]any{
		{"expires": 20}, {"expires_in": 0}, {"expires_in": "20"}, {"fail": -1}, {"status": 99}, {"revoke": "all"},
	} {
		if status := b.Order("/control", body, nil); status != 400 {
			t.Errorf("%v: %d", body, status)
		}
	}
	if status := b.Order("/control", map[string]any{"provider": "nobody"}, nil); status != 404 {
		t.Errorf("unknown provider: %d", status)
	}
}
