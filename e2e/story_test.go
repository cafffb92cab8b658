package e2e

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
)

// The life of some grants at a server library that ends a grant at the first replay, hours of it compressed: tokens
// live for seconds (a refresh ends the one before, and below 20 no lease can be kept from that), many readers want them, some hang up, requests and answers fare badly on their way, and the
// plugin is reloaded and terminated in between. By the library's own record no refresh token is ever replayed, no
// reader gets a token that the library refuses, and in the end every grant lives.
func TestLongStory(t *testing.T) {
	t.Parallel()
	const roles, readersEach, lifetime = 6, 4, 24 * time.Second
	l := newLab(t)
	server := startOAuthServer(t, lifetime)
	sh := l.with("URL="+server.URL, "AUTHORITY="+server.authority(), "ID="+oauthClient, "SECRET="+oauthSecret)
	sh.run(`vault write oauth/providers/library token_endpoint="$URL/token" token_endpoint_auth_method=client_secret_basic
		refresh_token_rotation=always refresh_invalidates_access_token=true`)
	for i := range roles {
		sh.with("GRANT=" + server.grant()).run(fmt.Sprintf(`vault write oauth/roles/r%d provider=library client_id="$ID"
			client_secret="$SECRET" refresh_token="$GRANT" ca_certificate=@"$AUTHORITY"`, i))
	}
	server.weather = new(weather)
	s := &story{t: t, v: l.v, server: server}
	var wg sync.WaitGroup
	seconds := amount(t, "STORY_SECONDS", 45, 20)
	end := time.Now().Add(time.Duration(seconds) * time.Second)
	for i := range roles * readersEach {
		wg.Go(func() { s.read(fmt.Sprintf("oauth/creds/r%d", i%roles), i < roles, end) })
	}
	s.interrupt(l, end)
	wg.Wait()

	t.Logf("%d reads served, %d without a token, %d hung up; %+v; requests %s",
		s.served.Load(), s.failed.Load(), s.hungUp.Load(), server.tally(), server.weather)
	server.weather.clear()
	for i := range roles {
		s.wantWell(sh, fmt.Sprintf("r%d", i))
	}
	if got := server.tally(); got.Replays != 0 || got.Refreshes < seconds*roles/20 {
		t.Errorf("the library has seen %+v, want no replay and at least %d refreshes", got, seconds*roles/20)
	}
}

type story struct {
	t                      *testing.T
	v                      *vault
	server                 *oauthServer
	served, failed, hungUp atomic.Int64
}

// read wants tokens until the end. An impatient reader gives a read half a second.
func (s *story) read(path string, impatient bool, end time.Time) {
	client := s.v.client()
	var held lease
	for time.Now().Before(end) {
		ctx, cancel := context.WithCancel(s.t.Context())
		if impatient {
			ctx, cancel = context.WithTimeout(s.t.Context(), 500*time.Millisecond)
		}
		asked := time.Now()
		secret, err := client.Logical().ReadWithContext(ctx, path)
		switch {
		case ctx.Err() != nil:
			s.hungUp.Add(1)
		case err != nil:
			s.failed.Add(1)
		default:
			s.served.Add(1)
			held = s.use(path, held, lease{secret, asked})
		}
		cancel()
		time.Sleep(100 * time.Millisecond)
	}
}

// shortestLease is that of the engine, in seconds.
const shortestLease = 5

// lease is what a reader was given, and when it asked for it.
type lease struct {
	*api.Secret
	asked time.Time
}

func (l lease) lasts() time.Duration { return time.Duration(l.LeaseDuration) * time.Second }

// use shows tokens to the library: the new one, and the one that this reader holds until its lease ends. One of the
// shortest lease is given from read to read while a refresh fails, and may end with the next try: where a machine is so
// slow that the read has taken seconds, before it is shown at all.
func (s *story) use(path string, held, now lease) (hold lease) {
	if held.Secret == nil || time.Since(held.asked) >= held.lasts() || held.LeaseDuration == shortestLease {
		held = now
	}
	for _, l := range []lease{held, now} {
		token, _ := l.Data["access_token"].(string)
		if live := s.server.live(token); !live && time.Since(l.asked) < l.lasts() && l.LeaseDuration != shortestLease {
			s.t.Errorf("%s: a token of generation %v with a lease of %s is not accepted after %s",
				path, l.Data["generation"], l.lasts(), time.Since(l.asked))
		}
	}
	return held
}

// interrupt reloads and terminates the plugin in turn.
func (s *story) interrupt(l *lab, end time.Time) {
	for i := 0; time.Now().Add(10 * time.Second).Before(end); i++ {
		time.Sleep(7 * time.Second)
		if i%2 == 0 {
			if err := reload(l.shell); err != nil {
				s.t.Error(err)
			}
		} else if err := syscall.Kill(l.pluginPID(), syscall.SIGTERM); err != nil {
			s.t.Error(err)
		}
	}
}

// wantWell waits until a role has backed off from its last trouble, and refreshes it once more.
func (s *story) wantWell(sh shell, role string) {
	s.t.Helper()
	err := s.v.await(role+" serves tokens", time.Minute, func() error {
		_, err := s.v.client().Logical().Write("oauth/refresh/"+role, nil)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if !s.server.live(sh.read("oauth/creds/" + role).token()) {
		s.t.Errorf("the library refuses the token of %s", role)
	}
	sh.read("oauth/status/"+role).want(s.t, map[string]string{"state": "ok", "outcome_unknown": "false"})
}
