package client

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/go-openapi/jsonpointer"
)

// extra collects the fields to hand on. What is null or too large is left out, and so is what
// holds one of the secrets, wherever the server put it.
func extra(fields []string, root any, secrets []string) map[string]any {
	out := map[string]any{}
	total := 0
	for _, entry := range fields {
		name, pointer := extraField(entry)
		value := lookup(root, pointer)
		encoded, err := json.Marshal(value)
		if value == nil || err != nil || len(encoded) > maxExtra || inRefreshMember(pointer) || holdsAny(value, secrets) {
			continue
		}
		if total += len(encoded); total > maxExtras {
			break
		}
		out[name] = value
	}
	return out
}

// holdsAny tells whether a JSON value has one of the secrets in any of its strings and names, or a member that
// goes by the name of a refresh token.
func holdsAny(value any, secrets []string) bool {
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			if isRefreshMember(name, member) || containsAny(name, secrets) || holdsAny(member, secrets) {
				return true
			}
		}
	case []any:
		for _, element := range v {
			if holdsAny(element, secrets) {
				return true
			}
		}
	default:
		return containsAny(scalar(v), secrets)
	}
	return false
}

// isRefreshMember tells whether a member holds what goes by the name of a refresh token.
func isRefreshMember(name string, value any) bool {
	if notRefresh.of(name) <= nearRefresh {
		return false
	}
	switch v := value.(type) {
	case map[string]any:
		return len(v) > 0
	case []any:
		return len(v) > 0
	}
	return scalar(value) != "" && !isWord(scalar(value))
}

// inRefreshMember tells whether a pointer leads to or into such a member.
func inRefreshMember(pointer string) bool {
	parsed, err := jsonpointer.New(pointer)
	return err != nil || slices.ContainsFunc(parsed.DecodedTokens(), func(name string) bool { return notRefresh.of(name) > nearRefresh })
}

// containsAny ignores empty secrets, which every text contains.
func containsAny(text string, secrets []string) bool {
	for _, secret := range secrets {
		if secret != "" && strings.Contains(text, secret) {
			return true
		}
	}
	return false
}
