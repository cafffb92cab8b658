package oauthrefresh

import (
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
)

// Intent, request, answer, state: each step waits for the one before, and the caller for the last.
func TestRefreshStoresTheIntentThenSendsThenStoresTheAnswer(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	b.writeRole("r")
	answer, open := gated(tokenAnswer("a1", canary+"next"))
	server.Enqueue(answer)
	puts, goOn := b.stepPuts()
	done := b.startRead(t.Context(), "r")

	await(t, puts)
	if n := server.Connections(); n != 0 {
		t.Errorf("%d connections while the intent is not stored", n)
	}
	goOn <- struct{}{}
	server.WaitFor(1)
	intended := b.stored("r")
	if intended.Intent == nil || intended.Generation != 0 {
		t.Errorf("while the provider is asked, storage holds %+v: no intent", intended.Record)
	}
	secretIs(t, "the refresh token beside the intent", intended.RefreshToken, firstToken)

	open()
	await(t, puts)
	if stored := b.stored("r"); stored.Generation != 0 || len(done) != 0 {
		t.Errorf("generation %d is stored, %d callers have their answer, before the Put", stored.Generation, len(done))
	}
	goOn <- struct{}{}
	if got := await(t, done).value(t, "access_token"); got != "a1" {
		t.Errorf("access token %v", got)
	}
}

func TestOneEntryHoldsTheWholeAnswer(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	b.writeRole("r")
	server.Enqueue(tokenAnswer("a1", canary+"next"))
	states := b.recordStates("r")
	b.read("creds/r")
	all := states.list()
	if len(all) != 2 {
		t.Fatalf("%d Puts of the state, want the intent and the answer", len(all))
	}
	secretIs(t, "the access token of the last Put", all[1].AccessToken, "a1")
	secretIs(t, "the refresh token of the last Put", all[1].RefreshToken, canary+"next")
	if got := all[1]; got.Generation != 1 || got.Intent != nil || got.Fault != nil {
		t.Errorf("the last Put is %+v", got.Record)
	}
	if !all[1].ObtainedAt.Equal(all[0].Intent.At) {
		t.Errorf("the lifetime counts from %s, not from before the request, %s", all[1].ObtainedAt, all[0].Intent.At)
	}
}

// A node that can't store the intent can't store the answer: it must not spend the refresh token.
func TestNothingIsSentWithoutAStoredIntent(t *testing.T) {
	full := func(string) error { return errors.New("the disk is full") }
	for name, fail := range map[string]func(*faultyStorage, storageHook){
		"the Put fails": (*faultyStorage).onPut,
		"the Put is applied and reports an error": (*faultyStorage).afterPut,
	} {
		b := newTestBackend(t)
		server := newEndpoint(t, b)
		b.writeRole("r")
		fail(b.storage, full)
		if text := b.noCreds("r", 503); strings.Contains(text, "disk") || !strings.Contains(text, "nothing is lost") {
			t.Errorf("%s: the caller hears %q", name, text)
		}
		if n := server.Connections(); n != 0 {
			t.Errorf("%s: %d connections", name, n)
		}
		fail(b.storage, nil)
		server.Enqueue(tokenAnswer("a1", ""))
		b.read("creds/r") // nothing holds the next read back
	}
}

// Vault forwards a request to the active node when it gets this error itself, and only then. Over
// the plugin's connection storage errors arrive as text.
func TestReadOnlyStorageIsSaidInVaultsOwnWord(t *testing.T) {
	for name, put := range map[string]error{
		"the error itself": logical.ErrReadOnly,
		"its text alone":   errors.New("rpc error: code = Unknown desc = cannot write to readonly storage"),
	} {
		b := newTestBackend(t)
		server := newEndpoint(t, b)
		b.writeRole("r")
		b.storage.onPut(func(string) error { return put })
		for _, op := range []logical.Operation{logical.ReadOperation, logical.UpdateOperation} {
			if _, err := b.try(t.Context(), op, "creds/r", nil); err != logical.ErrReadOnly {
				t.Errorf("%s, %s: %v", name, op, err)
			}
		}
		if _, err := b.try(t.Context(), logical.UpdateOperation, "refresh/r", nil); err != logical.ErrReadOnly {
			t.Errorf("%s, forced: %v", name, err)
		}
		if n := server.Connections(); n != 0 {
			t.Errorf("%s: %d connections", name, n)
		}
	}
}

func TestNothingIsSentFromANodeThatMayNotWrite(t *testing.T) {
	for name, state := range map[string]consts.ReplicationState{
		"performance standby":   consts.ReplicationPerformanceStandby | consts.ReplicationPerformancePrimary,
		"performance secondary": consts.ReplicationPerformanceSecondary,
		"DR secondary":          consts.ReplicationDRSecondary,
		"Vault does not answer": consts.ReplicationUnknown,
	} {
		b := newTestBackend(t)
		server := newEndpoint(t, b)
		b.writeRole("r")
		b.view.ReplicationStateVal = state
		before := b.storage.contents(t)
		if _, err := b.try(t.Context(), logical.ReadOperation, "creds/r", nil); err != logical.ErrReadOnly {
			t.Errorf("%s: %v", name, err)
		}
		if n := server.Connections(); n != 0 || len(b.storage.contents(t)) != len(before) {
			t.Errorf("%s: %d connections, and storage now has %d entries, before %d", name, n, len(b.storage.contents(t)), len(before))
		}
	}
}
