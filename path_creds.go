package oauthrefresh

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vault-plugin-secrets-oauthrefresh/internal/clock"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

func pathCreds(b *backend) *framework.Path {
	return &framework.Path{
		Pattern:      "creds/" + namePattern,
		DisplayAttrs: display("credentials"),
		Fields: map[string]*framework.FieldSchema{
			"name":    {Type: framework.TypeString, Description: "Name of the role, from the path."},
			"min_ttl": {Type: framework.TypeDurationSecond, Description: "The least that must be left of the token, at most nine tenths of its life; it is refreshed if need be."},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: writing(b.pathCredsRead, "generate", "Get an access token."),
			// Vault Agent and the Secrets Operator send PUT when a template gives parameters.
			logical.UpdateOperation: writing(b.pathCredsRead, "generate-from-parameters", "Get an access token that lives at least as long as asked for."),
		},
		HelpSynopsis: "Get an access token of a role.",
		HelpDescription: `Answers with the access token at hand, or refreshes it first when little of its life is left. The
lease ends shortly before the token does, can't be renewed, and may be revoked without harm to
other readers of the same token. Besides access_token, token_type, scope and expires_at the answer
has generation, which counts the refreshes, token_id, a digest to find this token in logs, and the
extra fields that the provider hands on, such as instance_url. Where the token is of use only with
the role's client certificate, because it is bound to it (cnf.x5t#S256, RFC 8705) or because the
provider's API wants to see it (api_requires_certificate), client_certificate_required is true and
client_certificate_fingerprint names the certificate: the SHA-256 of its DER in hex, as roles/<name>
and identity/<name> show it.`,
	}
}

// pathCredsRead serves the token at hand without any lock, and leaves the rest to refresh.
func (b *backend) pathCredsRead(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name := d.Get("name").(string)
	want := demand{minTTL: time.Duration(d.Get("min_ttl").(int)) * time.Second}
	if resp := b.recall(name, want); resp != nil {
		return resp, nil
	}
	seen := b.memory.begin(name)
	defer b.memory.end(name, seen)
	r, p, tok, err := b.lookUp(ctx, req.Storage, name)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return answerError(errNoRole)
	}
	seen.role, seen.provider, seen.token = r, p, tok
	want.seen = seen
	t := newTerms(r, p)
	if want.own = r.TokenMode == tokenModePerLease; want.own {
		want.end = new(revocation)
	}
	due, err := t.due(tok, want, clock.Now())
	if err != nil {
		return answerError(err)
	}
	if gap := t.gap(tok, clock.Now()); !due && gap > 0 {
		if due = sleep(ctx, gap); !due {
			return nil, errBusy
		}
	}
	if due {
		wait, cancel := t.patience(ctx, tok, want)
		defer cancel()
		resp, err := b.refreshAndServe(wait, req.Storage, name, want)
		if wait.Err() == nil || ctx.Err() != nil || !errors.Is(err, errBusy) {
			return resp, err
		}
		// The refresh goes on, and what it brings is there for the next reader.
	}
	b.noteRead(name, r, p, tok)
	resp, err := b.credentials(t, tok, clock.Now())
	switch {
	case err != nil:
	case r.dead(tok):
		// The next refresh can't succeed, and whoever reads this token is the first to suffer.
		text := tok.Fault.sentence(clock.Now(), name)
		if !tok.Fault.corrected {
			text = "there will be no token after this one: " + text
		}
		resp.AddWarning(text)
	default:
		b.remember(name, seen, t, tok)
	}
	return resp, err
}

// sleep tells whether a time has passed before the context has ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// ending is how long a reader waits for the end of a token that the provider gives out until then.
func (t *token) ending(want demand) time.Duration {
	if t == nil || want.own || want.minTTL > minLease {
		return 0
	}
	return t.Fault.ends(clock.Now())
}

// maxPatience is how long a reader waits for a new token while the one at hand would do. Most
// refreshes take a fraction of it; those that take longer have a provider in trouble.
const maxPatience = 2 * time.Second

// patience bounds a reader's wait where the token at hand is good enough, and outlives the refresh.
func (t terms) patience(ctx context.Context, tok *token, want demand) (context.Context, context.CancelFunc) {
	if want.own || t.invalidates || t.usable(tok, clock.Now()) < max(want.minTTL, minLease)+maxPatience {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, maxPatience)
}

// refreshAndServe answers with a new token or, when there is none to be had, with the old one and
// a warning for as long as it can be used.
func (b *backend) refreshAndServe(ctx context.Context, s logical.Storage, name string, want demand) (*logical.Response, error) {
	tok, failure := b.refresh(ctx, s, name, want)
	if left := tok.ending(want); left > 0 {
		if !sleep(ctx, left) {
			return nil, errBusy
		}
		tok, failure = b.refresh(ctx, s, name, want)
	}
	resp, err := b.serve(ctx, s, name, want, tok, failure)
	if tok == nil || !want.own {
		return resp, err
	}
	if err == nil && ctx.Err() != nil {
		resp, err = nil, errBusy // nobody is there to make a lease of it
	}
	if err != nil || resp.IsError() {
		b.disown(s, want.end)
	}
	return resp, err
}

// serve answers with what a refresh has brought.
func (b *backend) serve(ctx context.Context, s logical.Storage, name string, want demand, tok *token, failure error) (*logical.Response, error) {
	if errors.Is(failure, logical.ErrReadOnly) {
		return nil, logical.ErrReadOnly
	}
	if tok == nil {
		return answerError(failure) // the caller's time is over, or the mount's
	}
	// Role and provider may have been written while the provider was asked.
	r, p := want.seen.role, want.seen.provider
	if b.memory.edited(want.seen) {
		var err error
		if r, p, _, err = b.lookUp(ctx, s, name); err != nil {
			return nil, err
		}
	}
	if r == nil {
		return answerError(errNoRole)
	}
	t, now := newTerms(r, p), clock.Now()
	if tok.GrantID != "" && tok.GrantID != r.GrantID || failure == nil && !t.isOf(tok) {
		// What came, token or refusal, is of another grant or scope than the role's as it is now.
		return nil, errMovedOn
	}
	switch {
	case failure != nil && !t.serves(tok, want, now):
		return answerError(failure)
	case failure != nil:
		if p != nil && !r.dead(tok) {
			t.retry = later(now, r.timing(p, tok, now).may)
		}
		resp, err := b.credentials(t, tok, now)
		if err != nil {
			return answerError(failure)
		}
		resp.AddWarning(fmt.Sprintf("this token is served until it ends, because it could not be refreshed: %v; see status/%s", failure, name))
		return resp, nil
	}
	if err := t.reachable(tok, want); err != nil {
		return answerError(err)
	}
	if tok.Fault != nil { // it came, and is of no use: see tooShort
		return answerError(tok.Fault.error(now, name))
	}
	if want.own {
		return b.ownCredentials(name, r, t, tok, now)
	}
	b.noteRead(name, r, p, tok)
	return b.credentials(t, tok, now)
}
