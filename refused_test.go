package oauthrefresh

import (
	"encoding/json"
	"maps"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"
)

// refused makes a request that must be a 400, and returns its sentence.
func (b *testBackend) refused(op logical.Operation, path string, f fields) string {
	b.t.Helper()
	resp, err := b.try(b.t.Context(), op, path, f)
	if err != nil {
		b.t.Fatalf("%s %s: %v, want an error response", op, path, err)
	}
	if !resp.IsError() {
		b.t.Fatalf("%s %s is not refused: %v", op, path, resp)
	}
	if status, _ := logical.RespondErrorCommon(&logical.Request{Operation: op}, resp, nil); status != 400 {
		b.t.Fatalf("%s %s: status %d", op, path, status)
	}
	return resp.Error().Error()
}

// rejects makes a request that must be refused in words that hold the wanted ones and no value of
// the request, and must leave storage as it was.
func (b *testBackend) rejects(op logical.Operation, path string, f fields, want string) {
	b.t.Helper()
	before := b.storage.contents(b.t)
	got := b.refused(op, path, f)
	if !strings.Contains(got, want) {
		b.t.Errorf("%s %s says %q, want %q", op, path, got, want)
	}
	if !maps.Equal(b.storage.contents(b.t), before) {
		b.t.Errorf("%s %s is refused and yet changed storage", op, path)
	}
	for _, value := range texts(throughJSON(f)) {
		if len(value) > 2 && strings.Contains(got+b.log.String(), value) {
			b.t.Errorf("%s %s repeats the value %.40q: %.400s", op, path, value, got)
		}
	}
}

// texts are all texts and numbers in a JSON value.
func texts(value any) (all []string) {
	switch value := value.(type) {
	case string:
		return []string{value}
	case json.Number:
		return []string{value.String()}
	case []any:
		for _, member := range value {
			all = append(all, texts(member)...)
		}
	case map[string]any:
		for _, member := range value {
			all = append(all, texts(member)...)
		}
	}
	return all
}

// errStatus is the HTTP status that Vault answers an error with: it looks at no wrapped error.
func errStatus(err error) int {
	if coded, ok := err.(logical.HTTPCodedError); ok {
		return coded.Code()
	}
	return 0
}
