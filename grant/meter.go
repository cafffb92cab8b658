package grant

import (
	"context"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/mount"
)

// Meter counts what a keeper does. It must not block: it is called under locks.
type Meter interface {
	// Refreshed counts one request to a token endpoint that was made for a refresh: the provider, the class of its error or
	// OutcomeSuccess, and how long it took.
	Refreshed(provider, outcome string, took time.Duration)
	// Read counts one read of creds, by one of the From constants.
	Read(source string)
}

// OutcomeSuccess is the outcome of a refresh that brought a token.
const OutcomeSuccess = "success"

// The sources of a read's answer.
const (
	FromMemory  = "memory"
	FromStorage = "storage"
	FromRefresh = "refresh"
	FromNothing = "failed" // there is no token to answer with
)

// Outcomes are the values of outcome that Refreshed is called with.
var Outcomes = []string{OutcomeSuccess, "not_processed", "outcome_unknown", "client_refused", "grant_refused"}

// unmetered counts nothing.
type unmetered struct{}

// Refreshed implements Meter.
func (unmetered) Refreshed(string, string, time.Duration) {}

// Read implements Meter.
func (unmetered) Read(string) {}

// HeldAnswers is how many answers storage has refused so far: they are in memory only.
func (k *Keeper) HeldAnswers() int { return k.Held.count() }

// PendingRevocations is how many tokens of ended leases are still to be revoked. The error is storage's.
func (k *Keeper) PendingRevocations(ctx context.Context, s logical.Storage) (int, error) {
	if !k.Pending.Load() {
		return 0, nil
	}
	keys, err := s.List(ctx, RevocationPrefix)
	return len(keys), mount.StorageError(err)
}
