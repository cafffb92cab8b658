package e2e

import (
	"os"
	"strings"
	"testing"
	"time"
)

// The plugin of a mount that nobody calls is killed. Vault ticks once a minute, which starts it again, and it goes
// on with what is due: the idle grant is kept alive without a single request to the mount.
func TestRevivedByTick(t *testing.T) {
	t.Parallel()
	v, err := startDev("tick")
	if err != nil {
		t.Fatal("Vault dev server: ", err)
	}
	t.Cleanup(v.stop)
	l := newLabOn(t, v)
	l.run("vault write oauth/roles/identity keepalive_period=15s " + systemNamed("identity").role)
	l.read("oauth/creds/identity")
	l.kill()

	asked, killed := l.requestsToMount(), time.Now()
	if len(l.sandbox.next(l.sandbox.last(), 85*time.Second)) == 0 {
		t.Fatal("the idle grant was not refreshed within a tick and a keep-alive period")
	}
	t.Logf("kept alive %s after the plugin was killed", time.Since(killed).Round(time.Second))
	if n := l.requestsToMount() - asked; n != 0 {
		t.Errorf("%d requests to the mount: it may have been one of these that started the plugin", n)
	}
	l.wantKept("pingone", "identity")
}

// requestsToMount counts the requests to the mount that the audit log knows of.
func (l *lab) requestsToMount() int {
	l.t.Helper()
	text, err := os.ReadFile(auditLog(l.v.name))
	if err != nil {
		l.t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, `"type":"request"`) && strings.Contains(line, `"path":"oauth/`) {
			n++
		}
	}
	if n == 0 {
		l.t.Fatal("the audit log shows none of the requests that were made")
	}
	return n
}
