package e2e

import (
	"testing"
	"time"
)

// A mount ends in the middle of refreshes whose callers have hung up: the providers have rotated, their answers are
// still to come, and Vault takes the mount away. Clean waits for the answers and stores them. The providers are
// those that forgive nothing: one-time use, no grace, no idempotency key.
func TestEndsDuringRefresh(t *testing.T) {
	t.Parallel()
	v := newRaft(t, "ending")
	for name, end := range map[string]func(shell) error{
		"step-down": stepDown, "seal": seal, "reload": reload,
	} {
		t.Run(name, func(t *testing.T) {
			l := newLabOn(t, v)
			l.run("vault write oauth/roles/hosting " + keliwebRole)
			l.run("vault write oauth/roles/identity " + systemNamed("identity").role)
			strict := map[string]string{"keliweb": "hosting", "pingone": "identity"}
			for provider, role := range strict {
				l.sandbox.control(provider, map[string]any{"hold": 1})
				l.hangUpDuring(provider, "oauth/creds/"+role)
			}
			ended := l.begin(end)
			select {
			case err := <-ended:
				t.Fatal("the mount ended with refreshes in flight: ", err)
			case <-time.After(time.Second): // long enough to see that it waits
			}
			for provider := range strict {
				l.sandbox.control(provider, map[string]any{"release": true})
			}
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			for provider, role := range strict {
				l.read("oauth/creds/"+role).want(t, map[string]string{"generation": "1"})
				l.wantKept(provider, role)
				if got := l.sandbox.stats(provider); got.Requests != 2 {
					t.Errorf("%s: %d requests, want the one in flight and the forced one", provider, got.Requests)
				}
			}
		})
	}
}

// A provider that never answers does not keep a mount from ending for longer than a request may take, and what it
// had not processed is not lost.
func TestEndsWithSilentProvider(t *testing.T) {
	t.Parallel()
	l := newLabOn(t, newRaft(t, "silent"))
	l.run("vault write oauth/config request_timeout=4s")
	l.run("vault write oauth/roles/hosting " + keliwebRole)
	l.sandbox.control("keliweb", map[string]any{"hang": 1})
	l.hangUpDuring("keliweb", "oauth/creds/hosting")
	select {
	case err := <-l.begin(seal):
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the mount does not end")
	}
	err := l.v.await("the role has backed off", 30*time.Second, func() error {
		_, err := l.v.client().Logical().Read("oauth/creds/hosting")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	l.wantKept("keliweb", "hosting")
}

// begin ends the mount in the background and returns once Vault has told the plugin so. The channel gets the result.
func (l *lab) begin(end func(shell) error) <-chan error {
	l.t.Helper()
	log, ended := l.v.follow(l.t), make(chan error, 1)
	go func() { ended <- end(l.shell) }()
	log.await("cleanup: transport=gRPC status=started")
	return ended
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
