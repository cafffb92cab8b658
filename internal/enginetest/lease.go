package enginetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
)

// WantCertificate reads creds/r as a refresh, storage and memory answer it, and wants the three to name the same
// certificate and to warn alike.
func (b *Mount) WantCertificate(required, fingerprint any, warning string) {
	b.T.Helper()
	answers := map[string]*logical.Response{"first": b.Read("creds/r"), "second": b.Read("creds/r")}
	if n := b.Gets(func() { answers["warm"] = b.Read("creds/r") }); n != 0 {
		b.T.Errorf("a warm read looks into storage %d times", n)
	}
	for which, resp := range answers {
		if got := resp.Data["client_certificate_required"]; got != required {
			b.T.Errorf("%s: required is %v, want %v", which, got, required)
		}
		if got := resp.Data["client_certificate_fingerprint"]; got != fingerprint {
			b.T.Errorf("%s: the fingerprint is %v, want %v", which, got, fingerprint)
		}
		if got := strings.Join(resp.Warnings, "\n"); !strings.Contains(got, warning) || warning == "" && got != "" {
			b.T.Errorf("%s: warned of %q, want %q", which, got, warning)
		}
	}
}

// RevokesOnly catches up with revocations, which must be asked of the provider for exactly these tokens from
// now on.
func (b *Mount) RevokesOnly(server *clienttest.Server, want ...any) {
	b.T.Helper()
	n := len(server.Requests())
	if err := b.Grants.CatchUp(b.T.Context(), b.Grants.Over(b.Storage)); err != nil {
		b.T.Fatal(err)
	}
	var got []any
	for _, r := range server.Requests()[n:] {
		if r.Path == "/revoke" {
			got = append(got, r.Form.Get("token"))
		}
	}
	if !slices.Equal(got, want) {
		b.T.Errorf("revoked are %q, want %q", got, want)
	}
	if left, _ := b.Storage.List(b.T.Context(), grant.RevocationPrefix); len(left) != 0 {
		b.T.Errorf("%d revocations are left", len(left))
	}
}

// Stops ends the mount, and all that it does.
func (b *Mount) Stops() { b.Cleanup(context.Background()) }

// OwnRole is a role whose leases have a token each, and its provider.
func OwnRole(t *testing.T) (*Mount, *clienttest.Server) {
	b := New(t)
	server := NewEndpoint(t, b, Fields{"refresh_token_rotation": "never"})
	var n atomic.Int64
	server.Handle(func(r *clienttest.Request) clienttest.Answer {
		if strings.HasSuffix(r.Path, "/revoke") {
			return clienttest.Answer{Status: 200}
		}
		return TokenAnswer(fmt.Sprint(Canary, "own-", n.Add(1)), "")
	})
	b.WriteRole("r", Fields{"token_mode": "per_lease"})
	return b, server
}

// EndLease ends a lease as Vault does: with what the lease kept.
func (b *Mount) EndLease(resp *logical.Response) error {
	b.T.Helper()
	secret := *resp.Secret
	_, err := b.HandleRequest(b.T.Context(), &logical.Request{
		Operation: logical.RevokeOperation, Path: "creds/r", Storage: b.Storage, Secret: &secret, Data: ThroughJSON(resp.Data),
	})
	return err
}

// NewWarm is a mount whose role r has a token that readers have had.
func NewWarm(t *testing.T) (*Mount, *clienttest.Server) {
	t.Helper()
	b := New(t)
	server := NewEndpoint(t, b)
	NewGrant(server)
	b.WriteRole("r")
	b.Read("creds/r")
	return b, server
}

// Gets counts the reads of storage while f runs.
func (b *Mount) Gets(f func()) int64 {
	var n atomic.Int64
	b.Storage.OnGet(func(string) error { n.Add(1); return nil })
	defer b.Storage.OnGet(nil)
	f()
	return n.Load()
}
