package e2e

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// auditEntry is as much of a line of Vault's audit log as the tests look at.
type auditEntry struct {
	Type    string
	Request struct {
		Operation, Path string
		RequestURI      string `json:"request_uri"`
	}
	text string // the whole line
}

// auditTail reads what a server writes into its audit log from now on: before, it was another test's.
type auditTail struct {
	t    *testing.T
	v    *vault
	from int
}

func (v *vault) followAudit(t *testing.T) auditTail {
	t.Helper()
	return auditTail{t, v, len(auditTail{t, v, 0}.read())}
}

func (a auditTail) read() string {
	a.t.Helper()
	log, err := os.ReadFile(auditLog(a.v.name))
	if err != nil {
		a.t.Fatal(err)
	}
	return string(log[a.from:])
}

// requests lists those to paths of the mount that begin with a prefix.
func (a auditTail) requests(prefix string) (found []auditEntry) {
	a.t.Helper()
	for line := range strings.Lines(a.read()) {
		if !strings.Contains(line, `"path":"oauth/`+prefix) { // most of it is others'
			continue
		}
		e := auditEntry{text: line}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			a.t.Fatal(err)
		}
		if e.Type == "request" && strings.HasPrefix(e.Request.Path, "oauth/"+prefix) {
			found = append(found, e)
		}
	}
	return found
}
