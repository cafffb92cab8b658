package e2e

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The search finds a planted secret in every form that it promises to find, and nothing in harmless text.
func TestCanarySearch(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t+value/100% \"quoted\""
	set := &canarySet{values: map[string]string{}}
	set.add("planted", secret)
	for form, text := range map[string]string{
		"clear":      secret,
		"form":       url.Values{"client_secret": {secret}}.Encode(),
		"path":       url.PathEscape(secret),
		"hex":        hex.EncodeToString([]byte(secret)),
		"JSON":       `{"x":"s3cr3t+value/100% \"quoted\""}`,
		"base64":     base64.StdEncoding.EncodeToString([]byte(secret)),
		"Basic pair": base64.StdEncoding.EncodeToString([]byte("a:" + secret)),
		"URL base64": base64.URLEncoding.EncodeToString([]byte("ab:" + secret + "more")),
	} {
		if hits := set.find([]byte("before " + text + " after")); len(hits) != 1 {
			t.Errorf("not found as %s", form)
		}
	}
	// A part of an assertion, as a request that is dumped into a log would show it.
	set.add("assertion", "eyJpc3MiOiJtZSIsInN1YiI6Im1lIn0")
	if hits := set.find([]byte("client_assertion=eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJtZSIsInN1YiI6Im1lIn0.c2ln&x=y")); len(hits) != 1 {
		t.Error("an assertion is not found")
	}
	if hits := set.find([]byte(strings.Repeat("s3cr3t value", 100))); len(hits) != 0 {
		t.Errorf("found in harmless text: %v", hits)
	}
}

// A log that says next to nothing proves nothing, so the search refuses it.
func TestCanarySearchWantsTalkativeLogs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "vault-x.log"), []byte("[INFO] hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (&canarySet{}).search(dir); err == nil {
		t.Error("a log without trace lines passes")
	}
}
