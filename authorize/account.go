package authorize

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/role"
)

// errKeys: the ID token could not be verified, for a reason that passes.
var errKeys = errors.New(reasonUnreadable)

// identify verifies the ID token that came, if one was asked for, and finds the account in it (OpenID Connect Core
// section 3.1.3.7). A token that is not right ends the consent: it may be another person's, or another client's. Keys
// that can't be fetched lose nothing: the token is kept, and looked at again when the consent is confirmed.
func (c *Consents) identify(ctx context.Context, con *Consent, t *role.Target) error {
	if con.Nonce == "" && con.Device == nil || !con.IDToken.IsSet() {
		con.IDToken = client.Secret{}
		return nil // nobody has asked for one
	}
	r := client.IDTokenRequest{Issuer: t.Provider.Issuer, JWKSURI: t.Endpoints.JWKS, ClientID: t.Role.ClientID, Nonce: con.Nonce, Token: con.IDToken}
	var claims map[string]any
	var err error
	verified := r.JWKSURI != "" // by keys that the definition names, whether or not it names the issuer too
	if verified {
		claims, err = client.VerifyIDToken(ctx, t.Options, r)
	} else {
		claims, err = client.UnverifiedIDToken(r)
	}
	if e, ok := errors.AsType[*client.Error](err); ok && e.Class == client.NotProcessed {
		return errKeys
	}
	if err != nil {
		return err
	}
	con.IDToken = client.Secret{}
	if rest, ok := strings.CutPrefix(t.Provider.AccountPointer, "/id_token"); ok {
		// Every ID token has sub (OpenID Connect Core section 2), which at least tells one account from another.
		con.Account, con.AccountVerified = cmp.Or(client.AccountIn(claims, rest), client.AccountIn(claims, "/sub")), verified
		if unverified := claims["email_verified"] == false || claims["email_verified"] == "false"; unverified && rest == "/email" {
			con.AccountVerified, con.AccountClaimed = false, true // OpenID Connect Core section 5.1: whoever agreed has written it
		}
	}
	return nil
}

// printable is a text of somebody else as it may be shown or handed on.
func printable(text string) string { return client.AccountIn(map[string]any{"": text}, "/") }
