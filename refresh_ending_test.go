package oauthrefresh

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
	"vault-plugin-secrets-oauthrefresh/mount"
)

// The end of a mount waits for one exchange, not for one with the other secret after it.
func TestNoSecondExchangeBeginsAtTheEnd(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	b.writeRole("r", fields{"previous_client_secret": canary + "old"})
	answer, open := gated(clienttest.JSON(401, `{"error":"invalid_client"}`))
	server.Enqueue(answer, tokenAnswer("a1", canary+"next"))
	b.startRead(t.Context(), "r")
	server.WaitFor(1)
	ended := b.end()
	open()
	await(t, ended)
	if n := len(server.Requests()); n != 1 {
		t.Errorf("%d exchanges: one began after the mount had begun to end", n)
	}
}

// The intent was being stored when the mount began to end: it is taken back.
func TestNoExchangeBeginsAfterTheEnd(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	b.writeRole("r")
	server.Enqueue(tokenAnswer("a1", canary+"next"))
	in, gate := make(chan struct{}), make(chan struct{})
	var once sync.Once
	b.storage.onPut(func(key string) error { once.Do(func() { close(in); <-gate }); return nil })
	b.startRead(t.Context(), "r")
	await(t, in)
	ended := b.end()
	close(gate)
	await(t, ended)
	if b.stored("r").Intent != nil {
		t.Error("the intent stays, as if an answer had been lost")
	}
	if n := len(server.Requests()); n != 0 {
		t.Errorf("%d exchanges began after the mount had begun to end", n)
	}
}

// Revocations that are caught up with can wait for the next start.
func TestRevocationsDoNotHoldUpTheEnd(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		server.Handle(func(r *clienttest.Request) clienttest.Answer { return clienttest.Answer{Status: 200} })
		for i := range 200 {
			rv := &grant.Revocation{Role: "r", AccessToken: fmt.Sprint("t", i), ExpiresAt: time.Now().Add(time.Hour)}
			if err := mount.Save(t.Context(), b.storage, grant.RevocationPrefix+mount.Digest(rv.AccessToken), rv); err != nil {
				t.Fatal(err)
			}
		}
		b.storage.onDelete(func(string) error { time.Sleep(time.Second); return nil }) // stands for a provider that takes a second
		if _, err := b.HandleRequest(t.Context(), &logical.Request{Operation: logical.RollbackOperation, Storage: b.storage}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		start := time.Now()
		b.Cleanup(context.Background())
		if time.Since(start) > 10*time.Second {
			t.Error("revocations hold up the end of the mount")
		}
		b.storage.onDelete(nil)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
	})
}
