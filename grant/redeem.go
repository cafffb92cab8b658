package grant

import (
	"cmp"
	"context"
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/role"
)

// Code is what a person's consent has brought, and what is exchanged for the first tokens of a grant: an authorization
// code (RFC 6749 section 4.1.3) or a device code (RFC 8628 section 3.4).
type Code struct {
	GrantType    string        // client.GrantAuthorizationCode or client.GrantDeviceCode
	Code         client.Secret // spent by its first use
	RedirectURI  string        // that of the authorization request, "" for a device code
	CodeVerifier client.Secret // of PKCE, unset for none
	Scope        string        // that was asked for, which the answer need not repeat
	// AccountPointer is where the answer names who has agreed, a JSON Pointer; "" for nowhere.
	AccountPointer string
	// IdempotencyKey names the exchange to a provider that has a header for it.
	IdempotencyKey string
	// GrantID is that of the grant that begins.
	GrantID string
}

// Redeemed is what a code was exchanged for.
type Redeemed struct {
	State   *State        // of the new grant, at its first generation
	IDToken client.Secret // unset when there came none
	Account string        // what the answer has at AccountPointer, "" for nothing
}

// HasGrant tells whether a refresh token came, or what may be one: without it there is no grant to keep.
func (r *Redeemed) HasGrant() bool {
	return r.State.RefreshToken.IsSet() || len(r.State.Candidates) > 0
}

// Redeem spends a code: one request, with the credentials of a refresh. Another one follows only where the provider has
// refused the client itself, so that it has not looked at the code, and where it takes the same request twice under its
// idempotency key. It presents no refresh token and changes no grant: what it brings becomes one by Activate.
//
// The error is a *client.Error, or a refusal of what is configured. An answer that is lost has cost the code, and
// nothing else.
func (k *Keeper) Redeem(ctx context.Context, t *role.Target, last role.Worked, c Code) (*Redeemed, error) {
	t.Options.Sessions = k.sessions.of(t.Config.CACertificate, t.Role.CACertificate)
	choices, resent := t.Role.Choices(last, clock.Now()), false
	for watch := clock.Start(); ; {
		request, err := c.request(t, t.Role.Pick(choices))
		if err != nil {
			return nil, err
		}
		answer, err := exchange(ctx, t.Options, request)
		if err == nil {
			return c.redeemed(t, choices, answer, clock.Now().Add(-watch.Elapsed())), nil
		}
		e := asExchangeError(err)
		switch {
		case e.RefreshToken.IsSet() || len(e.Candidates) > 0: // the code is spent, and this is what it was spent for
			salvaged := &client.Token{RefreshToken: e.RefreshToken, FoundAt: e.FoundAt, Candidates: e.Candidates, Ended: true, RequestID: e.RequestID}
			return c.redeemed(t, choices, salvaged, clock.Now().Add(-watch.Elapsed())), nil
		case !resent && e.Class == client.OutcomeUnknown && e.Status == 0 && t.Provider.IdempotencyHeader != "" && !k.Work.Ending():
			resent = true
		case e.Ambiguous || k.Work.Ending() || !choices.After(t, e, false): // it may be the code that was refused
			return nil, e
		}
	}
}

// request is the one that presents the code.
func (c Code) request(t *role.Target, who role.Credentials) (*client.Request, error) {
	request, err := t.Request(client.Secret{}, who)
	if err != nil {
		return nil, err
	}
	request.GrantType, request.Code, request.RedirectURI, request.CodeVerifier = c.GrantType, c.Code, c.RedirectURI, c.CodeVerifier
	request.AccountPointer, request.IdempotencyKey = c.AccountPointer, c.IdempotencyKey
	return request, nil
}

// redeemed is the first state of a grant. Lifetimes count from before the request was sent.
func (c Code) redeemed(t *role.Target, choices role.Choices, answer *client.Token, began time.Time) *Redeemed {
	st := &State{Record: Record{GrantID: c.GrantID, Generation: 1, AuthorizedAt: began}}
	lifetime := cmp.Or(answer.Lifetime, time.Duration(t.Provider.AssumedTokenTTL), assumedLifetime)
	if answer.Ended {
		lifetime = 0
	}
	st.receive(t, answer, began, lifetime)
	st.Scope = cmp.Or(answer.Scope, c.Scope) // omitted means: as asked for (RFC 6749 section 5.1)
	if choices[role.PartSecret][0] == role.SlotPrevious {
		st.PreviousSecretOf = t.Role.Revision
	}
	st.RefreshToken, st.FoundAt, st.RefreshedAt = answer.RefreshToken, answer.FoundAt, began
	if !st.RefreshToken.IsSet() {
		st.Candidates = answer.Candidates
	}
	st.ends(t.Provider, nil, answer, began)
	return &Redeemed{State: st, IDToken: answer.IDToken, Account: answer.Account}
}
