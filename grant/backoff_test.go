package grant_test

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/role"
)

// Fifty readers of a provider in trouble cost it one request for each interval.
func TestOneRequestForEachInterval(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Handle(enginetest.Always(enginetest.Busy))
		for interval := 1; interval <= 5; interval++ {
			var readers []<-chan enginetest.Outcome
			for range 50 {
				readers = append(readers, b.StartRead(t.Context(), "r"))
			}
			for _, reader := range readers {
				if got := <-reader; enginetest.ErrStatus(got.Err) != 503 {
					t.Errorf("a reader hears %v, %v", got.Resp, got.Err)
				}
			}
			if n := len(server.Requests()); n != interval {
				t.Fatalf("%d requests in %d intervals", n, interval)
			}
			enginetest.Pause(time.Until(b.Stored("r").Fault.Until))
		}
	})
}

// A whole hour of trouble, with a reader every second.
func TestIntervalsGrow(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Handle(enginetest.Always(enginetest.Busy))
		for range 3600 {
			b.NoCreds("r", 503)
			time.Sleep(time.Second)
		}
		// 5s, 10s, 20s ... 5m: seven requests in the first five minutes, then one every five
		if n := len(server.Requests()); n < 14 || n > 21 {
			t.Errorf("%d requests in an hour", n)
		}
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	for _, answer := range []clienttest.Answer{enginetest.Busy, clienttest.JSON(429, `{"error":"slow_down"}`)} {
		t.Run(strconv.Itoa(answer.Status), func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				server.Enqueue(answer.With("Retry-After", "120"), enginetest.TokenAnswer("a1", ""))
				if text := b.NoCreds("r", 503); !strings.Contains(text, "in 2m") {
					t.Errorf("the reader hears %q", text)
				}
				enginetest.Pause(119 * time.Second)
				b.NoCreds("r", 503)
				if n := len(server.Requests()); n != 1 {
					t.Errorf("%d requests within the time that the provider asked for", n)
				}
				enginetest.Pause(time.Second)
				b.Read("creds/r")
			})
		})
	}
}

// Whoever changes something wants to see at once whether it helped.
func TestAnyWriteLiftsTheBackoff(t *testing.T) {
	for path, f := range map[string]enginetest.Fields{
		"roles/r":        {"client_secret": enginetest.Canary + "secret"}, // even with what was there already
		"providers/test": {"token_headers": "X-Any=thing"},
		"config":         {"request_timeout": "20s"},
	} {
		t.Run(path, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				server.Enqueue(clienttest.JSON(400, `{"error":"invalid_client"}`), enginetest.TokenAnswer("a1", ""))
				b.NoCreds("r", 400)
				b.NoCreds("r", 400)
				b.Write(path, f)
				b.Read("creds/r")
				if n := len(server.Requests()); n != 2 {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

func TestTheTokenAtHandIsServedMeanwhile(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(enginetest.TokenAnswer("a1", ""))
		b.Read("creds/r")
		server.Handle(enginetest.Always(enginetest.Busy))
		enginetest.Pause(41 * time.Minute) // the window is open
		for range 2 {
			resp := b.Read("creds/r")
			if resp.Data["access_token"] != "a1" || len(resp.Warnings) != 1 || strings.Contains(resp.Warnings[0], enginetest.Canary) {
				t.Errorf("access token %v, warnings %q", resp.Data["access_token"], resp.Warnings)
			}
		}
		if n := len(server.Requests()); n != 2 {
			t.Errorf("%d requests", n)
		}
		if got := b.Data("status/r"); got["state"] != "failing" || got["backing_off_until"] == nil || got["failures"] != 1 || got["last_error_status"] != 503 {
			t.Errorf("the status says %v", got)
		}
		enginetest.Pause(time.Minute)
		server.Handle(enginetest.Always(enginetest.TokenAnswer("a2", "")))
		if resp := b.Read("creds/r"); resp.Data["access_token"] != "a2" || len(resp.Warnings) != 0 {
			t.Errorf("afterwards access token %v, warnings %q", resp.Data["access_token"], resp.Warnings)
		}
		if got := b.Data("status/r"); got["state"] != "ok" || got["failures"] != nil {
			t.Errorf("afterwards the status says %v", got)
		}
	})
}

// Where a refresh kills the token, readers are promised only the time before. When there is no refresh to be had, what
// is left after it is better than nothing: until the next try, which may bring one, and wholly once none will.
func TestTheTokenAtHandIsServedBeyondItsPromise(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(enginetest.TokenAnswer("a1", ""))
		b.Read("creds/r")
		wantLease := func(want time.Duration) {
			t.Helper()
			if resp := b.Read("creds/r"); resp.Secret.TTL != want || len(resp.Warnings) != 1 {
				t.Errorf("the lease is %s, want %s; the warnings are %q", resp.Secret.TTL, want, resp.Warnings)
			}
		}
		server.Handle(enginetest.Always(enginetest.Busy))
		enginetest.Pause(50 * time.Minute)
		wantLease(role.MinLease)
		server.Handle(enginetest.Always(enginetest.Busy.With("Retry-After", "60")))
		enginetest.Pause(10 * time.Second)
		wantLease(time.Minute)
		enginetest.Pause(58 * time.Second)
		wantLease(role.MinLease)
		server.Handle(enginetest.Always(clienttest.JSON(400, `{"error":"invalid_grant"}`)))
		enginetest.Pause(52 * time.Second)
		wantLease(8*time.Minute - 30*time.Second)
	}, enginetest.Fields{"refresh_invalidates_access_token": true})
}

// A restart, of which there are many when things go wrong, is no reason to ask again.
func TestBackoffOutlastsTheProcess(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Handle(enginetest.Always(enginetest.Busy))
		b.NoCreds("r", 503)
		again := enginetest.NewOn(t, b.Storage)
		again.NoCreds("r", 503)
		if got, text := again.Failure(logical.UpdateOperation, "refresh/r", nil); got != 503 {
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
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Handle(enginetest.Always(enginetest.Busy))
		for range 10 {
			b.NoCreds("r", 503)
			enginetest.Pause(10 * time.Minute)
		}
		if n := strings.Count(b.Log.String(), "a refresh failed"); n != 1 {
			t.Errorf("%d lines for %d requests", n, len(server.Requests()))
		}
		server.Handle(enginetest.Always(enginetest.TokenAnswer("a1", "")))
		b.Read("creds/r")
		if !strings.Contains(b.Log.String(), "refreshed again after a failure") {
			t.Error("the end of the trouble is not logged")
		}
	})
}
