package grant_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

const keyHeader = "Idempotency-Key"

// idempotencyKeys are the idempotency keys that the endpoint was sent.
func idempotencyKeys(server *clienttest.Server) (keys []string) {
	for _, r := range server.Requests() {
		keys = append(keys, r.Header.Get(keyHeader))
	}
	return keys
}

// saysLost tells whether a status says that the next refresh token is probably lost.
func saysLost(status map[string]any) bool {
	return strings.Contains(status["next_step"].(string), "the answer to an earlier refresh was lost")
}

// crash is the mount as it starts again after the process has died while the endpoint was asked:
// the intent is stored and no more.
func crash(t *testing.T, provider enginetest.Fields) (*enginetest.Mount, *clienttest.Server) {
	t.Helper()
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b, provider)
	b.WriteRole("r")
	answer, open := enginetest.Gated(clienttest.Text(503, "text/plain", "the other process is long dead"))
	server.Enqueue(answer)
	reader := b.StartRead(t.Context(), "r")
	server.WaitFor(1)
	left := new(enginetest.Storage)
	for key, value := range b.Storage.Contents(t) {
		if err := left.Put(t.Context(), &logical.StorageEntry{Key: key, Value: []byte(value)}); err != nil {
			t.Fatal(err)
		}
	}
	open()
	enginetest.Await(t, reader)
	return enginetest.NewOn(t, left), server
}

func TestACrashLeavesAnIntentThatTheStatusTellsOf(t *testing.T) {
	b, _ := crash(t, nil)
	got := b.Data("status/r")
	if got["state"] != "unknown" || got["outcome_unknown"] != true || got["outcome_unknown_since"] == nil || got["generation"] != int64(0) {
		t.Errorf("the status says %v", got)
	}
	if mount := b.Data("status"); !slices.Equal(mount["outcome_unknown"].([]string), []string{"r"}) {
		t.Errorf("the status of the mount says %v", mount)
	}
}

// The same exchange under the same name: the provider answers what it answered before.
func TestAfterACrashTheSameExchangeIsSentUnderItsName(t *testing.T) {
	b, server := crash(t, enginetest.Fields{"idempotency_header": keyHeader})
	server.Enqueue(enginetest.TokenAnswer("a1", enginetest.Canary+"next"))
	if got := b.Data("creds/r")["access_token"]; got != "a1" {
		t.Errorf("access token %v", got)
	}
	keys := idempotencyKeys(server)
	if len(keys) != 2 || keys[0] == "" || keys[0] != keys[1] {
		t.Errorf("%d requests, the same key: %t", len(keys), keys[0] == keys[len(keys)-1])
	}
	if got := enginetest.Sent(server); got[1] != enginetest.FirstToken {
		t.Errorf("another refresh token was sent: %q", got)
	}
	if got := b.Data("status/r"); got["state"] != "ok" || got["outcome_unknown"] != false {
		t.Errorf("the status says %v", got)
	}
}

// With other settings it is another exchange: a provider would refuse the name or answer as before.
func TestAfterACrashAndAnEditTheExchangeHasANewName(t *testing.T) {
	b, server := crash(t, enginetest.Fields{"idempotency_header": keyHeader})
	b.Write("roles/r", enginetest.Fields{"scope": "other"})
	server.Enqueue(enginetest.TokenAnswer("a1", enginetest.Canary+"next"))
	b.Read("creds/r")
	if keys := idempotencyKeys(server); keys[0] == keys[1] || keys[1] == "" {
		t.Errorf("the same key: %t, a key: %t", keys[0] == keys[1], keys[1] != "")
	}
}

// What has nothing to do with the exchange leaves it the same one.
func TestAfterACrashAndAnotherEditTheExchangeKeepsItsName(t *testing.T) {
	b, server := crash(t, enginetest.Fields{"idempotency_header": keyHeader})
	b.Write("roles/r", enginetest.Fields{"ttl": "1h", "lease": true})
	b.Write("config", enginetest.Fields{"request_timeout": "20s"})
	b.Write("providers/test", enginetest.Fields{"assumed_token_ttl": "30m"})
	server.Enqueue(enginetest.TokenAnswer("a1", enginetest.Canary+"next"))
	b.Read("creds/r")
	if keys := idempotencyKeys(server); keys[0] != keys[1] {
		t.Error("the exchange has another name")
	}
}

// Without any of that one more try is all there is, and when it is refused the status says why.
func TestAfterACrashARefusalMeansThatTheAnswerWasLost(t *testing.T) {
	b, server := crash(t, nil)
	server.Enqueue(clienttest.JSON(400, `{"error":"invalid_grant"}`))
	b.NoCreds("r", 400)
	b.NoCreds("r", 400)
	if n := len(server.Requests()); n != 2 {
		t.Errorf("%d requests", n)
	}
	got := b.Data("status/r")
	if got["state"] != "dead" || !saysLost(got) || got["outcome_unknown"] != false {
		t.Errorf("the status says %v", got)
	}
}
