package oauthrefresh

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/schedule"
)

// canary is in every secret of these tests. No log may hold it, and newTestBackend looks.
const canary = "canary-"

// fields are those of a request.
type fields map[string]any

// testBackend is one mount as Vault sees it: requests go through HandleExistenceCheck and
// HandleRequest, their fields through JSON as on the plugin's wire.
type testBackend struct {
	logical.Backend
	grants   *grant.Keeper
	schedule *schedule.Schedule
	t        testing.TB
	storage  *faultyStorage
	view     *logical.StaticSystemView
	log      *logBuffer
}

// newTestBackend starts a mount that ends with the test.
func newTestBackend(t testing.TB) *testBackend {
	t.Helper()
	return newTestBackendOn(t, new(faultyStorage))
}

// newTestBackendOn starts a mount over storage that another one may have written: what a reload, a
// failover or a crash leaves.
func newTestBackendOn(t testing.TB, storage *faultyStorage) *testBackend {
	t.Helper()
	b := &testBackend{t: t, storage: storage, log: new(logBuffer)}
	b.view = &logical.StaticSystemView{
		DefaultLeaseTTLVal: 768 * time.Hour, MaxLeaseTTLVal: 768 * time.Hour, // Vault's own
		ReplicationStateVal: consts.ReplicationDRDisabled | consts.ReplicationPerformanceDisabled,
		PluginEnvironment:   new(logical.PluginEnvironment), // for the OpenAPI document
	}
	made, err := Factory(t.Context(), &logical.BackendConfig{
		StorageView: storage, System: b.view, BackendUUID: "test",
		Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: b.log}),
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Backend = made
	b.grants, b.schedule = Rooms(made)
	t.Cleanup(func() {
		b.Cleanup(context.Background())
		if log := b.log.String(); strings.Contains(log, canary) || holdsPrivateKey(log) {
			t.Errorf("the log holds a secret:\n%s", log)
		}
	})
	return b
}

// in is the same mount for a subtest.
func (b *testBackend) in(t testing.TB) *testBackend {
	c := *b
	c.t = t
	return &c
}

// route is the path that takes a request.
func (b *testBackend) route(path string) *framework.Path {
	return b.Backend.(interface {
		Route(string) *framework.Path
	}).Route(path)
}

// try makes a request. It may be called from any goroutine. An UpdateOperation becomes a
// CreateOperation where there is nothing yet, as in Vault.
func (b *testBackend) try(ctx context.Context, op logical.Operation, path string, f fields) (*logical.Response, error) {
	req := &logical.Request{Operation: op, Path: path, MountPoint: "oauth/", Storage: b.storage, Data: throughJSON(f)}
	if op == logical.UpdateOperation {
		checked, exists, err := b.HandleExistenceCheck(ctx, req)
		if err != nil {
			return nil, err
		}
		if checked && !exists {
			req.Operation = logical.CreateOperation
		}
	}
	return b.HandleRequest(ctx, req)
}

// throughJSON is what the plugin's wire makes of fields: numbers become json.Number.
func throughJSON(f fields) map[string]any {
	text, err := json.Marshal(f)
	if err != nil {
		panic(err) // fields of tests are JSON
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	data := map[string]any{}
	if err := decoder.Decode(&data); err != nil {
		panic(err)
	}
	return data
}

// do makes a request that must succeed.
func (b *testBackend) do(op logical.Operation, path string, f fields) *logical.Response {
	b.t.Helper()
	resp, err := b.try(b.t.Context(), op, path, f)
	if err != nil {
		b.t.Fatalf("%s %s: %v", op, path, err)
	}
	if resp.IsError() {
		b.t.Fatalf("%s %s is refused: %v", op, path, resp.Error())
	}
	return resp
}

func (b *testBackend) read(path string) *logical.Response {
	b.t.Helper()
	return b.do(logical.ReadOperation, path, nil)
}

func (b *testBackend) write(path string, f fields) *logical.Response {
	b.t.Helper()
	return b.do(logical.UpdateOperation, path, f)
}

func (b *testBackend) patch(path string, f fields) *logical.Response {
	b.t.Helper()
	return b.do(logical.PatchOperation, path, f)
}

func (b *testBackend) delete(path string) {
	b.t.Helper()
	b.do(logical.DeleteOperation, path, nil)
}

// list returns the keys.
func (b *testBackend) list(path string) []string {
	b.t.Helper()
	keys, _ := b.do(logical.ListOperation, path, nil).Data["keys"].([]string)
	return keys
}

// data is what a read answers, which must be something.
func (b *testBackend) data(path string) map[string]any {
	b.t.Helper()
	resp := b.read(path)
	if resp == nil {
		b.t.Fatalf("there is nothing at %s", path)
	}
	return resp.Data
}

// logBuffer collects what is logged.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
