package authorize

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// maxWrong is how many wrong codes a consent bears.
const maxWrong = 5

// Proof is what shows that whoever confirms has the browser: one of three, or none with the device flow.
type Proof struct {
	ConfirmationCode string
	RedirectedTo     string // the address at which the browser ended, with what stands in its query

	AuthorizationCode client.Secret // of a request that was made elsewhere
	RedirectURI       string        // that of this request
	CodeVerifier      client.Secret // of this request's PKCE, unset for none
}

// Check returns why a proof can't be one: it must be one thing.
func (p Proof) Check() error {
	given := 0
	for _, is := range []bool{p.ConfirmationCode != "", p.RedirectedTo != "", p.AuthorizationCode.IsSet()} {
		if is {
			given++
		}
	}
	switch {
	case given > 1:
		return mount.Refusal("write one of confirmation_code, redirected_to and authorization_code, not several")
	case !p.AuthorizationCode.IsSet() && (p.RedirectURI != "" || p.CodeVerifier.IsSet()):
		return mount.Refusal("redirect_uri and code_verifier belong to authorization_code: write that too, or leave them out")
	}
	return nil
}

// Confirmed is a grant that has become its role's.
type Confirmed struct {
	*grant.Activated
	Warnings []string
}

// Confirm makes what a caller has begun and somebody has agreed to the grant of a role. It looks only among what this
// caller has begun, so that nobody can be talked into finishing what another began. A confirm that broke off in the middle
// is finished by another.
//
// The error is a refusal that says what to do, role.ErrNoRole, or with status 502 or 503 trouble that may pass.
func (c *Consents) Confirm(ctx context.Context, s logical.Storage, key grant.Key, who Caller, proof Proof) (*Confirmed, error) {
	con, err := c.proven(ctx, s, key, who, proof)
	if err != nil {
		return nil, told(err)
	}
	return detached(ctx, c, con.at, func(ctx context.Context) (*Confirmed, error) {
		now, err := c.get(ctx, s, con.at)
		if err != nil {
			return nil, err
		}
		if now == nil || now.State != StateGranted || now.GrantID != con.GrantID {
			return nil, errNothing(key) // another confirm was faster
		}
		return c.activate(ctx, s, now)
	})
}

// proven is the consent that a proof is of, granted and with nothing left to do but to activate it.
func (c *Consents) proven(ctx context.Context, s logical.Storage, key grant.Key, who Caller, proof Proof) (*Consent, error) {
	switch {
	case proof.AuthorizationCode.IsSet():
		return c.elsewhere(ctx, s, key, who, proof)
	case proof.RedirectedTo != "":
		return c.redirected(ctx, s, key, who, proof.RedirectedTo)
	}
	// One at a time, or codes that come at once would all be compared before any was counted.
	unlock, err := c.locks.Lock(ctx, Prefix+directory(key)+"/ "+who.ID)
	if err != nil {
		return nil, errBusy
	}
	defer unlock()
	mine, err := c.of(ctx, s, key, who.ID, clock.Now())
	if err != nil {
		return nil, err
	}
	if proof.ConfirmationCode == "" {
		return agreedByDevice(mine, key)
	}
	return c.ofCode(ctx, s, key, mine, plainCode(proof.ConfirmationCode))
}

// ofCode is the one of a caller's consents that a confirmation code is of.
func (c *Consents) ofCode(ctx context.Context, s logical.Storage, key grant.Key, mine []*Consent, code string) (*Consent, error) {
	var waiting []*Consent
	for _, con := range mine {
		if con.State == StateGranted && con.proves(code) {
			return con, nil
		}
		if con.State == StateGranted && con.Proof != "" {
			waiting = append(waiting, con)
		}
	}
	if len(waiting) == 0 {
		return nil, whyNone(mine, key)
	}
	return nil, c.count(ctx, s, waiting)
}

// count counts a wrong code with each consent that it could have been of.
func (c *Consents) count(ctx context.Context, s logical.Storage, waiting []*Consent) error {
	for _, con := range waiting {
		unlock, err := c.locks.Lock(ctx, con.at)
		if err != nil {
			return errBusy
		}
		defer unlock()
		now, err := c.get(ctx, s, con.at)
		if err != nil {
			return err
		}
		if now == nil || now.State != StateGranted {
			continue
		}
		if now.Wrong++; now.Wrong >= maxWrong {
			now.end(reasonTooMany)
			c.held.drop(now.at)
		}
		if err := Put(ctx, s, now); err != nil {
			return err // a code that can't be counted is not tried
		}
	}
	return mount.Refusal("this is not the confirmation code of anything that you have begun: type it as the page shows it; after five wrong ones you have to begin again")
}

// whyNone is what a caller hears who has nothing that could be confirmed.
func whyNone(mine []*Consent, key grant.Key) error {
	if len(mine) == 0 {
		return errNothing(key)
	}
	switch last := mine[len(mine)-1]; {
	case last.State == StateFailed:
		return mount.Refusal("what you have begun has failed: " + last.Reason)
	case last.Device != nil:
		return mount.Refusal("what you have begun last is a device flow, which has no confirmation code: leave the field out")
	case last.State == StateGranted:
		return errNothing(key)
	}
	return mount.Refusal("nobody has agreed yet to what you have begun: open the address in a browser, agree, and type the code that the page shows then")
}

func errNothing(key grant.Key) error {
	return mount.Refusal("you have begun nothing for this role that could still be confirmed: it was confirmed already (status/" + key.Path() + " shows authorized_at), it has expired, or somebody else has begun it, who must confirm it; begin with authorize/" + key.Path())
}

// activate makes a granted consent the role's grant, and forgets it then. An ID token whose keys could not be fetched
// before is verified now.
func (c *Consents) activate(ctx context.Context, s logical.Storage, con *Consent) (*Confirmed, error) {
	g, t, err := c.target(ctx, s, con.Grant)
	switch {
	case err != nil:
		return nil, err
	case con.Device != nil && !g.Role.DeviceFlow: // taken back since
		return nil, told(c.fail(ctx, s, con, reasonWithdrawn))
	}
	if con.IDToken.IsSet() {
		switch err := c.identify(ctx, con, t); {
		case errors.Is(err, errKeys):
			return nil, logical.CodedError(http.StatusServiceUnavailable, reasonUnreadable)
		case err != nil:
			return nil, told(c.fail(ctx, s, con, reasonIDToken))
		}
	}
	if err := c.checkAccount(g, con); err != nil {
		if why, ok := errors.AsType[refused](err); ok {
			return nil, told(c.fail(ctx, s, con, string(why)))
		}
		return nil, err
	}
	first := new(*con.First)
	first.Account, first.AccountVerified, first.Callback = con.Account, con.AccountVerified, con.Callback
	first.LastAccount = cmp.Or(con.Account, g.State.Account, g.State.LastAccount)
	done, err := c.grants.Activate(ctx, s, con.Grant, con.Realm, first)
	if err != nil {
		if _, refused := mount.AsRefusal(err); refused || errors.Is(err, logical.ErrReadOnly) {
			return nil, err
		}
		return nil, logical.CodedError(http.StatusServiceUnavailable, "the grant could not be stored; it is kept: repeat confirm/"+con.Grant.Path()+" as it was")
	}
	out := &Confirmed{Activated: done, Warnings: con.warnings(cmp.Or(g.State.Account, g.State.LastAccount))}
	if err := cmp.Or(c.dropParts(ctx, s, con), c.drop(ctx, s, con)); err != nil {
		c.grants.Logger().Warn("a consent that was confirmed could not be removed; it expires", "role", con.Grant, "error", err)
	}
	c.tell(grant.ConsentConfirmed, con)
	return out, nil
}

// warnings are what whoever confirms should know of the account that has agreed, and of the one before, "" for none that is
// known.
func (con *Consent) warnings(before string) (warnings []string) {
	switch {
	case con.Account == "" && con.Nonce != "" && !con.Identified:
		warnings = append(warnings, "openid was asked for and no ID token came, so whose account this is is not known: look at the application's settings at the provider")
	case con.Account == "" && before != "":
		warnings = append(warnings, "the provider has not said whose account this is, so it could not be compared with the one before: ask for the scope that makes it say so, such as openid")
	case before != "" && before != con.Account:
		warnings = append(warnings, "this is another account than before: if that was not meant, authorize again with the right one")
	}
	if con.LoginHint != "" && con.Account != "" && !strings.EqualFold(con.LoginHint, con.Account) {
		warnings = append(warnings, "login_hint has named another account than the one that has agreed")
	}
	return warnings
}

// dropParts forgets the start page of a pushed request and the other requests that were pushed from it, before the one that
// was confirmed: repeated, a confirm finds that one.
func (c *Consents) dropParts(ctx context.Context, s logical.Storage, con *Consent) error {
	if con.Start == "" {
		return nil
	}
	mine, err := c.of(ctx, s, con.Grant, con.Caller, clock.Now())
	for _, other := range mine {
		if err == nil && other.at != con.at && (other.at == con.Start || other.Start == con.Start) {
			err = c.drop(ctx, s, other)
		}
	}
	return err
}

// told makes a refusal of why a consent has failed.
func told(err error) error {
	if why, ok := errors.AsType[refused](err); ok {
		return mount.Refusal(string(why))
	}
	return err
}
