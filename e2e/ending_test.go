package e2e

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// A mount ends in the middle of a refresh whose caller has hung up: the provider has rotated, its answer is
// still to come, and Vault takes the mount away. Clean waits for the answer and stores it. The provider is the
// one that forgives nothing: one-time use, no grace, no idempotency key.
func TestEndsDuringRefresh(t *testing.T) {
	t.Parallel()
	v := newRaft(t, "ending")
	for name, end := range map[string]func(shell) error{
		"step-down": stepDown, "seal": seal, "reload": reload,
	} {
		t.Run(name, func(t *testing.T) {
			l := newLabOn(t, v)
			l.run("vault write oauth/roles/hosting " + keliwebRole)
			l.sandbox.control("keliweb", map[string]any{"hold": 1})
			l.hangUpDuring("keliweb", "oauth/creds/hosting")

			cleans := v.follow(t)
			ended := make(chan error, 1)
			go func() { ended <- end(l.shell) }()
			cleans.await("cleanup: transport=gRPC status=started")
			select {
			case err := <-ended:
				t.Fatal("the mount ended with a refresh in flight: ", err)
			case <-time.After(time.Second): // long enough to see that it waits
			}
			l.sandbox.control("keliweb", map[string]any{"release": true})
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			l.read("oauth/creds/hosting").want(t, map[string]string{"generation": "1"})
			l.wantKept("keliweb", "hosting")
			if got := l.sandbox.stats("keliweb"); got.Requests != 2 {
				t.Errorf("%d requests, want the one in flight and the forced one", got.Requests)
			}
		})
	}
}

// stepDown makes the only node give up its leadership and waits until it has it again.
func stepDown(s shell) error {
	if err := s.v.client().Sys().StepDown(); err != nil {
		return err
	}
	return s.v.unseal()
}

func seal(s shell) error {
	if err := s.v.client().Sys().Seal(); err != nil {
		return err
	}
	return s.v.unseal()
}

func reload(s shell) error {
	_, err := s.v.client().Logical().Write("sys/plugins/reload/backend", map[string]any{"mounts": "oauth/"})
	return err
}

// hangUpDuring reads a path and hangs up once the provider has received what the read made the plugin send.
func (l *lab) hangUpDuring(provider, path string) {
	l.t.Helper()
	before := l.sandbox.stats(provider).Requests
	ctx, hangUp := context.WithCancel(context.Background())
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = l.v.client().Logical().ReadWithContext(ctx, path) // its caller does not stay for the answer
	}()
	l.sandbox.awaitRequests(provider, before+1)
	hangUp()
	<-read
}

// wantKept asserts that a role's grant was not lost and is not damaged: one more refresh succeeds, its token is
// live, and no spent refresh token was ever presented. That also means that no two refreshes of the role were ever
// made at once: the second would have presented what the first had spent.
func (l *lab) wantKept(provider, role string) {
	l.t.Helper()
	l.run("vault write -force oauth/refresh/" + role)
	l.sandbox.wantLive(provider, l.read("oauth/creds/"+role).token())
	if got := l.sandbox.stats(provider); got.Replays != 0 || got.Refusals != 0 {
		l.t.Errorf("the provider saw %+v, want no replay and nothing to refuse", got)
	}
}

// awaitRequests waits until a provider has received so many requests.
func (s *sandbox) awaitRequests(provider string, n int) {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); s.stats(provider).Requests < n; {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s has received %d requests, want %d", provider, s.stats(provider).Requests, n)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// logTail reads what a server logs from now on.
type logTail struct {
	t    *testing.T
	v    *vault
	from int64
}

func (v *vault) follow(t *testing.T) logTail {
	t.Helper()
	info, err := os.Stat(v.log)
	if err != nil {
		t.Fatal(err)
	}
	return logTail{t, v, info.Size()}
}

// await waits until the server has logged a text.
func (l logTail) await(text string) {
	l.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(l.read(), text); {
		if time.Now().After(deadline) {
			l.t.Fatalf("the log does not say %q:\n%s", text, l.read())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (l logTail) read() string {
	l.t.Helper()
	f, err := os.Open(l.v.log)
	if err != nil {
		l.t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, l.from, 1<<30))
	if err != nil {
		l.t.Fatal(err)
	}
	return string(b)
}
