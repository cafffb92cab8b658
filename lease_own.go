package oauthrefresh

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

const revocationPrefix = "revocation/"

// revocation is an access token that ends with its lease, of a role with token_mode=per_lease. It is
// stored only when the provider could not be asked at once.
type revocation struct {
	Role        string    `json:"role"`
	Realm       string    `json:"realm"` // role.realm when the token was got
	AccessToken string    `json:"access_token"`
	ExpiresAt   time.Time `json:"expires_at"`
}

const (
	// revocationTimeout bounds the one try that a lease's end waits for.
	revocationTimeout = 5 * time.Second
	// awayDelay is how long no lease's end waits for a provider that has just failed one: Vault ends
	// the leases of a mount that is disabled one after the other.
	awayDelay = time.Minute
	// staleRevocation is how long after its end a token counts as ended: by a clock that is ahead for a while it
	// may seem to have, and to revoke one that has ended does no harm.
	staleRevocation = 25 * time.Hour
)

// errAway is for a revocation endpoint that has just failed and is not asked again so soon.
var errAway = errors.New("the revocation endpoint has just failed")

// ownCredentials is the answer of creds/<name> with a token that nobody else has. The lease knows
// whose it is.
func (b *backend) ownCredentials(name string, r *role, t terms, tok *token, now time.Time) (*logical.Response, error) {
	resp, err := b.credentials(t, tok, now)
	if err != nil {
		return nil, err
	}
	resp.Secret.InternalData["role"] = name
	resp.Secret.InternalData["realm"] = r.realm()
	resp.Secret.InternalData["expires_at"] = tok.ExpiresAt.UTC().Format(time.RFC3339)
	return resp, nil
}

// warnNoLease is said of refreshes that nobody reads.
const warnNoLease = "with token_mode=per_lease the token of this refresh belongs to no lease, so it is revoked at the provider within a minute or two"

// errSame is for a server that answers with a token that it has given before.
var errSame = refusal("the provider has handed out the access token again that it gave before, so it can't be ended without ending another lease's: " +
	"a token for each lease needs a server that makes a new one each time; write token_mode=shared to the role")

// assign gives a token that was just got an owner, if its role has one token for each lease: the reader who has
// asked for it or, where nobody has, the revocations to be made. One that the server has given before has an
// owner already.
func (b *backend) assign(s logical.Storage, name string, r *role, before, tok *token, d demand) error {
	if r.TokenMode != tokenModePerLease {
		return nil
	}
	if tok.AccessToken.Equal(before.AccessToken) {
		return errSame
	}
	end := revocation{Role: name, Realm: r.realm(), AccessToken: tok.AccessToken.Reveal(), ExpiresAt: tok.ExpiresAt}
	if d.end == nil {
		b.disown(s, &end)
		return nil
	}
	if b.work.ending() || b.vault.Tainted() {
		b.disown(s, &end) // no lease comes of it any more: the process ends, or the mount moves
		return errEnding
	}
	*d.end = end
	return nil
}

// disown stores a token that no lease will end, for catchUp to revoke; nil and one that never came are none.
func (b *backend) disown(s logical.Storage, r *revocation) {
	if r == nil || r.AccessToken == "" {
		return
	}
	stored := func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), storageTimeout)
		defer cancel()
		return b.putRevocation(ctx, s, r) == nil
	}
	if stored() {
		return
	}
	began := b.begin(func() {
		for delay := firstHoldDelay; b.work.wait(delay) && !stored(); {
			delay = min(2*delay, maxHoldDelay)
		}
	})
	if !began {
		b.Logger().Warn("a token that no lease owns could not be stored to be revoked, and lives to its end", "role", r.Role)
	}
}

func (b *backend) putRevocation(ctx context.Context, s logical.Storage, r *revocation) error {
	err := save(ctx, s, revocationPrefix+digest(r.AccessToken), r)
	b.pending.Store(true)
	return err
}

// revokeLease succeeds whatever the provider does, and for a shared token needs nothing: no role, no provider, no
// storage. Such a token is other readers' too, so ending one lease must not end it. An engine that
// fails here can't be disabled: Vault revokes every lease of a mount first. A token of the lease's
// own is revoked at the provider, now or, when that is away, as soon as it is back.
func (b *backend) revokeLease(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	r := &revocation{}
	r.Role, _ = req.Secret.InternalData["role"].(string)
	r.Realm, _ = req.Secret.InternalData["realm"].(string)
	r.AccessToken, _ = req.Data["access_token"].(string)
	expires, _ := req.Secret.InternalData["expires_at"].(string)
	r.ExpiresAt, _ = time.Parse(time.RFC3339, expires)
	if r.Role == "" || r.AccessToken == "" {
		return nil, nil
	}
	if b.revokeToken(ctx, req.Storage, r, clock.Now().Add(-awayDelay)) == nil {
		return nil, nil
	}
	err := b.putRevocation(ctx, req.Storage, r)
	if b.System().Tainted() {
		// The mount goes and its storage with it, or it moves and its storage stays. A disable must not wait for
		// storage that fails.
		return nil, nil
	}
	return nil, err
}

// revokeToken asks the provider once, unless its server has failed since the given time: one that hangs must
// not hold up the end of a mount with each lease of each role. A token that has ended by itself long ago counts as
// revoked, and so does one whose role is gone or belongs to another server or client now, which must not see it.
func (b *backend) revokeToken(ctx context.Context, s logical.Storage, r *revocation, since time.Time) error {
	if clock.Since(r.ExpiresAt) > staleRevocation {
		return nil
	}
	role, err := getRole(ctx, s, r.Role)
	if err != nil || role == nil || role.realm() != r.Realm {
		return err
	}
	tok, err := b.currentToken(ctx, s, r.Role, role)
	if err != nil {
		return err
	}
	t, err := newTarget(ctx, s, role)
	if err != nil {
		return err
	}
	origin, err := client.Origin(t.endpoints.Revocation)
	if err != nil {
		return err
	}
	if failed, ok := b.away.Load(origin); ok && failed.(time.Time).After(since) && clock.Since(failed.(time.Time)) >= 0 {
		return errAway
	}
	t.options.Timeout = min(t.options.Timeout, revocationTimeout)
	err = t.revokes(ctx, tok, client.NewSecret(r.AccessToken), client.HintAccessToken)
	if e, ok := errors.AsType[*client.Error](err); ok && e.Class != client.ClientRefused {
		b.away.Store(origin, clock.Now())
	}
	return err
}

// catchUp makes the revocations that could not be made at once. A server that is still away costs one
// try, and so does a role that is refused; the rest waits for the next time, which begins after the first that
// has failed.
func (b *backend) catchUp(ctx context.Context, s logical.Storage) error {
	if !b.pending.Load() || !b.mayTend() {
		return nil
	}
	b.pending.Store(false) // before the look
	keys, err := s.List(ctx, revocationPrefix)
	if err != nil {
		b.pending.Store(true)
		return err
	}
	if i := slices.Index(keys, b.stuck); i >= 0 {
		keys = slices.Concat(keys[i+1:], keys[:i+1]) // one that can't be made must not keep the others from it
	}
	began, failed := clock.Now(), map[string]bool{}
	for _, key := range keys {
		if b.work.ending() {
			return nil
		}
		r := new(revocation)
		if ok, err := load(ctx, s, revocationPrefix+key, r); err != nil || !ok || failed[r.Role] {
			continue
		}
		if b.revokeToken(ctx, s, r, began) != nil {
			if len(failed) == 0 {
				b.stuck = key
			}
			failed[r.Role] = true
		} else if err := s.Delete(ctx, revocationPrefix+key); err != nil {
			return err
		}
	}
	if len(keys) > 0 {
		b.pending.Store(true)
	}
	return nil
}
