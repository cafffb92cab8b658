package chaos

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// patience bounds every wait: far more than anything here takes, so that a hang names its place.
const patience = time.Minute

// lane is one mount: its storage, the plugin process of the moment, and its grants at one provider.
type lane struct {
	t       *testing.T
	random  *rand.Rand
	storage *storage
	process *process
	logger  hclog.Logger
	grants  []*grant
	byRole  map[string]*grant
}

// newLane starts a mount with so many grants of each variant.
func newLane(t *testing.T, random *rand.Rand, each int) *lane {
	t.Helper()
	l := &lane{t: t, random: random, byRole: map[string]*grant{}}
	l.storage = &storage{trap: func(role string) *trap {
		if g := l.byRole[role]; g != nil {
			return g.armed()
		}
		return nil
	}}
	for _, v := range variants {
		for n := range each {
			g := &grant{role: fmt.Sprintf("%s-%d", v.name, n), variant: v}
			l.grants, l.byRole[g.role] = append(l.grants, g), g
		}
	}
	l.log()
	l.start()
	l.initialize()
	t.Cleanup(func() { l.process.stop() })
	l.configure()
	t.Cleanup(func() { // a failed test leaves traps, and everything waits for what sits in them
		for _, g := range l.grants {
			g.armed().open(true)
		}
	})
	return l
}

// log keeps what the plugin logs, and looks for secrets in it when the test ends.
func (l *lane) log() {
	file, err := os.CreateTemp(l.t.TempDir(), "log")
	if err != nil {
		l.t.Fatal(err)
	}
	l.logger = hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: file})
	l.t.Cleanup(func() {
		_, _ = file.Seek(0, io.SeekStart)
		text, err := io.ReadAll(file)
		if err != nil || strings.Contains(string(text), canary) {
			l.t.Errorf("the log holds a secret, or can't be read: %v", err)
		}
		if l.t.Failed() {
			l.t.Logf("the end of the plugin's log:\n%s", text[max(0, len(text)-20000):])
		}
		_ = file.Close()
	})
}

func (l *lane) start() {
	l.t.Helper()
	p, err := start(l.storage, l.logger)
	if err != nil {
		l.t.Fatalf("starting the plugin: %v", err)
	}
	l.process = p
}

func (l *lane) initialize() {
	l.t.Helper()
	if err := l.process.initialize(); err != nil {
		l.t.Fatalf("initialize: %v", err)
	}
}

func (l *lane) configure() {
	l.t.Helper()
	server := clienttest.New(l.t, clienttest.Options{})
	server.Handle(func(r *clienttest.Request) clienttest.Answer {
		return l.byRole[r.Form.Get("client_id")].answer(r)
	})
	l.write(logical.CreateOperation, "config", fields{"ca_certificate": string(clienttest.CAPEM())})
	for _, v := range variants {
		definition := fields{
			"token_endpoint": server.URL() + "/token", "token_endpoint_auth_method": "client_secret_post",
			"refresh_token_rotation": "always",
		}
		for name, value := range v.definition {
			definition[name] = value
		}
		l.write(logical.CreateOperation, "providers/"+v.name, definition)
	}
	for _, g := range l.grants {
		l.write(logical.CreateOperation, "roles/"+g.role, fields{
			"provider": g.variant.name, "client_id": g.role, "client_secret": canary + "secret", "refresh_token": g.renew(),
		})
	}
}

func (l *lane) write(op logical.Operation, path string, f fields) {
	l.t.Helper()
	if _, err := l.process.request(context.Background(), op, path, f); err != nil {
		l.t.Fatalf("writing %s: %v", path, err)
	}
}

// reauthorize gives a role whose grant is lost a new one.
func (l *lane) reauthorize(g *grant) {
	l.t.Helper()
	l.write(logical.UpdateOperation, "roles/"+g.role, fields{"refresh_token": g.renew()})
}

// status is status/<role>.
func (l *lane) status(g *grant) map[string]any {
	l.t.Helper()
	resp, err := l.process.request(context.Background(), logical.ReadOperation, "status/"+g.role, nil)
	if err != nil || resp == nil {
		l.t.Fatalf("status/%s: %v", g.role, err)
	}
	return resp.Data
}
