package chaos

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
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
	kinds   []*variant
	server  *clienttest.Server
	from    *build
	env     []string     // of the plugin
	serving sync.RWMutex // read-locked by each request at the provider
}

// newLane starts a mount with so many grants of each variant, whose access tokens live so many
// seconds. The number tells it from other lanes of the same seed.
func newLane(t *testing.T, number uint64, each, lifetime int) *lane {
	t.Helper()
	return newLaneOf(t, number, variants, each, lifetime, &binary)
}

// newMixedLane is newLane with owners' grants among the others: see owned.
func newMixedLane(t *testing.T, number uint64, each, lifetime int) *lane {
	t.Helper()
	l := laneOf(t, number, variants, each, lifetime, &binary)
	l.owned()
	l.open()
	return l
}

// newLaneOf is newLane for other variants than the usual ones, or another plugin.
func newLaneOf(t *testing.T, number uint64, kinds []*variant, each, lifetime int, from *build, env ...string) *lane {
	t.Helper()
	l := laneOf(t, number, kinds, each, lifetime, from, env...)
	l.open()
	return l
}

// laneOf is a lane with its grants, before anything of it runs.
func laneOf(t *testing.T, number uint64, kinds []*variant, each, lifetime int, from *build, env ...string) *lane {
	l := &lane{t: t, random: rand.New(rand.NewPCG(*seed, number)), storage: &storage{grants: map[string]*grant{}}, kinds: kinds, from: from, env: env}
	for _, v := range kinds {
		for n := range each {
			name := fmt.Sprintf("%s-%d", v.name, n)
			g := &grant{name: name, role: name, variant: v, lifetime: lifetime}
			l.grants = append(l.grants, g)
			l.storage.grants[g.key()] = g
		}
	}
	return l
}

// open starts the plugin, and writes what it needs.
func (l *lane) open() {
	l.t.Helper()
	l.log()
	l.start()
	l.t.Cleanup(func() { l.process.stop() })
	l.initialize()
	l.configure()
	l.t.Cleanup(func() { // a failed test leaves traps, and everything waits for what sits in them
		l.release(true)
	})
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
	p, err := start(l.storage, l.logger, l.from, l.env...)
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

// within is a random time up to the one given.
func (l *lane) within(most time.Duration) time.Duration {
	return time.Duration(l.random.Int64N(int64(most)))
}

// settle waits until the provider has dealt with what it has received.
func (l *lane) settle() {
	l.serving.Lock()
	defer l.serving.Unlock()
}

// each runs something for every grant at once.
func (l *lane) each(f func(*grant)) {
	var all sync.WaitGroup
	for _, g := range l.grants {
		all.Go(func() { f(g) })
	}
	all.Wait()
}

// status is status/<role>.
func (l *lane) status(g *grant) map[string]any {
	resp, err := l.process.ask(context.Background(), logical.ReadOperation, "status", g, nil)
	if err != nil || resp == nil {
		l.t.Errorf("status/%s: %v", g.path(), err)
		return map[string]any{}
	}
	return resp.Data
}
