package e2e

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// canaries are the secrets of the whole run. When it is over, none of them may be found in any log.
var canaries = &canarySet{values: map[string]string{}}

// canarySet maps the forms in which a secret could show up to the secret's name.
type canarySet struct {
	mu     sync.Mutex
	values map[string]string
}

// window is how many bytes of a form index it. Secrets of fewer are too short to be told from chance.
const window = 8

// add makes a value a canary, in clear and in the encodings that a log could hold it in.
func (c *canarySet) add(name, value string) {
	if len(value) < window {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, form := range encodings(value) {
		c.values[form] = name
	}
}

// addKey makes every line of a PEM or base64 body a canary: a fragment of a private key is a leak too.
func (c *canarySet) addKey(name, text string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "-----") {
			continue
		}
		for part := range slices.Chunk([]byte(line), 60) {
			c.add(name, string(part))
		}
	}
}

// encodings lists the forms of a value: as it is, form- and path-encoded, in JSON, in hex, and in base64
// at each of the three offsets at which it may lie in a longer text, such as a Basic pair.
func encodings(value string) []string {
	quoted, _ := json.Marshal(value)
	forms := []string{
		value, url.QueryEscape(value), url.PathEscape(value), strings.Trim(string(quoted), `"`),
		hex.EncodeToString([]byte(value)),
	}
	for offset := range 3 {
		bits := 8 * offset
		text := base64.RawStdEncoding.EncodeToString(append(make([]byte, offset), value...))
		// The first and last character may hold bits of the neighbours.
		inner := text[(bits+5)/6 : len(text)-1]
		forms = append(forms, inner, strings.NewReplacer("+", "-", "/", "_").Replace(inner))
	}
	return slices.DeleteFunc(forms, func(s string) bool { return len(s) < window })
}

// search looks for every canary in every log below dir. It complains, too, about a log that is empty or
// not as talkative as it must be for the search to mean anything.
func (c *canarySet) search(dir string) error {
	logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		return err
	}
	var found []error
	for _, path := range logs {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, hit := range c.find(text) {
			found = append(found, fmt.Errorf("%s: the secret %s is in the log", filepath.Base(path), hit))
		}
		found = append(found, talkative(path, string(text)))
	}
	return errors.Join(found...)
}

// talkative checks that a log holds what is known to be logged.
func talkative(path, text string) error {
	for prefix, want := range map[string]string{"vault-": "[TRACE]", "audit-": `"type":"response"`, "agent-": "[TRACE]"} {
		if strings.HasPrefix(filepath.Base(path), prefix) && !strings.Contains(text, want) {
			return fmt.Errorf("%s does not contain %s: there was nothing to search", filepath.Base(path), want)
		}
	}
	return nil
}

// find returns the names of the canaries in a text, sorted, each once.
func (c *canarySet) find(text []byte) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	index := map[string][]string{}
	for form := range c.values {
		index[form[:window]] = append(index[form[:window]], form)
	}
	var hits []string
	for i := 0; i+window <= len(text); i++ {
		for _, form := range index[string(text[i:i+window])] {
			if i+len(form) <= len(text) && string(text[i:i+len(form)]) == form {
				hits = append(hits, c.values[form])
			}
		}
	}
	slices.Sort(hits)
	return slices.Compact(hits)
}
