package enginetest

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

// FirstToken is the refresh token that roleOf writes and newGrant begins with.
const FirstToken = Canary + "refresh"

// Outcome is what became of a request.
type Outcome struct {
	Resp *logical.Response
	Err  error
}

// Start makes a request in the background.
func (b *Mount) Start(ctx context.Context, op logical.Operation, path string, f Fields) <-chan Outcome {
	done := make(chan Outcome, 1)
	go func() {
		resp, err := b.Try(ctx, op, path, f)
		done <- Outcome{resp, err}
	}()
	return done
}

// StartRead reads creds/<name> in the background.
func (b *Mount) StartRead(ctx context.Context, name string) <-chan Outcome {
	return b.Start(ctx, logical.ReadOperation, "creds/"+name, nil)
}

// Await receives, and names the place that hangs.
func Await[T any](t testing.TB, from <-chan T) (value T) {
	t.Helper()
	select {
	case value = <-from:
	case <-time.After(30 * time.Second):
		t.Fatal("nothing comes")
	}
	return value
}

// Value is a field of the answer, which must be one.
func (o Outcome) Value(t testing.TB, field string) any {
	t.Helper()
	if o.Err != nil || o.Resp == nil || o.Resp.IsError() {
		t.Fatalf("no answer but %v, %v", o.Resp, o.Err)
	}
	return o.Resp.Data[field]
}

// Failure makes a request that must fail, and returns its status and text.
func (b *Mount) Failure(op logical.Operation, path string, f Fields) (int, string) {
	b.T.Helper()
	resp, err := b.Try(b.T.Context(), op, path, f)
	if err != nil {
		return ErrStatus(err), err.Error()
	}
	if !resp.IsError() {
		b.T.Fatalf("%s %s succeeds: %v", op, path, resp)
	}
	return 400, resp.Error().Error()
}

// NoCreds reads creds/<name>, which must fail with the status, and returns the text.
func (b *Mount) NoCreds(name string, status int) string {
	b.T.Helper()
	got, text := b.Failure(logical.ReadOperation, "creds/"+name, nil)
	if got != status {
		b.T.Fatalf("creds/%s fails with %d, want %d: %s", name, got, status, text)
	}
	return text
}

// Stored is the role's state as it is in storage, past all hooks; nil when there is none.
func (b *Mount) Stored(name string) *grant.State {
	b.T.Helper()
	tok, err := grant.GetState(context.Background(), &b.Storage.InmemStorage, grant.Key(name))
	if err != nil {
		b.T.Fatal(err)
	}
	return tok
}

// states collects what is stored of a role, Put by Put.
type states struct {
	mu  sync.Mutex
	all []*grant.State
}

// RecordStates collects what is stored of a role from now on.
func (b *Mount) RecordStates(name string) *states {
	s := new(states)
	b.Storage.AfterPut(func(key string) error {
		if key == grant.Prefix+name {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.all = append(s.all, b.Stored(name))
		}
		return nil
	})
	return s
}

// List returns the states so far, the oldest first.
func (s *states) List() []*grant.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all
}

// StepPuts makes every Put say on puts that it is about to be made, and wait for goOn.
func (b *Mount) StepPuts() (puts <-chan struct{}, goOn chan<- struct{}) {
	began, may, over := make(chan struct{}), make(chan struct{}), b.T.Context().Done()
	b.Storage.OnPut(func(string) error {
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

// FailPuts makes the Puts of a key fail whose number, from 1 on, fails says so of.
func (s *Storage) FailPuts(key string, err error, fails func(n int) bool) {
	var mu sync.Mutex
	n := 0
	s.OnPut(func(k string) error {
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

// SecretIs tells whether a secret has the value, and says only that.
func SecretIs(t testing.TB, what string, secret client.Secret, want string) {
	t.Helper()
	if secret.Reveal() != want {
		t.Errorf("%s is %q, want %q", what, secret.Reveal(), want)
	}
}

// TokenAnswer is a successful answer with a refresh token, or without one for "".
func TokenAnswer(access, refresh string) clienttest.Answer {
	body := `{"access_token":"` + access + `","token_type":"Bearer","expires_in":3600`
	if refresh != "" {
		body += `,"refresh_token":"` + refresh + `"`
	}
	return clienttest.JSON(200, body+`}`)
}

// Gated holds the answer back until the gate is opened.
func Gated(a clienttest.Answer) (clienttest.Answer, func()) {
	gate := make(chan struct{})
	a.Gate = gate
	return a, sync.OnceFunc(func() { close(gate) })
}

// Sent are the refresh tokens that the endpoint was presented, in order.
func Sent(server *clienttest.Server) (tokens []string) {
	for _, r := range server.Requests() {
		tokens = append(tokens, r.Form.Get("refresh_token"))
	}
	return tokens
}
