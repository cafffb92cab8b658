package oauthrefresh

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
)

// firstToken is the refresh token that roleOf writes and newGrant begins with.
const firstToken = canary + "refresh"

// outcome is what became of a request.
type outcome struct {
	resp *logical.Response
	err  error
}

// start makes a request in the background.
func (b *testBackend) start(ctx context.Context, op logical.Operation, path string, f fields) <-chan outcome {
	done := make(chan outcome, 1)
	go func() {
		resp, err := b.try(ctx, op, path, f)
		done <- outcome{resp, err}
	}()
	return done
}

// startRead reads creds/<name> in the background.
func (b *testBackend) startRead(ctx context.Context, name string) <-chan outcome {
	return b.start(ctx, logical.ReadOperation, "creds/"+name, nil)
}

// await receives, and names the place that hangs.
func await[T any](t testing.TB, from <-chan T) (value T) {
	t.Helper()
	select {
	case value = <-from:
	case <-time.After(30 * time.Second):
		t.Fatal("nothing comes")
	}
	return value
}

// value is a field of the answer, which must be one.
func (o outcome) value(t testing.TB, field string) any {
	t.Helper()
	if o.err != nil || o.resp == nil || o.resp.IsError() {
		t.Fatalf("no answer but %v, %v", o.resp, o.err)
	}
	return o.resp.Data[field]
}

// failure makes a request that must fail, and returns its status and text.
func (b *testBackend) failure(op logical.Operation, path string, f fields) (int, string) {
	b.t.Helper()
	resp, err := b.try(b.t.Context(), op, path, f)
	if err != nil {
		return errStatus(err), err.Error()
	}
	if !resp.IsError() {
		b.t.Fatalf("%s %s succeeds: %v", op, path, resp)
	}
	return 400, resp.Error().Error()
}

// noCreds reads creds/<name>, which must fail with the status, and returns the text.
func (b *testBackend) noCreds(name string, status int) string {
	b.t.Helper()
	got, text := b.failure(logical.ReadOperation, "creds/"+name, nil)
	if got != status {
		b.t.Fatalf("creds/%s fails with %d, want %d: %s", name, got, status, text)
	}
	return text
}

// stored is the role's state as it is in storage, past all hooks; nil when there is none.
func (b *testBackend) stored(name string) *grant.State {
	b.t.Helper()
	tok, err := grant.GetState(context.Background(), &b.storage.InmemStorage, grant.Key(name))
	if err != nil {
		b.t.Fatal(err)
	}
	return tok
}

// states collects what is stored of a role, Put by Put.
type states struct {
	mu  sync.Mutex
	all []*grant.State
}

func (b *testBackend) recordStates(name string) *states {
	s := new(states)
	b.storage.afterPut(func(key string) error {
		if key == grant.Prefix+name {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.all = append(s.all, b.stored(name))
		}
		return nil
	})
	return s
}

func (s *states) list() []*grant.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all
}

// stepPuts makes every Put say on puts that it is about to be made, and wait for goOn.
func (b *testBackend) stepPuts() (puts <-chan struct{}, goOn chan<- struct{}) {
	began, may, over := make(chan struct{}), make(chan struct{}), b.t.Context().Done()
	b.storage.onPut(func(string) error {
		select {
		case began <- struct{}{}:
		case <-over:
		}
		select {
		case <-may:
		case <-over:
		}
		return nil
	})
	return began, may
}

// failPuts makes the Puts of a key fail whose number, from 1 on, fails says so of.
func (s *faultyStorage) failPuts(key string, err error, fails func(n int) bool) {
	var mu sync.Mutex
	n := 0
	s.onPut(func(k string) error {
		mu.Lock()
		defer mu.Unlock()
		if k != key {
			return nil
		}
		if n++; fails(n) {
			return err
		}
		return nil
	})
}

// secretIs tells whether a secret has the value, and says only that.
func secretIs(t testing.TB, what string, secret client.Secret, want string) {
	t.Helper()
	if secret.Reveal() != want {
		t.Errorf("%s is %q, want %q", what, secret.Reveal(), want)
	}
}

// tokenAnswer is a successful answer with a refresh token, or without one for "".
func tokenAnswer(access, refresh string) clienttest.Answer {
	body := `{"access_token":"` + access + `","token_type":"Bearer","expires_in":3600`
	if refresh != "" {
		body += `,"refresh_token":"` + refresh + `"`
	}
	return clienttest.JSON(200, body+`}`)
}

// gated holds the answer back until the gate is opened.
func gated(a clienttest.Answer) (clienttest.Answer, func()) {
	gate := make(chan struct{})
	a.Gate = gate
	return a, sync.OnceFunc(func() { close(gate) })
}

// sent are the refresh tokens that the endpoint was presented, in order.
func sent(server *clienttest.Server) (tokens []string) {
	for _, r := range server.Requests() {
		tokens = append(tokens, r.Form.Get("refresh_token"))
	}
	return tokens
}
