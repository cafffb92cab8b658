package oauthrefresh

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
)

// canary is in every secret of these tests. No log may hold it, and newTestBackend looks.
const canary = "canary-"

// fields are those of a request.
type fields map[string]any

// testBackend is one mount as Vault sees it: requests go through HandleExistenceCheck and
// HandleRequest, their fields through JSON as on the plugin's wire.
type testBackend struct {
	*backend
	t       testing.TB
	storage *faultyStorage
	system  *logical.StaticSystemView
	log     *logBuffer
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
	b.system = &logical.StaticSystemView{
		DefaultLeaseTTLVal: 768 * time.Hour, MaxLeaseTTLVal: 768 * time.Hour, // Vault's own
		ReplicationStateVal: consts.ReplicationDRDisabled | consts.ReplicationPerformanceDisabled,
		PluginEnvironment:   new(logical.PluginEnvironment), // for the OpenAPI document
	}
	made, err := Factory(t.Context(), &logical.BackendConfig{
		StorageView: storage, System: b.system, BackendUUID: "test",
		Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: b.log}),
	})
	if err != nil {
		t.Fatal(err)
	}
	b.backend = made.(*backend)
	t.Cleanup(func() {
		b.Cleanup(context.Background())
		if strings.Contains(b.log.String(), canary) {
			t.Errorf("the log holds a secret:\n%s", b.log)
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

// refused makes a request that must be a 400, and returns its sentence.
func (b *testBackend) refused(op logical.Operation, path string, f fields) string {
	b.t.Helper()
	resp, err := b.try(b.t.Context(), op, path, f)
	if err != nil {
		b.t.Fatalf("%s %s: %v, want an error response", op, path, err)
	}
	if !resp.IsError() {
		b.t.Fatalf("%s %s is not refused: %v", op, path, resp)
	}
	if status, _ := logical.RespondErrorCommon(&logical.Request{Operation: op}, resp, nil); status != 400 {
		b.t.Fatalf("%s %s: status %d", op, path, status)
	}
	return resp.Error().Error()
}

// rejects makes a request that must be refused in words that hold the wanted ones and no value of
// the request, and must leave storage as it was.
func (b *testBackend) rejects(op logical.Operation, path string, f fields, want string) {
	b.t.Helper()
	before := b.storage.contents(b.t)
	got := b.refused(op, path, f)
	if !strings.Contains(got, want) {
		b.t.Errorf("%s %s says %q, want %q", op, path, got, want)
	}
	if !maps.Equal(b.storage.contents(b.t), before) {
		b.t.Errorf("%s %s is refused and yet changed storage", op, path)
	}
	for _, value := range texts(throughJSON(f)) {
		if len(value) > 2 && strings.Contains(got+b.log.String(), value) {
			b.t.Errorf("%s %s repeats the value %.40q: %.400s", op, path, value, got)
		}
	}
}

// texts are all texts and numbers in a JSON value.
func texts(value any) (all []string) {
	switch value := value.(type) {
	case string:
		return []string{value}
	case json.Number:
		return []string{value.String()}
	case []any:
		for _, member := range value {
			all = append(all, texts(member)...)
		}
	case map[string]any:
		for _, member := range value {
			all = append(all, texts(member)...)
		}
	}
	return all
}

// errStatus is the HTTP status that Vault answers an error with: it looks at no wrapped error.
func errStatus(err error) int {
	if coded, ok := err.(logical.HTTPCodedError); ok {
		return coded.Code()
	}
	return 0
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
