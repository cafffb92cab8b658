package oauthrefresh_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/index"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// manyRoles is a large mount.
const manyRoles = 100_000

// A role that is planned anew among very many.
func BenchmarkPlanned(b *testing.B) {
	q := index.New()
	for i := range manyRoles {
		q.Set(grant.Key(fmt.Sprint("role", i)), time.Now().Add(time.Hour+time.Duration(i)*time.Millisecond))
	}
	for i := 0; b.Loop(); i++ {
		q.Set(grant.Key(fmt.Sprint("role", i%manyRoles)), time.Now().Add(2*time.Hour))
	}
}

// One role's lock, handed from waiter to waiter.
func BenchmarkLockHandOver(b *testing.B) {
	var k mount.Locks
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			unlock, err := k.Lock(context.Background(), "r")
			if err != nil {
				b.Error(err)
				return
			}
			unlock()
		}
	})
}

// What a warm read costs in the engine; the rest of it is Vault's.
func BenchmarkWarmRead(b *testing.B) {
	m := enginetest.New(b)
	enginetest.NewGrant(enginetest.NewEndpoint(b, m))
	m.WriteRole("r")
	m.Read("creds/r")
	warmReads(b, m, &logical.Request{Path: "creds/r"})
}

// The same of a grant that belongs to one of a role's owners, who reads it or is named by a broker.
func BenchmarkWarmReadOfAnOwner(b *testing.B) {
	p := enginetest.NewPerPerson(b)
	p.By("alice").Brings("people", "alice")
	p.Brings("people/carol", "carol")
	for name, req := range map[string]*logical.Request{
		"own":   {Path: "creds/people", EntityID: enginetest.EntityID("alice")},
		"named": {Path: "creds/people/carol"},
	} {
		b.Run(name, func(b *testing.B) { warmReads(b, p.Mount, req) })
	}
}

func warmReads(b *testing.B, m *enginetest.Mount, req *logical.Request) {
	b.Helper()
	req.Operation, req.MountPoint, req.Storage = logical.ReadOperation, "oauth/", m.Storage
	for b.Loop() {
		one := *req
		if resp, err := m.HandleRequest(b.Context(), &one); err != nil || resp.IsError() {
			b.Fatal(resp, err)
		}
	}
}
