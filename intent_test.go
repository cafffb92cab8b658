package oauthrefresh

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
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
func crash(t *testing.T, provider fields) (*testBackend, *clienttest.Server) {
	t.Helper()
	b := newTestBackend(t)
	server := newEndpoint(t, b, provider)
	b.writeRole("r")
	answer, open := gated(clienttest.Text(503, "text/plain", "the other process is long dead"))
	server.Enqueue(answer)
	reader := b.startRead(t.Context(), "r")
	server.WaitFor(1)
	left := new(faultyStorage)
	for key, value := range b.storage.contents(t) {
		if err := left.Put(t.Context(), &logical.StorageEntry{Key: key, Value: []byte(value)}); err != nil {
			t.Fatal(err)
		}
	}
	open()
	await(t, reader)
	return newTestBackendOn(t, left), server
}

func TestACrashLeavesAnIntentThatTheStatusTellsOf(t *testing.T) {
	b, _ := crash(t, nil)
	got := b.data("status/r")
	if got["state"] != "unknown" || got["outcome_unknown"] != true || got["outcome_unknown_since"] == nil || got["generation"] != int64(0) {
		t.Errorf("the status says %v", got)
	}
	if mount := b.data("status"); !slices.Equal(mount["outcome_unknown"].([]string), []string{"r"}) {
		t.Errorf("the status of the mount says %v", mount)
	}
}

// The same exchange under the same name: the provider answers what it answered before.
func TestAfterACrashTheSameExchangeIsSentUnderItsName(t *testing.T) {
	b, server := crash(t, fields{"idempotency_header": keyHeader})
	server.Enqueue(tokenAnswer("a1", canary+"next"))
	if got := b.data("creds/r")["access_token"]; got != "a1" {
		t.Errorf("access token %v", got)
	}
	keys := idempotencyKeys(server)
	if len(keys) != 2 || keys[0] == "" || keys[0] != keys[1] {
		t.Errorf("%d requests, the same key: %t", len(keys), keys[0] == keys[len(keys)-1])
	}
	if got := sent(server); got[1] != firstToken {
		t.Errorf("another refresh token was sent: %q", got)
	}
	if got := b.data("status/r"); got["state"] != "ok" || got["outcome_unknown"] != false {
		t.Errorf("the status says %v", got)
	}
}

// With other settings it is another exchange: a provider would refuse the name or answer as before.
func TestAfterACrashAndAnEditTheExchangeHasANewName(t *testing.T) {
	b, server := crash(t, fields{"idempotency_header": keyHeader})
	b.write("roles/r", fields{"scope": "other"})
	server.Enqueue(tokenAnswer("a1", canary+"next"))
	b.read("creds/r")
	if keys := idempotencyKeys(server); keys[0] == keys[1] || keys[1] == "" {
		t.Errorf("the same key: %t, a key: %t", keys[0] == keys[1], keys[1] != "")
	}
}

// What has nothing to do with the exchange leaves it the same one.
func TestAfterACrashAndAnotherEditTheExchangeKeepsItsName(t *testing.T) {
	b, server := crash(t, fields{"idempotency_header": keyHeader})
	b.write("roles/r", fields{"ttl": "1h", "lease": true})
	b.write("config", fields{"request_timeout": "20s"})
	b.write("providers/test", fields{"assumed_token_ttl": "30m"})
	server.Enqueue(tokenAnswer("a1", canary+"next"))
	b.read("creds/r")
	if keys := idempotencyKeys(server); keys[0] != keys[1] {
		t.Error("the exchange has another name")
	}
}

// Without any of that one more try is all there is, and when it is refused the status says why.
func TestAfterACrashARefusalMeansThatTheAnswerWasLost(t *testing.T) {
	b, server := crash(t, nil)
	server.Enqueue(clienttest.JSON(400, `{"error":"invalid_grant"}`))
	b.noCreds("r", 400)
	b.noCreds("r", 400)
	if n := len(server.Requests()); n != 2 {
		t.Errorf("%d requests", n)
	}
	got := b.data("status/r")
	if got["state"] != "dead" || !saysLost(got) || got["outcome_unknown"] != false {
		t.Errorf("the status says %v", got)
	}
}
