package enginetest

import (
	"encoding/json"
	"maps"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"
)

// Refused makes a request that must be a 400, and returns its sentence.
func (b *Mount) Refused(op logical.Operation, path string, f Fields) string {
	b.T.Helper()
	resp, err := b.Try(b.T.Context(), op, path, f)
	if err != nil {
		b.T.Fatalf("%s %s: %v, want an error response", op, path, err)
	}
	if !resp.IsError() {
		b.T.Fatalf("%s %s is not refused: %v", op, path, resp)
	}
	if status, _ := logical.RespondErrorCommon(&logical.Request{Operation: op}, resp, nil); status != 400 {
		b.T.Fatalf("%s %s: status %d", op, path, status)
	}
	return resp.Error().Error()
}

// Rejects makes a request that must be refused in words that hold the wanted ones and no value of
// the request, and must leave storage as it was.
func (b *Mount) Rejects(op logical.Operation, path string, f Fields, want string) {
	b.T.Helper()
	before, logged := b.Storage.Contents(b.T), len(b.Log.String())
	got := b.Refused(op, path, f)
	if !strings.Contains(got, want) {
		b.T.Errorf("%s %s says %q, want %q", op, path, got, want)
	}
	if !maps.Equal(b.Storage.Contents(b.T), before) {
		b.T.Errorf("%s %s is refused and yet changed storage", op, path)
	}
	for _, value := range Texts(ThroughJSON(f)) {
		if len(value) > 2 && strings.Contains(got+b.Log.String()[logged:], value) {
			b.T.Errorf("%s %s repeats the value %.40q: %.400s", op, path, value, got)
		}
	}
}

// Texts are all texts and numbers in a JSON value.
func Texts(value any) (all []string) {
	switch value := value.(type) {
	case string:
		return []string{value}
	case json.Number:
		return []string{value.String()}
	case []any:
		for _, member := range value {
			all = append(all, Texts(member)...)
		}
	case map[string]any:
		for _, member := range value {
			all = append(all, Texts(member)...)
		}
	}
	return all
}

// ErrStatus is the HTTP status that Vault answers an error with: it looks at no wrapped error.
func ErrStatus(err error) int {
	if coded, ok := err.(logical.HTTPCodedError); ok {
		return coded.Code()
	}
	return 0
}
