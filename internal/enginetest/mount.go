package enginetest

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

	oauthrefresh "vault-plugin-secrets-oauthrefresh"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/schedule"
)

// Canary is in every secret of these tests. No log may hold it, and New looks.
const Canary = "canary-"

// Fields are those of a request.
type Fields map[string]any

// Mount is one mount as Vault sees it: requests go through HandleExistenceCheck and
// HandleRequest, their fields through JSON as on the plugin's wire.
type Mount struct {
	logical.Backend
	Grants   *grant.Keeper
	Schedule *schedule.Schedule
	T        testing.TB
	Storage  *Storage
	View     *logical.StaticSystemView
	Log      *logBuffer
	Events   *Events
	People   *People
	Who      string // the entity that makes the requests, "" for a token of none
}

// New starts a mount that ends with the test.
func New(t testing.TB) *Mount {
	t.Helper()
	return NewOn(t, new(Storage))
}

// NewOn starts a mount over storage that another one may have written: what a reload, a
// failover or a crash leaves.
func NewOn(t testing.TB, storage *Storage) *Mount {
	t.Helper()
	b := &Mount{T: t, Storage: storage, Log: new(logBuffer), Events: new(Events)}
	b.View = &logical.StaticSystemView{
		DefaultLeaseTTLVal: 768 * time.Hour, MaxLeaseTTLVal: 768 * time.Hour, // Vault's own
		ReplicationStateVal: consts.ReplicationDRDisabled | consts.ReplicationPerformanceDisabled,
		PluginEnvironment:   new(logical.PluginEnvironment), // for the OpenAPI document
	}
	b.People = &People{StaticSystemView: b.View, known: map[string]*logical.Entity{}}
	made, err := oauthrefresh.Factory(t.Context(), &logical.BackendConfig{
		StorageView: storage, System: b.People, BackendUUID: "test", EventsSender: b.Events,
		Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: b.Log}),
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Backend = made
	b.Grants, b.Schedule = oauthrefresh.Rooms(made)
	t.Cleanup(func() {
		b.Cleanup(context.Background())
		if log := b.Log.String(); strings.Contains(log, Canary) || holdsPrivateKey(log) {
			t.Errorf("the log holds a secret:\n%s", log)
		}
		for _, e := range b.Events.Taken() {
			if text := Plain(e.Data); strings.Contains(text, Canary) || holdsPrivateKey(text) {
				t.Errorf("an event holds a secret: %s", text)
			}
		}
	})
	return b
}

// In is the same mount for a subtest.
func (b *Mount) In(t testing.TB) *Mount {
	c := *b
	c.T = t
	return &c
}

// Route is the path that takes a request.
func (b *Mount) Route(path string) *framework.Path {
	return b.Backend.(interface {
		Route(string) *framework.Path
	}).Route(path)
}

// Try makes a request. It may be called from any goroutine. An UpdateOperation becomes a
// CreateOperation where there is nothing yet, as in Vault.
func (b *Mount) Try(ctx context.Context, op logical.Operation, path string, f Fields) (*logical.Response, error) {
	req := &logical.Request{Operation: op, Path: path, MountPoint: "oauth/", Storage: b.Storage, Data: ThroughJSON(f)}
	if req.DisplayName = "token"; b.Who != "" {
		req.EntityID, req.DisplayName = EntityID(b.Who), "userpass-"+b.Who
	}
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

// ThroughJSON is what the plugin's wire makes of fields: numbers become json.Number.
func ThroughJSON(f Fields) map[string]any {
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

// Do makes a request that must succeed.
func (b *Mount) Do(op logical.Operation, path string, f Fields) *logical.Response {
	b.T.Helper()
	resp, err := b.Try(b.T.Context(), op, path, f)
	if err != nil {
		b.T.Fatalf("%s %s: %v", op, path, err)
	}
	if resp.IsError() {
		b.T.Fatalf("%s %s is refused: %v", op, path, resp.Error())
	}
	return resp
}

// Read reads a path, which must succeed.
func (b *Mount) Read(path string) *logical.Response {
	b.T.Helper()
	return b.Do(logical.ReadOperation, path, nil)
}

// Write writes to a path, which must succeed.
func (b *Mount) Write(path string, f Fields) *logical.Response {
	b.T.Helper()
	return b.Do(logical.UpdateOperation, path, f)
}

// Patch patches a path, which must succeed.
func (b *Mount) Patch(path string, f Fields) *logical.Response {
	b.T.Helper()
	return b.Do(logical.PatchOperation, path, f)
}

// Delete deletes a path, which must succeed.
func (b *Mount) Delete(path string) {
	b.T.Helper()
	b.Do(logical.DeleteOperation, path, nil)
}

// List returns the keys.
func (b *Mount) List(path string) []string {
	b.T.Helper()
	keys, _ := b.Do(logical.ListOperation, path, nil).Data["keys"].([]string)
	return keys
}

// Data is what a read answers, which must be something.
func (b *Mount) Data(path string) map[string]any {
	b.T.Helper()
	resp := b.Read(path)
	if resp == nil {
		b.T.Fatalf("there is nothing at %s", path)
	}
	return resp.Data
}

// logBuffer collects what is logged.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String is all that was logged.
func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

const (
	ReadOp   = logical.ReadOperation
	WriteOp  = logical.UpdateOperation
	PatchOp  = logical.PatchOperation
	DeleteOp = logical.DeleteOperation
)

// Request names one operation on one path.
type Request struct {
	Op   logical.Operation
	Path string
}

// NewMount is a mount with one role, r, that has been read.
func NewMount(t *testing.T) *Mount {
	b := New(t)
	NewGrant(NewEndpoint(t, b)).KeepRefreshToken = true
	b.WriteRole("r")
	b.Read("creds/r")
	return b
}
