package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// store reads what the plugin has stored, decrypted, through Vault's sys/raw.
type store struct {
	t    *testing.T
	v    *vault
	root string // logical/<uuid>/
}

// openStore opens the storage of a mount.
func openStore(t *testing.T, v *vault, mount string) store {
	t.Helper()
	s, err := v.client().Logical().Read("sys/mounts")
	if err != nil {
		t.Fatal(err)
	}
	entry, ok := s.Data[mount+"/"].(map[string]any)
	if !ok {
		t.Fatalf("no mount %s", mount)
	}
	return store{t, v, fmt.Sprintf("logical/%s/", entry["uuid"])}
}

// entries reads everything below a prefix: storage key to content.
func (s store) entries(prefix string) map[string]string {
	s.t.Helper()
	out := map[string]string{}
	listed, err := s.v.client().Logical().List("sys/raw/" + s.root + prefix)
	if err != nil {
		s.t.Fatal(err)
	}
	if listed == nil {
		return out
	}
	for _, key := range listed.Data["keys"].([]any) {
		path := prefix + key.(string)
		if strings.HasSuffix(path, "/") {
			for k, v := range s.entries(path) {
				out[k] = v
			}
			continue
		}
		raw, err := s.v.client().Logical().Read("sys/raw/" + s.root + path)
		if err != nil || raw == nil {
			s.t.Fatalf("sys/raw %s: %v", path, err)
		}
		out[path] = raw.Data["value"].(string)
	}
	return out
}

// plantCanaries makes canaries of every stored secret: refresh tokens that only the provider and the
// plugin know, and the private key in the form that the plugin has decrypted it to.
func (s store) plantCanaries() (planted int) {
	s.t.Helper()
	for key, text := range s.entries("") {
		var entry any
		if json.Unmarshal([]byte(text), &entry) == nil {
			planted += plant(key, "", entry)
		}
	}
	return planted
}

// plant walks a JSON value; name is the member that holds it.
func plant(key, name string, value any) (planted int) {
	switch value := value.(type) {
	case map[string]any:
		for name, member := range value {
			planted += plant(key, name, member)
		}
	case []any:
		for _, member := range value {
			planted += plant(key, name, member)
		}
	case string:
		switch {
		case strings.Contains(value, "PRIVATE KEY-----"):
			canaries.addKey(key+" "+name, value)
			planted++
		case secretName(name) && len(value) >= window:
			canaries.add(key+" "+name, value)
			planted++
		}
	}
	return planted
}

func secretName(name string) bool {
	if strings.HasSuffix(name, "_expires_at") { // when a secret ends is shown
		return false
	}
	for _, part := range []string{"secret", "refresh_token", "password", "private_key"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}
