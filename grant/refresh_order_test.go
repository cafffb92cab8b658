package grant_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// Intent, request, answer, state: each step waits for the one before, and the caller for the last.
func TestRefreshStoresTheIntentThenSendsThenStoresTheAnswer(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	b.WriteRole("r")
	answer, open := enginetest.Gated(enginetest.TokenAnswer("a1", enginetest.Canary+"next"))
	server.Enqueue(answer)
	puts, goOn := b.StepPuts()
	done := b.StartRead(t.Context(), "r")

	enginetest.Await(t, puts)
	if n := server.Connections(); n != 0 {
		t.Errorf("%d connections while the intent is not stored", n)
	}
	goOn <- struct{}{}
	server.WaitFor(1)
	intended := b.Stored("r")
	if intended.Intent == nil || intended.Generation != 0 {
		t.Errorf("while the provider is asked, storage holds %+v: no intent", intended.Record)
	}
	enginetest.SecretIs(t, "the refresh token beside the intent", intended.RefreshToken, enginetest.FirstToken)

	open()
	enginetest.Await(t, puts)
	if stored := b.Stored("r"); stored.Generation != 0 || len(done) != 0 {
		t.Errorf("generation %d is stored, %d callers have their answer, before the Put", stored.Generation, len(done))
	}
	goOn <- struct{}{}
	if got := enginetest.Await(t, done).Value(t, "access_token"); got != "a1" {
		t.Errorf("access token %v", got)
	}
}

func TestOneEntryHoldsTheWholeAnswer(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	b.WriteRole("r")
	server.Enqueue(enginetest.TokenAnswer("a1", enginetest.Canary+"next"))
	states := b.RecordStates("r")
	b.Read("creds/r")
	all := states.List()
	if len(all) != 2 {
		t.Fatalf("%d Puts of the state, want the intent and the answer", len(all))
	}
	enginetest.SecretIs(t, "the access token of the last Put", all[1].AccessToken, "a1")
	enginetest.SecretIs(t, "the refresh token of the last Put", all[1].RefreshToken, enginetest.Canary+"next")
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
	for name, fail := range map[string]func(*enginetest.Storage, enginetest.StorageHook){
		"the Put fails": (*enginetest.Storage).OnPut,
		"the Put is applied and reports an error": (*enginetest.Storage).AfterPut,
	} {
		b := enginetest.New(t)
		server := enginetest.NewEndpoint(t, b)
		b.WriteRole("r")
		fail(b.Storage, full)
		if text := b.NoCreds("r", 503); strings.Contains(text, "disk") || !strings.Contains(text, "nothing is lost") {
			t.Errorf("%s: the caller hears %q", name, text)
		}
		if n := server.Connections(); n != 0 {
			t.Errorf("%s: %d connections", name, n)
		}
		fail(b.Storage, nil)
		server.Enqueue(enginetest.TokenAnswer("a1", ""))
		b.Read("creds/r") // nothing holds the next read back
	}
}

// Vault forwards a request to the active node when it gets this error itself, and only then. Over
// the plugin's connection storage errors arrive as text.
func TestReadOnlyStorageIsSaidInVaultsOwnWord(t *testing.T) {
	for name, put := range map[string]error{
		"the error itself": logical.ErrReadOnly,
		"its text alone":   errors.New("rpc error: code = Unknown desc = cannot write to readonly storage"),
	} {
		b := enginetest.New(t)
		server := enginetest.NewEndpoint(t, b)
		b.WriteRole("r")
		b.Storage.OnPut(func(string) error { return put })
		for _, op := range []logical.Operation{logical.ReadOperation, logical.UpdateOperation} {
			if _, err := b.Try(t.Context(), op, "creds/r", nil); err != logical.ErrReadOnly {
				t.Errorf("%s, %s: %v", name, op, err)
			}
		}
		if _, err := b.Try(t.Context(), logical.UpdateOperation, "refresh/r", nil); err != logical.ErrReadOnly {
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
		b := enginetest.New(t)
		server := enginetest.NewEndpoint(t, b)
		b.WriteRole("r")
		b.View.ReplicationStateVal = state
		before := b.Storage.Contents(t)
		if _, err := b.Try(t.Context(), logical.ReadOperation, "creds/r", nil); err != logical.ErrReadOnly {
			t.Errorf("%s: %v", name, err)
		}
		if n := server.Connections(); n != 0 || len(b.Storage.Contents(t)) != len(before) {
			t.Errorf("%s: %d connections, and storage now has %d entries, before %d", name, n, len(b.Storage.Contents(t)), len(before))
		}
	}
}
