package grant

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

// Prefix begins the storage keys of states: token/<key>.
const Prefix = "token/"

// State is what the machine stores of one grant, in one entry, so that a Put either keeps all of
// it or nothing. Values of it are never changed once they are shared: who changes one copies it.
type State struct {
	Record
	RefreshToken client.Secret // the grant's current one
	AccessToken  client.Secret
	Extra        answerFields
	// Former is the refresh token before one that was found elsewhere than the definition looks, and
	// Candidates are several of which one may be the grant's: see take.
	Former     client.Secret
	Candidates []client.Found
}

// Record is the part of a token that is no secret, as it is stored.
type Record struct {
	// GrantID is the grant that all this belongs to, see role.Settings.
	GrantID string `json:"grant_id"`
	// RoleID, Client and Origins tie the grant of one of a role's owners to the role: its GrantID, its ClientRealm and its
	// Origins when it was agreed to. Empty for the role's own.
	RoleID  string   `json:"role_id,omitempty"`
	Client  string   `json:"client,omitempty"`
	Origins []string `json:"origins,omitempty"`
	// Generation counts the refreshes of the grant that brought something.
	Generation int64 `json:"generation"`
	// Settings are those that the access token was got with, see Role.SettingsID, and Asked what was asked
	// for with it, see Description.SettingsID; "" for a token of v0.1.0.
	Settings              string    `json:"settings,omitempty"`
	Asked                 string    `json:"asked,omitempty"`
	TokenType             string    `json:"token_type,omitempty"`
	Scope                 string    `json:"scope,omitempty"`
	CertificateThumbprint string    `json:"certificate_thumbprint,omitempty"` // of what the token is bound to, see client.Token
	ObtainedAt            time.Time `json:"obtained_at,omitzero"`             // before the request was sent
	ExpiresAt             time.Time `json:"expires_at,omitzero"`
	RefreshTokenExpiresAt time.Time `json:"refresh_token_expires_at,omitzero"`
	// RefreshTokenEndFixed tells that refreshes do not move that end: the grant dies then, however often it is used.
	RefreshTokenEndFixed bool `json:"refresh_token_end_fixed,omitempty"`
	// GrantExpiresAt is when the consent behind the grant ends, as the provider has said at GrantExpiresBy, a pointer into
	// its answer: at another one it says something else.
	GrantExpiresAt time.Time `json:"grant_expires_at,omitzero"`
	GrantExpiresBy string    `json:"grant_expires_by,omitempty"`
	// RefreshedAt is when the refresh token at hand was last presented with success, or came; zero for one
	// that v0.1.0 has stored, see used.
	RefreshedAt time.Time `json:"refreshed_at,omitzero"`
	// FoundAt is where the refresh token at hand was found, if not where the definition looks.
	FoundAt   string `json:"found_at,omitempty"`
	RequestID string `json:"request_id,omitempty"` // the provider's, of the last success
	role.Worked
	// AuthorizedAt is when a person has agreed to the grant here, zero for one that came otherwise; Account is whose it
	// is, as far as the provider has said so, and AccountVerified that it was said in a verified ID token.
	AuthorizedAt    time.Time `json:"authorized_at,omitzero"`
	Account         string    `json:"account,omitempty"`
	AccountVerified bool      `json:"account_verified,omitempty"`
	LastAccount     string    `json:"last_account,omitempty"` // the last one that was known, for comparison with the next
	// Callback are the parameters that came with the consent and that readers need, see client.Consent.
	Callback map[string]string `json:"callback,omitempty"`
	// Intent is stored before every exchange that spends a refresh token and cleared with its
	// answer. One that is found means that the outcome of an exchange is unknown.
	Intent *Intent `json:"intent,omitempty"`
	// DoubtSince is when a refresh was sent that brought no new refresh token from a provider that always
	// sends one: it may be where nobody looked, or in an answer that was lost before.
	DoubtSince time.Time `json:"doubt_since,omitzero"`
	// Refreshes are those of the last day, for max_refreshes_per_day.
	Refreshes refreshCount `json:"refreshes,omitempty"`
	Fault     *Fault       `json:"fault,omitempty"` // why the last exchange failed, nil when it did not
}

// tokenEntry is a token as it is stored, secrets in plain strings.
type tokenEntry struct {
	Record
	RefreshToken string         `json:"refresh_token,omitempty"`
	AccessToken  string         `json:"access_token,omitempty"`
	Extra        map[string]any `json:"extra,omitempty"`

	FormerRefreshToken string       `json:"former_refresh_token,omitempty"`
	Candidates         []foundEntry `json:"candidates,omitempty"`
}

// foundEntry is a client.Found as it is stored.
type foundEntry struct {
	Pointer      string `json:"pointer"`
	RefreshToken string `json:"refresh_token"`
}

// GetState returns what is stored, nil when nothing is.
func GetState(ctx context.Context, s logical.Storage, key Key) (*State, error) {
	e := new(tokenEntry)
	ok, err := mount.Load(ctx, s, Prefix+string(key), e)
	if err != nil || !ok {
		return nil, err
	}
	return e.state(), nil
}

// state is the entry with its secrets wrapped.
func (e *tokenEntry) state() *State {
	st := &State{
		Record:       e.Record,
		RefreshToken: client.NewSecret(e.RefreshToken),
		AccessToken:  client.NewSecret(e.AccessToken),
		Extra:        e.Extra,
		Former:       client.NewSecret(e.FormerRefreshToken),
	}
	for _, c := range e.Candidates {
		st.Candidates = append(st.Candidates, client.Found{Pointer: c.Pointer, Token: client.NewSecret(c.RefreshToken)})
	}
	return st
}

// PutState stores the state of a role's grant, in one entry.
func PutState(ctx context.Context, s logical.Storage, key Key, st *State) error {
	return mount.Save(ctx, s, Prefix+string(key), st.entry())
}

// EncodeState is a state as it is stored, its secrets in plain text, for an entry that Vault seals once more.
func EncodeState(st *State) (json.RawMessage, error) { return json.Marshal(st.entry()) }

// DecodeState is the state of EncodeState's text. The error says nothing of the text.
func DecodeState(text json.RawMessage) (*State, error) {
	e, decoder := new(tokenEntry), json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber() // an id beyond 2^53 would lose digits as a float
	if decoder.Decode(e) != nil {
		return nil, errors.New("the stored state is damaged or from a newer version of the plugin")
	}
	return e.state(), nil
}

func (st *State) entry() *tokenEntry {
	e := &tokenEntry{
		Record:             st.Record,
		RefreshToken:       st.RefreshToken.Reveal(),
		AccessToken:        st.AccessToken.Reveal(),
		Extra:              st.Extra,
		FormerRefreshToken: st.Former.Reveal(),
	}
	for _, c := range st.Candidates {
		e.Candidates = append(e.Candidates, foundEntry{c.Pointer, c.Token.Reveal()})
	}
	return e
}

// stateOf is the stored state, if it is of the role's grant, else the grant as it was written, or an owner's that nobody
// has agreed to.
func stateOf(key Key, r *role.Role, stored *State) *State {
	switch {
	case stored != nil && key.isOf(r, stored):
		return stored
	case key.Owner() != "":
		return new(State)
	case r.PerOwner():
		return &State{Record: Record{GrantID: r.GrantID}}
	}
	return &State{Record: Record{GrantID: r.GrantID}, RefreshToken: r.RefreshToken}
}

// Lifetime is how long the access token lives in all.
func (st *State) Lifetime() time.Duration { return st.ExpiresAt.Sub(st.ObtainedAt) }

// ID is a short digest of the access token, to join Vault's audit log with a provider's.
func (st *State) ID() string {
	sum := sha256.Sum256([]byte(st.AccessToken.Reveal()))
	return hex.EncodeToString(sum[:6])
}

// answerFields are the extra fields of an answer. Some are as secret as the token itself, an
// id_token for one, so they print as little as a client.Secret does.
type answerFields map[string]any

// Format implements fmt.Formatter: no verb shows the values.
func (answerFields) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[redacted]") }

// MarshalText implements encoding.TextMarshaler, for JSON and loggers. Storage and answers use the
// plain map.
func (answerFields) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

// Dead tells whether only a new refresh token can help. A grant that the role does not use at the
// moment, because it is one of the client's own, may be dead without harm.
func (st *State) Dead(r *role.Role) bool {
	return r.Spends() && st.Fault != nil && st.Fault.Reauthorize
}

// standing is how the grant stands for a write to its role.
func (st *State) standing(of *role.Role) role.Standing {
	return role.Standing{
		Worked: st.Worked, Generation: st.Generation, RefreshToken: st.RefreshToken,
		Alone: len(st.Candidates) == 0 && !st.Former.IsSet(), Dead: st.Dead(of),
	}
}

// verdict names what a refusal of the grant is about: what is described and, where an answer held several values that
// may be the refresh token, which of them was presented.
func (st *State) verdict(to *role.Target) string {
	if len(st.Candidates) > 0 {
		return mount.Digest(to.Description.VerdictID(), pointerOf(to.Provider))
	}
	return to.Description.VerdictID()
}
