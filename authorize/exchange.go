package authorize

import (
	"context"
	"errors"
	"strings"

	"github.com/hashicorp/go-uuid"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

// exchange makes the first tokens of a grant of a code. The order of its steps is what keeps an answer from being lost:
//
//  1. store that the state is used and that an exchange is about to be made: it proves that the answer can be stored,
//     a node that can't write sends nothing, and after a crash it tells that the code is spent
//  2. send one request (see grant.Keeper.Redeem)
//  3. look at what has come: without a refresh token there is no grant, and an ID token of somebody else's ends it
//  4. the caller stores the answer, and holds it in memory while storage refuses (see Consents.keep)
//
// The tokens become the role's by confirm only. When it returns nil the consent is granted; else it has failed.
func (c *Consents) exchange(ctx context.Context, s logical.Storage, con *Consent, g *grant.Grant, t *role.Target, code grant.Code) error {
	if err := c.intend(ctx, s, con); err != nil {
		return err
	}
	if c.grants.Work.Ending() { // what begins now might not be waited for
		return c.fail(ctx, s, con, reasonShutdown)
	}
	code.GrantID, code.IdempotencyKey, code.Scope = con.GrantID, con.IdempotencyKey, con.Scope
	code.AccountPointer = accountInAnswer(t)
	got, err := c.grants.Redeem(ctx, t, g.State.Worked, code)
	if err != nil {
		return c.fail(ctx, s, con, whyRefused(err))
	}
	return c.take(ctx, s, con, g, t, got)
}

// accountInAnswer is where the token endpoint's answer names the account, "" where it does not.
func accountInAnswer(t *role.Target) string {
	rest, _ := strings.CutPrefix(t.Provider.AccountPointer, "/answer")
	if rest == t.Provider.AccountPointer {
		return ""
	}
	return rest
}

// intend stores that an exchange is about to be made.
func (c *Consents) intend(ctx context.Context, s logical.Storage, con *Consent) (err error) {
	before := con.State
	con.State = StateExchanging
	if con.GrantID, err = uuid.GenerateUUID(); err != nil {
		return err
	}
	if con.IdempotencyKey, err = uuid.GenerateUUID(); err != nil {
		return err
	}
	if err = Put(ctx, s, con); err != nil {
		con.State = before
	}
	return err
}

// take makes a granted consent of what an exchange has brought.
func (c *Consents) take(ctx context.Context, s logical.Storage, con *Consent, g *grant.Grant, t *role.Target, got *grant.Redeemed) error {
	if !got.HasGrant() {
		return c.fail(ctx, s, con, reasonNoRefresh+": "+hints(t, con.Scope))
	}
	con.CodeVerifier, con.DeviceCode = client.Secret{}, client.Secret{}
	con.First, con.IDToken, con.Identified = got.State, got.IDToken, got.IDToken.IsSet()
	con.Account = got.Account
	if name, ok := strings.CutPrefix(t.Provider.AccountPointer, "/callback/"); ok {
		con.Account, con.AccountClaimed = printable(con.Callback[name]), true
	}
	if err := c.identify(ctx, con, t); err != nil {
		if !errors.Is(err, errKeys) {
			return c.fail(ctx, s, con, reasonIDToken)
		}
		c.grants.Logger().Warn("the keys of a provider could not be fetched; the ID token is verified when the consent is confirmed", "role", con.Grant)
	} else if why, ok := errors.AsType[refused](c.checkAccount(g, con)); ok {
		return c.fail(ctx, s, con, string(why)) // who agreed is told here; Confirm looks again
	}
	con.State, con.ExpiresAt = StateGranted, clock.Now().Add(patience)
	return nil
}

// whyRefused is the reason of an exchange that brought nothing.
func whyRefused(err error) string {
	if text, ok := mount.AsRefusal(err); ok {
		return text
	}
	e, ok := errors.AsType[*client.Error](err)
	switch {
	case !ok:
		return reasonChanged
	case e.Class == client.NotProcessed:
		return e.Reason + ": " + reasonBusy
	case e.Class == client.OutcomeUnknown && e.Status == 0:
		return reasonLost
	}
	if text := e.Error(); strings.Contains(text, "begin again") {
		return text
	}
	return e.Error() + ": begin again"
}

// hints say where to look when no refresh token has come.
func hints(t *role.Target, scope string) string {
	p := t.Provider
	switch {
	case p.OfflineScope != "" && scope == "":
		return "no scope was asked for, and offline_scope of the provider goes along with one only: write what the application needs to scope of the role"
	case p.OfflineScope == "" && len(p.AuthorizationParams) == 0 && len(t.Role.AuthorizationParams) == 0:
		return "many providers want a scope for that (offline_access, or refresh_token at Salesforce): write it to scope of the role, or to offline_scope of the provider; " +
			"others a parameter of the authorization URL (access_type=offline and prompt=consent at Google): write it to authorization_params; or it is a setting of the app at the provider"
	case p.OfflineScope != "":
		return "offline_scope of the provider was asked for, so look at the settings of the app at the provider (its grant types, and whether the scope is permitted), " +
			"and whether an authorization_params such as prompt=consent is needed for an account that has agreed before"
	}
	return "authorization_params were sent, so look whether the scope of the role must name one for it, such as offline_access (offline_scope of the provider), and at the settings of the app at the provider"
}
