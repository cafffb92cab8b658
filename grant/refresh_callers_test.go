package grant_test

import (
	"context"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

func TestFiftyReadersCostOneRequest(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	b.WriteRole("r")
	answer, open := enginetest.Gated(enginetest.TokenAnswer("a1", enginetest.Canary+"next"))
	server.Enqueue(answer)
	var readers []<-chan enginetest.Outcome
	for range 50 {
		readers = append(readers, b.StartRead(t.Context(), "r"))
	}
	b.AtWork("r", 50)
	open()
	for _, reader := range readers {
		if got := enginetest.Await(t, reader).Value(t, "access_token"); got != "a1" {
			t.Errorf("access token %v", got)
		}
	}
	if n := len(server.Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestRolesDoNotWaitForEachOther(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	b.WriteRole("slow")
	b.WriteRole("fast")
	answer, open := enginetest.Gated(enginetest.TokenAnswer("a1", ""))
	server.Enqueue(answer, enginetest.TokenAnswer("a2", ""))
	slow := b.StartRead(t.Context(), "slow")
	server.WaitFor(1)
	if got := b.Data("creds/fast")["access_token"]; got != "a2" {
		t.Errorf("access token %v", got)
	}
	open()
	enginetest.Await(t, slow).Value(t, "access_token")
}

func TestAWaitingReaderGivesUpWithItsContext(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	b.WriteRole("r")
	answer, open := enginetest.Gated(enginetest.TokenAnswer("a1", ""))
	server.Enqueue(answer)
	first := b.StartRead(t.Context(), "r")
	server.WaitFor(1)
	ctx, hangUp := context.WithCancel(t.Context())
	second := b.StartRead(ctx, "r")
	b.AtWork("r", 2)
	hangUp()
	if got := enginetest.Await(t, second); enginetest.ErrStatus(got.Err) != 503 {
		t.Errorf("who gives up hears %v, %v", got.Resp, got.Err)
	}
	open()
	if got := enginetest.Await(t, first).Value(t, "access_token"); got != "a1" {
		t.Errorf("who waits gets %v", got)
	}
}

// Whenever the one caller hangs up, the exchange goes to its end and the rotated token is stored.
func TestNothingIsLostWhenTheCallerHangsUp(t *testing.T) {
	for _, when := range []string{"before the intent", "while the provider is asked", "before the answer is stored"} {
		t.Run(when, func(t *testing.T) {
			b := enginetest.New(t)
			server := enginetest.NewEndpoint(t, b)
			b.WriteRole("r")
			answer, open := enginetest.Gated(enginetest.TokenAnswer("a1", enginetest.Canary+"next"))
			server.Enqueue(answer)
			puts, goOn := b.StepPuts()
			ctx, cancel := context.WithCancel(t.Context())
			caller := b.StartRead(ctx, "r")
			hangUp := func() {
				cancel()
				if got := enginetest.Await(t, caller); enginetest.ErrStatus(got.Err) != 503 {
					t.Errorf("the caller hears %v, %v", got.Resp, got.Err)
				}
			}

			enginetest.Await(t, puts)
			if when == "before the intent" {
				hangUp()
			}
			goOn <- struct{}{}
			server.WaitFor(1)
			if when == "while the provider is asked" {
				hangUp()
			}
			open()
			enginetest.Await(t, puts)
			if when == "before the answer is stored" {
				hangUp()
			}
			goOn <- struct{}{}
			b.Settle("r")

			stored := b.Stored("r")
			enginetest.SecretIs(t, "the stored refresh token", stored.RefreshToken, enginetest.Canary+"next")
			if stored.Generation != 1 || stored.Intent != nil {
				t.Errorf("stored is %+v", stored.Record)
			}
			if got := b.Data("creds/r")["access_token"]; got != "a1" || len(server.Requests()) != 1 {
				t.Errorf("the next read gets %v after %d requests", got, len(server.Requests()))
			}
		})
	}
}

// Who has given up before it began costs nothing.
func TestACallerThatIsGoneStartsNothing(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	b.WriteRole("r")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if resp, err := b.Try(ctx, logical.ReadOperation, "creds/r", nil); err == nil {
		t.Errorf("an answer without a caller: %v", resp)
	}
	b.Settle("r")
	if b.Stored("r") != nil || server.Connections() != 0 {
		t.Error("an exchange was made for nobody")
	}
}
