package authorize

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// Prefix begins the storage keys of consents: consent/<digest of the role>/<digest of the state>. The state is never
// stored, so that nobody who reads storage could finish what another began.
const Prefix = "consent/"

// The values of state in authorize/<role>.
const (
	StateBegun      = "begun"      // nobody has agreed yet
	StateExchanging = "exchanging" // the code is being exchanged; found after a restart, its answer is lost
	StateGranted    = "granted"    // waits for confirm/<role>
	StateFailed     = "failed"     // see Reason
)

// Consent is one that was begun. Its part that is no secret is stored as it is.
type Consent struct {
	Grant   grant.Key `json:"role"`
	Caller  string    `json:"caller"`
	BeganBy string    `json:"began_by"`
	BeganAt time.Time `json:"began_at"`
	// ExpiresAt ends what it waits for: first that somebody agrees, then that the caller confirms.
	ExpiresAt time.Time `json:"expires_at"`
	State     string    `json:"state"`
	Reason    string    `json:"reason,omitempty"` // why it has failed, a sentence of ours

	Provider string `json:"provider"`
	Realm    string `json:"realm"` // of the role, see role.Role.Realm: the client that was agreed to
	Scope    string `json:"scope,omitempty"`
	// RedirectURI is that of the request; Own tells that it is the mount's own callback. None with the device flow.
	RedirectURI string `json:"redirect_uri,omitempty"`
	Own         bool   `json:"own,omitempty"`
	Nonce       string `json:"nonce,omitempty"`

	// GrantID and IdempotencyKey are made before the exchange.
	GrantID        string `json:"grant_id,omitempty"`
	IdempotencyKey string `json:"idempotency_key,omitempty"`
	// Proof is the digest of the confirmation code; Wrong counts the codes that were wrong.
	Proof           string `json:"proof,omitempty"`
	Wrong           int    `json:"wrong,omitempty"`
	Account         string `json:"account,omitempty"`
	AccountVerified bool   `json:"account_verified,omitempty"`
	// AccountClaimed tells that nobody but whoever agreed has said so: a parameter of the callback, or an address that
	// the provider has not verified.
	AccountClaimed bool              `json:"account_claimed,omitempty"`
	Identified     bool              `json:"identified,omitempty"` // an ID token came
	Callback       map[string]string `json:"callback,omitempty"`   // see client.Consent
	LoginHint      string            `json:"login_hint,omitempty"`
	// Starts tells that the browser begins at start/, where the request is pushed (RFC 9126), and Pushes how often it was.
	// Start is the storage key of that consent in each that was pushed: they are parts of what was begun once.
	Starts bool   `json:"starts,omitempty"`
	Pushes int    `json:"pushes,omitempty"`
	Start  string `json:"start,omitempty"`
	// Device is what a person is shown of RFC 8628, nil with an authorization code.
	Device *Device `json:"device,omitempty"`

	CodeVerifier client.Secret `json:"-"`
	DeviceCode   client.Secret `json:"-"`
	IDToken      client.Secret `json:"-"` // one that could not be verified yet
	First        *grant.State  `json:"-"` // what the exchange has brought

	at string // its storage key
}

// Device is what a person does in the device flow, and how often the provider is asked.
type Device struct {
	UserCode                string        `json:"user_code"`
	VerificationURI         string        `json:"verification_uri"`
	VerificationURIComplete string        `json:"verification_uri_complete,omitempty"`
	Interval                time.Duration `json:"interval"`
}

// entry is a consent as it is stored, secrets in plain strings: its prefix is one of those that Vault seals once more.
type entry struct {
	*Consent
	CodeVerifier string          `json:"code_verifier,omitempty"`
	DeviceCode   string          `json:"device_code,omitempty"`
	IDToken      string          `json:"id_token,omitempty"`
	First        json.RawMessage `json:"first,omitempty"`
}

// newState makes the state of an authorization request: where the consents of its role are, and 256 bits that nobody
// can guess, so that one look into storage tells whether a callback is one of ours.
func newState(key grant.Key) string {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	return directory(key) + base64.RawURLEncoding.EncodeToString(secret)
}

// directory names a role's consents without naming the role.
func directory(key grant.Key) string { return mount.Digest("consents of", string(key)) }

// placeOf is the storage key of the consent with a state, "" for what can't be a state.
func placeOf(state string) string {
	const directory, secret = 32, 43
	if len(state) != directory+secret {
		return ""
	}
	if _, err := hex.DecodeString(state[:directory]); err != nil {
		return ""
	}
	if _, err := base64.RawURLEncoding.Strict().DecodeString(state[directory:]); err != nil {
		return ""
	}
	sum := sha256.Sum256([]byte(state))
	return Prefix + state[:directory] + "/" + hex.EncodeToString(sum[:])
}

// get returns the consent at a storage key: what is held in memory because storage has refused it, else what is stored;
// nil for none.
func (c *Consents) get(ctx context.Context, s logical.Storage, at string) (*Consent, error) {
	if held := c.held.get(at); held != nil {
		return new(*held), nil
	}
	return Get(ctx, s, at)
}

// Get returns the consent that is stored at a key, nil for none. The error is storage's, or a mount.DamagedError.
func Get(ctx context.Context, s logical.Storage, at string) (*Consent, error) {
	e := &entry{Consent: &Consent{at: at}}
	ok, err := mount.Load(ctx, s, at, e)
	if err != nil || !ok {
		return nil, err
	}
	con := e.Consent
	con.CodeVerifier, con.DeviceCode, con.IDToken = client.NewSecret(e.CodeVerifier), client.NewSecret(e.DeviceCode), client.NewSecret(e.IDToken)
	if len(e.First) > 0 {
		if con.First, err = grant.DecodeState(e.First); err != nil {
			return nil, mount.DamagedError(at)
		}
	}
	return con, nil
}

// Put stores a consent under its key, its secrets in plain text: its prefix is one of those that Vault seals once more.
func Put(ctx context.Context, s logical.Storage, con *Consent) error {
	e := &entry{Consent: con, CodeVerifier: con.CodeVerifier.Reveal(), DeviceCode: con.DeviceCode.Reveal(), IDToken: con.IDToken.Reveal()}
	if con.First != nil {
		var err error
		if e.First, err = grant.EncodeState(con.First); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, mount.StorageTimeout)
	defer cancel()
	return mount.Save(ctx, s, con.at, e)
}

// drop forgets a consent, and with it the tokens of one that nobody has confirmed. They are not revoked: at some
// providers that would end every grant of the account, a living one included.
func (c *Consents) drop(ctx context.Context, s logical.Storage, con *Consent) error {
	c.held.drop(con.at)
	return mount.StorageError(s.Delete(ctx, con.at))
}

// of returns the consents of a role that have not expired long since, in the order in which they were begun; a caller's only, or with
// "" all.
func (c *Consents) of(ctx context.Context, s logical.Storage, key grant.Key, caller string, now time.Time) (found []*Consent, err error) {
	in := Prefix + directory(key) + "/"
	names, err := s.List(ctx, in)
	if err != nil {
		return nil, mount.StorageError(err)
	}
	for _, name := range names {
		con, err := c.get(ctx, s, in+name)
		if _, damaged := errors.AsType[mount.DamagedError](err); damaged {
			continue // the sweep removes it
		}
		if err != nil {
			return nil, err
		}
		if con != nil && con.Grant == key && now.Before(con.ExpiresAt.Add(lingers)) && (caller == "" || con.Caller == caller) {
			found = append(found, c.settled(con, now))
		}
	}
	slices.SortStableFunc(found, func(a, b *Consent) int {
		return cmp.Or(a.BeganAt.Compare(b.BeganAt), cmp.Compare(a.part(), b.part()))
	})
	return found, nil
}

// part is the place of a consent among those that were begun at once: the start page first, then each push.
func (con *Consent) part() int {
	if con.Starts {
		return 0
	}
	return con.Pushes
}

// settled is the consent with an exchange that nobody is at work on any more, or an end that has come, called what it is.
func (c *Consents) settled(con *Consent, now time.Time) *Consent {
	over := !now.Before(con.ExpiresAt)
	switch {
	case con.State == StateExchanging && !c.locks.Busy(con.at):
		con.end(reasonLost)
	case over && con.State == StateBegun:
		con.end(reasonExpired)
	case over && con.State == StateGranted:
		con.end(reasonUnconfirmed)
	}
	return con
}
