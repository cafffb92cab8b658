package clienttest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// present hands a refresh token to the grant, under a name or none.
func present(g *clienttest.Rotation, token, key string) clienttest.Answer {
	r := &clienttest.Request{Header: http.Header{}, Form: map[string][]string{
		"grant_type": {"refresh_token"}, "refresh_token": {token},
	}}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	return g.Answer(r)
}

func TestRotationWithGrace(t *testing.T) {
	grant := clienttest.NewRotation("r")
	grant.ReuseGrace = time.Hour
	present(grant, "r", "")
	second := present(grant, "r", "")
	if second.Status != 200 || !strings.Contains(second.Body, `"r-2"`) || grant.Replays() != (clienttest.Replays{Allowed: 1}) {
		t.Errorf("within the grace: %d %s, %+v", second.Status, second.Body, grant.Replays())
	}
	if valid := grant.Valid(); len(valid) != 2 || !grant.Live(clienttest.AccessToken("r", 1)) || grant.Live(clienttest.AccessToken("r", 3)) {
		t.Errorf("either answer may have arrived, but only %v are valid", valid)
	}
	if first := present(grant, "r-1", ""); first.Status != 200 {
		t.Errorf("the pair of the first answer: %d %s", first.Status, first.Body)
	}
	grant.ReuseGrace = 0 // it is over
	if late := present(grant, "r", ""); late.Status != 400 || !grant.Reused() || grant.Valid() != nil || grant.Live(clienttest.AccessToken("r", 1)) {
		t.Error("the grant survives a spent token after the grace")
	}
}

func TestRotationWithIdempotencyKey(t *testing.T) {
	grant := clienttest.NewRotation("r")
	grant.IdempotencyHeader = "Idempotency-Key"
	first := present(grant, "r", "a")
	if again := present(grant, "r", "a"); again.Body != first.Body || grant.Refreshes() != 1 || grant.Replays() != (clienttest.Replays{Allowed: 1}) {
		t.Errorf("the same exchange again brings %s after %s", again.Body, first.Body)
	}
	if other := present(grant, "r", "b"); other.Status != 400 || !grant.Reused() {
		t.Error("the grant survives a spent token under another name")
	}
	unnamed := clienttest.NewRotation("u")
	unnamed.IdempotencyHeader = "Idempotency-Key"
	present(unnamed, "u", "")
	if again := present(unnamed, "u", ""); again.Status != 400 || !unnamed.Reused() {
		t.Error("exchanges without a name count as the same one")
	}
}
