package grant_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// reads counts the reads of what many grants share.
func reads(b *enginetest.Mount) *atomic.Int32 {
	n := new(atomic.Int32)
	b.Storage.OnGet(func(key string) error {
		if strings.HasPrefix(key, "provider/") || strings.HasPrefix(key, "pins/") || key == "config" {
			n.Add(1)
		}
		return nil
	})
	return n
}

// What many grants share is read once, and again after each write of it, whatever came of that.
func TestDefinitionsAreReadOnce(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	enginetest.NewGrant(server)
	b.WriteRole("r")
	b.Write("refresh/r", nil)
	n := reads(b)
	for range 3 {
		b.Write("refresh/r", nil)
	}
	if n.Load() != 0 {
		t.Errorf("%d reads by three refreshes", n.Load())
	}
	other := clienttest.New(t, clienttest.Options{})
	enginetest.NewGrant(other)
	b.Write("providers/test", enginetest.Fields{"token_endpoint": other.URL() + "/token"})
	if got := b.Data("status/r")["state"]; got != "blocked" {
		t.Errorf("of another endpoint the state is %v", got)
	}
	b.Write("providers/test", enginetest.Fields{"token_endpoint": server.URL() + "/token"})
	b.Storage.AfterPut(func(key string) error { // applied, and reported as failed
		if key == "config" {
			return enginetest.ErrDisk
		}
		return nil
	})
	_, _ = b.Try(t.Context(), logical.UpdateOperation, "config", enginetest.Fields{"allowed_hosts": "other.example"})
	if got := b.Data("status/r")["state"]; got != "blocked" {
		t.Errorf("of a forbidden host the state is %v", got)
	}
}

// A node that does not write remembers nothing: another may write meanwhile.
func TestNoDefinitionsAreRememberedElsewhere(t *testing.T) {
	b := enginetest.New(t)
	enginetest.NewEndpoint(t, b)
	b.WriteRole("r")
	b.Data("status/r")
	b.View.ReplicationStateVal = consts.ReplicationDRSecondary
	b.Backend.System().(*mount.SystemView).Replication = mount.Fresh[consts.ReplicationState]{} // a second later
	n := reads(b)
	for range 2 {
		if b.Data("status/r"); n.Swap(0) == 0 {
			t.Error("what is remembered is answered from")
		}
	}
}

// A definition that was written while it was read is not remembered as it was.
func TestADefinitionThatIsWrittenMeanwhile(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	enginetest.NewGrant(server)
	b.WriteRole("r")
	b.Grants.Forget("config")
	over := b.Grants.Over(&rewritten{b.Storage, func() {
		b.Write("config", enginetest.Fields{"allowed_hosts": "other.example"})
	}})
	if _, err := over.Get(t.Context(), "config"); err != nil {
		t.Fatal(err)
	}
	if got := b.Data("status/r")["state"]; got != "blocked" {
		t.Errorf("the state is %v", got)
	}
}

// rewritten is storage of which the configuration is written just after it was read.
type rewritten struct {
	logical.Storage
	write func()
}

func (s *rewritten) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	entry, err := s.Storage.Get(ctx, key)
	if write := s.write; write != nil {
		s.write = nil
		write()
	}
	return entry, err
}
