package oauthrefresh

import (
	"context"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
)

// The values of state in status/<name>, from good to bad.
const (
	stateNew         = "new"         // never refreshed
	stateOK          = "ok"          // the last refresh succeeded
	stateFailing     = "failing"     // the last one failed, the grant is intact
	stateUnknown     = "unknown"     // the provider may have spent the refresh token
	stateUnpersisted = "unpersisted" // the last answer is in memory only
	stateBlocked     = "blocked"     // no refresh can be made before somebody writes something
	stateDead        = "dead"        // only a new refresh token helps
)

// state is the one word for a token entry.
func (b *backend) state(name string, r *role, tok *token, obstacle error) string {
	switch {
	case r.dead(tok):
		return stateDead
	case obstacle != nil:
		return stateBlocked
	case b.held.get(name) != nil:
		return stateUnpersisted
	case b.outcomeUnknown(name, tok):
		return stateUnknown
	case tok.Fault != nil:
		return stateFailing
	case tok.Generation == 0:
		return stateNew
	}
	return stateOK
}

// obstacle is why no refresh of a role could even be tried, as a sentence; nil when there is none: its
// provider was deleted or leads elsewhere, or the configuration forbids the host.
func obstacle(ctx context.Context, s logical.Storage, r *role) error {
	t, err := newTarget(ctx, s, r)
	if err == nil {
		err = t.checkOrigins()
	}
	if _, ok := asRefusal(err); ok {
		return err
	}
	return nil // storage's trouble is no trait of the role
}

// listOf keeps an empty list from being shown as null.
func listOf(names []string) []string { return append([]string{}, names...) }

// outcomeUnknown tells an exchange that ended without an answer from one that is under way.
func (b *backend) outcomeUnknown(name string, tok *token) bool {
	return tok.Intent != nil && (!tok.Intent.UnknownSince.IsZero() || !b.refreshes.busy(name))
}

// describe adds what is known of the token, without the token.
func (t *token) describe(data map[string]any) {
	if t.AccessToken.IsSet() {
		data["token_id"] = t.id()
		data["last_success"] = t.ObtainedAt.UTC().Format(time.RFC3339)
		data["expires_at"] = t.ExpiresAt.UTC().Format(time.RFC3339)
	}
	if t.RequestID != "" {
		data["last_success_request_id"] = t.RequestID
	}
	if !t.RefreshTokenExpiresAt.IsZero() {
		data["refresh_token_expires_at"] = t.RefreshTokenExpiresAt.UTC().Format(time.RFC3339)
	}
}

// describe adds the last failure and what to do about it.
func (f *fault) describe(data map[string]any, name string) {
	data["next_step"] = f.sentence(time.Now(), name)
	if f.Revoked {
		return // not an error: somebody wanted it
	}
	data["last_error_class"] = string(f.Class)
	data["last_error_at"] = f.At.UTC().Format(time.RFC3339)
	data["failures"] = f.Failures
	for field, value := range map[string]string{"last_error_code": f.Code, "last_error_request_id": f.RequestID} {
		if value != "" {
			data[field] = value
		}
	}
	if f.Status != 0 {
		data["last_error_status"] = f.Status
	}
	if f.Class != client.GrantRefused && !f.Until.IsZero() {
		data["backing_off_until"] = f.Until.UTC().Format(time.RFC3339)
	}
}
