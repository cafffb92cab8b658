package grant_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// The end of a mount waits for one exchange, not for one with the other secret after it.
func TestNoSecondExchangeBeginsAtTheEnd(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	b.WriteRole("r", enginetest.Fields{"previous_client_secret": enginetest.Canary + "old"})
	answer, open := enginetest.Gated(clienttest.JSON(401, `{"error":"invalid_client"}`))
	server.Enqueue(answer, enginetest.TokenAnswer("a1", enginetest.Canary+"next"))
	b.StartRead(t.Context(), "r")
	server.WaitFor(1)
	ended := b.End()
	open()
	enginetest.Await(t, ended)
	if n := len(server.Requests()); n != 1 {
		t.Errorf("%d exchanges: one began after the mount had begun to end", n)
	}
}

// The intent was being stored when the mount began to end: it is taken back.
func TestNoExchangeBeginsAfterTheEnd(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	b.WriteRole("r")
	server.Enqueue(enginetest.TokenAnswer("a1", enginetest.Canary+"next"))
	in, gate := make(chan struct{}), make(chan struct{})
	var once sync.Once
	b.Storage.OnPut(func(key string) error { once.Do(func() { close(in); <-gate }); return nil })
	b.StartRead(t.Context(), "r")
	enginetest.Await(t, in)
	ended := b.End()
	close(gate)
	enginetest.Await(t, ended)
	if b.Stored("r").Intent != nil {
		t.Error("the intent stays, as if an answer had been lost")
	}
	if n := len(server.Requests()); n != 0 {
		t.Errorf("%d exchanges began after the mount had begun to end", n)
	}
}

// Revocations that are caught up with can wait for the next start.
func TestRevocationsDoNotHoldUpTheEnd(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Handle(func(r *clienttest.Request) clienttest.Answer { return clienttest.Answer{Status: 200} })
		for i := range 200 {
			rv := &grant.Revocation{Role: "r", AccessToken: fmt.Sprint("t", i), ExpiresAt: time.Now().Add(time.Hour)}
			if err := mount.Save(t.Context(), b.Storage, grant.RevocationPrefix+mount.Digest(rv.AccessToken), rv); err != nil {
				t.Fatal(err)
			}
		}
		b.Storage.OnDelete(func(string) error { time.Sleep(time.Second); return nil }) // stands for a provider that takes a second
		if _, err := b.HandleRequest(t.Context(), &logical.Request{Operation: logical.RollbackOperation, Storage: b.Storage}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		start := time.Now()
		b.Cleanup(context.Background())
		if time.Since(start) > 10*time.Second {
			t.Error("revocations hold up the end of the mount")
		}
		b.Storage.OnDelete(nil)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
	})
}
