package e2e

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
)

// badInput is something an operator or a reader may get wrong.
type badInput struct {
	name   string
	path   string
	fields map[string]any // nil: a DELETE
	says   string         // what the sentence must mention, besides being one
}

// Every mistake is a 400 with a sentence that says what to do. Nothing is stored, nothing that was stored
// changes, and no value that was given is repeated.
func TestBadInput(t *testing.T) {
	t.Parallel()
	v, err := startRaft("bad-input")
	if err != nil {
		t.Fatal("Vault on raft: ", err)
	}
	t.Cleanup(func() { v.stop() })
	l := newLabOn(t, v)
	l.run(`vault write oauth/providers/own token_endpoint="$GENERIC_TOKEN_ENDPOINT"
		token_endpoint_auth_method=client_secret_basic`)
	l.run(`vault write oauth/roles/good provider=salesforce client_id="$SALESFORCE_CLIENT_ID"
		client_secret="$SALESFORCE_CLIENT_SECRET" refresh_token="$SALESFORCE_REFRESH_TOKEN"`)
	l.run(`vault write oauth/config allowed_hosts='*.salesforce.com,127.0.0.1,api.ibanity.com,auth.pingone.*'`)
	first := l.read("oauth/creds/good")
	store := openStore(t, l.v, "oauth")
	before := store.entries("")

	var cases []badInput
	cases = append(cases, badRoles(t, l.sandbox)...)
	cases = append(cases, badProviders()...)
	cases = append(cases, badRequests()...)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.attempt(t, l.v.client())
			store.t = t
			if after := store.entries(""); !reflect.DeepEqual(before, after) {
				t.Errorf("storage has changed: %v", changed(before, after))
				before = after
			}
		})
	}
	l.read("oauth/creds/good").want(t, map[string]string{"token_id": first.get("token_id")})
	if n := l.sandbox.stats("salesforce").Requests; n != 1 {
		t.Errorf("%d requests to the provider, want the one of the first read", n)
	}
}

// attempt makes the mistake.
func (c badInput) attempt(t *testing.T, client *api.Client) {
	var err error
	if c.fields == nil {
		_, err = client.Logical().Delete("oauth/" + c.path)
	} else {
		_, err = client.Logical().Write("oauth/"+c.path, c.fields)
	}
	var refusal *api.ResponseError
	if !errors.As(err, &refusal) {
		t.Fatalf("not refused: %.200v", err)
	}
	text := strings.Join(refusal.Errors, " ")
	transcribe("bad input: "+c.name, "", text)
	if refusal.StatusCode != http.StatusBadRequest {
		t.Errorf("status %d, want 400: %.500s", refusal.StatusCode, text)
	}
	if len(strings.Fields(text)) < 5 || len(text) > 600 || !strings.Contains(text, c.says) {
		t.Errorf("want a sentence that mentions %q, got: %.700s", c.says, text)
	}
	for _, value := range leaves(c.fields) {
		if len(value) >= 4 && !slices.Contains(harmless, value) && strings.Contains(text, value) {
			t.Errorf("the error repeats an input value: %.500s", text)
		}
	}
}

// harmless are values that an error may name because they are known to it: what can't be chosen yet, and a
// provider that is part of its own host names.
var harmless = []string{"private_key_jwt", "salesforce"}

// leaves lists the values of the fields as text.
func leaves(value any) []string {
	switch value := value.(type) {
	case map[string]any:
		var out []string
		for member := range maps.Values(value) {
			out = append(out, leaves(member)...)
		}
		return out
	case string:
		_, right, isPair := strings.Cut(value, "=") // provider_params=name=value
		if isPair && len(right) >= 4 && len(value) < 100 {
			return []string{value, right}
		}
		return []string{value}
	}
	return []string{fmt.Sprint(value)}
}

// changed names the storage entries that differ.
func changed(before, after map[string]string) (keys []string) {
	for key, text := range after {
		if before[key] != text {
			keys = append(keys, key)
		}
	}
	for key := range before {
		if _, ok := after[key]; !ok {
			keys = append(keys, key+" (gone)")
		}
	}
	return keys
}
