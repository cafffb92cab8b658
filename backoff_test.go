package oauthrefresh

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/role"
)

var busy = clienttest.JSON(503, `{"error":"temporarily_unavailable","error_description":"`+canary+`busy"}`)

func always(a clienttest.Answer) func(*clienttest.Request) clienttest.Answer {
	return func(*clienttest.Request) clienttest.Answer { return a }
}

// Fifty readers of a provider in trouble cost it one request for each interval.
func TestOneRequestForEachInterval(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Handle(always(busy))
		for interval := 1; interval <= 5; interval++ {
			var readers []<-chan outcome
			for range 50 {
				readers = append(readers, b.startRead(t.Context(), "r"))
			}
			for _, reader := range readers {
				if got := <-reader; errStatus(got.err) != 503 {
					t.Errorf("a reader hears %v, %v", got.resp, got.err)
				}
			}
			if n := len(server.Requests()); n != interval {
				t.Fatalf("%d requests in %d intervals", n, interval)
			}
			pause(time.Until(b.stored("r").Fault.Until))
		}
	})
}

// A whole hour of trouble, with a reader every second.
func TestIntervalsGrow(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Handle(always(busy))
		for range 3600 {
			b.noCreds("r", 503)
			time.Sleep(time.Second)
		}
		// 5s, 10s, 20s ... 5m: seven requests in the first five minutes, then one every five
		if n := len(server.Requests()); n < 14 || n > 21 {
			t.Errorf("%d requests in an hour", n)
		}
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	for _, answer := range []clienttest.Answer{busy, clienttest.JSON(429, `{"error":"slow_down"}`)} {
		t.Run(strconv.Itoa(answer.Status), func(t *testing.T) {
			withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
				server.Enqueue(answer.With("Retry-After", "120"), tokenAnswer("a1", ""))
				if text := b.noCreds("r", 503); !strings.Contains(text, "in 2m") {
					t.Errorf("the reader hears %q", text)
				}
				pause(119 * time.Second)
				b.noCreds("r", 503)
				if n := len(server.Requests()); n != 1 {
					t.Errorf("%d requests within the time that the provider asked for", n)
				}
				pause(time.Second)
				b.read("creds/r")
			})
		})
	}
}

// Whoever changes something wants to see at once whether it helped.
func TestAnyWriteLiftsTheBackoff(t *testing.T) {
	for path, f := range map[string]fields{
		"roles/r":        {"client_secret": canary + "secret"}, // even with what was there already
		"providers/test": {"token_headers": "X-Any=thing"},
		"config":         {"request_timeout": "20s"},
	} {
		t.Run(path, func(t *testing.T) {
			withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
				server.Enqueue(clienttest.JSON(400, `{"error":"invalid_client"}`), tokenAnswer("a1", ""))
				b.noCreds("r", 400)
				b.noCreds("r", 400)
				b.write(path, f)
				b.read("creds/r")
				if n := len(server.Requests()); n != 2 {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

func TestTheTokenAtHandIsServedMeanwhile(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(tokenAnswer("a1", ""))
		b.read("creds/r")
		server.Handle(always(busy))
		pause(41 * time.Minute) // the window is open
		for range 2 {
			resp := b.read("creds/r")
			if resp.Data["access_token"] != "a1" || len(resp.Warnings) != 1 || strings.Contains(resp.Warnings[0], canary) {
				t.Errorf("access token %v, warnings %q", resp.Data["access_token"], resp.Warnings)
			}
		}
		if n := len(server.Requests()); n != 2 {
			t.Errorf("%d requests", n)
		}
		if got := b.data("status/r"); got["state"] != "failing" || got["backing_off_until"] == nil || got["failures"] != 1 || got["last_error_status"] != 503 {
			t.Errorf("the status says %v", got)
		}
		pause(time.Minute)
		server.Handle(always(tokenAnswer("a2", "")))
		if resp := b.read("creds/r"); resp.Data["access_token"] != "a2" || len(resp.Warnings) != 0 {
			t.Errorf("afterwards access token %v, warnings %q", resp.Data["access_token"], resp.Warnings)
		}
		if got := b.data("status/r"); got["state"] != "ok" || got["failures"] != nil {
			t.Errorf("afterwards the status says %v", got)
		}
	})
}

// Where a refresh kills the token, readers are promised only the time before. When there is no refresh to be had, what
// is left after it is better than nothing: until the next try, which may bring one, and wholly once none will.
func TestTheTokenAtHandIsServedBeyondItsPromise(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Enqueue(tokenAnswer("a1", ""))
		b.read("creds/r")
		wantLease := func(want time.Duration) {
			t.Helper()
			if resp := b.read("creds/r"); resp.Secret.TTL != want || len(resp.Warnings) != 1 {
				t.Errorf("the lease is %s, want %s; the warnings are %q", resp.Secret.TTL, want, resp.Warnings)
			}
		}
		server.Handle(always(busy))
		pause(50 * time.Minute)
		wantLease(role.MinLease)
		server.Handle(always(busy.With("Retry-After", "60")))
		pause(10 * time.Second)
		wantLease(time.Minute)
		pause(58 * time.Second)
		wantLease(role.MinLease)
		server.Handle(always(clienttest.JSON(400, `{"error":"invalid_grant"}`)))
		pause(52 * time.Second)
		wantLease(8*time.Minute - 30*time.Second)
	}, fields{"refresh_invalidates_access_token": true})
}

// A restart, of which there are many when things go wrong, is no reason to ask again.
func TestBackoffOutlastsTheProcess(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Handle(always(busy))
		b.noCreds("r", 503)
		again := newTestBackendOn(t, b.storage)
		again.noCreds("r", 503)
		if got, text := again.failure(logical.UpdateOperation, "refresh/r", nil); got != 503 {
			t.Errorf("a forced refresh: %d %s", got, text)
		}
		synctest.Wait()
		if n := len(server.Requests()); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
}

// A provider that is down for a day must not fill the log.
func TestTheSameFailureIsLoggedOnce(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Handle(always(busy))
		for range 10 {
			b.noCreds("r", 503)
			pause(10 * time.Minute)
		}
		if n := strings.Count(b.log.String(), "a refresh failed"); n != 1 {
			t.Errorf("%d lines for %d requests", n, len(server.Requests()))
		}
		server.Handle(always(tokenAnswer("a1", "")))
		b.read("creds/r")
		if !strings.Contains(b.log.String(), "refreshed again after a failure") {
			t.Error("the end of the trouble is not logged")
		}
	})
}
