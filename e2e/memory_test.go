package e2e

import (
	"bytes"
	"testing"
	"time"
)

// Warm reads are answered from the plugin's memory, which must end where storage changes without the plugin:
// when an operator restores a snapshot. What is served then is what the snapshot holds.
func TestMemoryEndsWithASnapshotRestore(t *testing.T) {
	t.Parallel()
	l := newLabOn(t, newRaft(t, "memory"))
	l.run("vault write oauth/roles/hosting " + keliwebRole)
	for range 2 { // the second from memory
		l.read("oauth/creds/hosting").want(t, map[string]string{"generation": "1"})
	}
	var snapshot bytes.Buffer
	if err := l.v.client().Sys().RaftSnapshot(&snapshot); err != nil {
		t.Fatal(err)
	}
	l.run("vault write -force oauth/refresh/hosting")
	for range 2 {
		l.read("oauth/creds/hosting").want(t, map[string]string{"generation": "2"})
	}
	if err := l.v.client().Sys().RaftSnapshotRestore(&snapshot, false); err != nil {
		t.Fatal(err)
	}
	err := l.v.await("Vault serves what the snapshot holds", 30*time.Second, func() error {
		_, err := l.v.client().Logical().Read("oauth/creds/hosting")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	l.read("oauth/creds/hosting").want(t, map[string]string{"generation": "1"})
}
