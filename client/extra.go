package client

import (
	"encoding/json"
	"strings"
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
		if value == nil || err != nil || len(encoded) > maxExtra || holdsAny(value, secrets) {
			continue
		}
		if total += len(encoded); total > maxExtras {
			break
		}
		out[name] = value
	}
	return out
}

// holdsAny tells whether a JSON value has one of the secrets in any of its strings and names.
func holdsAny(value any, secrets []string) bool {
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			if containsAny(name, secrets) || holdsAny(member, secrets) {
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

// containsAny ignores empty secrets, which every text contains.
func containsAny(text string, secrets []string) bool {
	for _, secret := range secrets {
		if secret != "" && strings.Contains(text, secret) {
			return true
		}
	}
	return false
}
