package authorize

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

const (
	// patience is how long a consent waits for somebody to agree, and then for its caller to confirm.
	patience = 10 * time.Minute
	// maxBegun bounds how many one caller has begun of one role at a time. Others have their own.
	maxBegun = 5
)

// Ask is what a caller may say of the consent that it begins.
type Ask struct {
	RedirectURI string // "" for the mount's own callback
	Scope       string // "" for the role's
	LoginHint   string // who is expected to agree (OpenID Connect Core section 3.1.2.1), "" for anybody
}

// Begun is a consent that waits for somebody to agree.
type Begun struct {
	*Consent
	AuthorizationURL string // where the browser goes
	CurrentAccount   string // whose grant the role has now, "" where nobody has said
	Warnings         []string
}

// Begin begins a consent to a role's grant, for a caller. Nothing is sent; what is stored is the digest of the state, and
// what the exchange will need. The error is a refusal that says what to do, role.ErrNoRole, or storage's.
func (c *Consents) Begin(ctx context.Context, s logical.Storage, key grant.Key, who Caller, ask Ask) (*Begun, error) {
	g, t, err := c.target(ctx, s, key)
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(role.CheckText("scope", ask.Scope), role.CheckText("login_hint", ask.LoginHint)); err != nil {
		return nil, mount.Refuse(err)
	}
	if err := t.CheckAuthorization(); err != nil {
		return nil, err
	}
	if own := t.Config.Callback(g.Role.Provider); t.Provider.RequirePushedAuthorizationRequests && (own == "" || ask.RedirectURI != "" && ask.RedirectURI != own) {
		return nil, mount.Refusal("this provider takes pushed authorization requests only (RFC 9126), which live for seconds, so the browser must begin at this mount: leave redirect_uri out, and write external_url to config")
	}
	con, err := newConsent(g, t, who, ask)
	if err != nil {
		return nil, err
	}
	state := newState(key)
	con.at = placeOf(state)
	out := &Begun{Consent: con, CurrentAccount: g.State.Account, Warnings: warnings(g)}
	if t.Provider.RequirePushedAuthorizationRequests {
		con.Starts, out.AuthorizationURL = true, t.Config.ExternalURL+"/start/"+state
	} else if out.AuthorizationURL, err = con.request(t, state).URL(); err != nil {
		return nil, mount.Refuse(err)
	}
	if err := c.add(ctx, s, con); err != nil {
		return nil, err
	}
	c.tell(grant.ConsentBegun, con)
	return out, nil
}

// tell tells of a consent, and not of who has begun it or agrees.
func (c *Consents) tell(kind grant.Kind, con *Consent) {
	facts := map[string]string{"flow": "browser", "expires_at": con.ExpiresAt.UTC().Format(time.RFC3339)}
	if con.Device != nil {
		facts["flow"] = "device"
	}
	c.grants.Tell(grant.Event{Kind: kind, Grant: con.Grant, Provider: con.Provider, Facts: facts})
}

// target is a role that a person may agree to a grant of, as it is now.
func (c *Consents) target(ctx context.Context, s logical.Storage, key grant.Key) (*grant.Grant, *role.Target, error) {
	g, err := c.grants.Look(ctx, s, key)
	if err != nil {
		return nil, nil, err
	}
	if !g.Role.Spends() {
		return nil, nil, mount.Refusal("this role has grant_type=" + g.Role.GrantType + ", to which nobody consents: it is for roles with grant_type=refresh_token")
	}
	t, err := role.TargetOf(ctx, s, g.Role, g.Provider)
	if err != nil {
		return nil, nil, err
	}
	return g, t, cmp.Or(c.checkOwner(g), t.CheckOrigin(t.Endpoints.Token), t.CheckReady())
}

// consentTo is a consent to the grant of a role that a caller begins now, whichever way it is brought.
func consentTo(g *grant.Grant, who Caller, scope string) *Consent {
	now := clock.Now()
	return &Consent{
		Grant: g.Key, Caller: who.ID, BeganBy: who.Name, BeganAt: now, ExpiresAt: now.Add(patience), State: StateBegun,
		Provider: g.Role.Provider, Realm: g.Realm(), Scope: scope,
	}
}

// newConsent is a consent to what a role asks for in a browser, with PKCE unless the provider's definition says that there
// is none (RFC 7636), and a nonce where an ID token will come (OpenID Connect Core section 3.1.2.1).
func newConsent(g *grant.Grant, t *role.Target, who Caller, ask Ask) (*Consent, error) {
	con := consentTo(g, who, askedScope(t, ask.Scope))
	con.LoginHint = ask.LoginHint
	own := t.Config.Callback(g.Role.Provider)
	con.RedirectURI = cmp.Or(ask.RedirectURI, own)
	con.Own = con.RedirectURI == own
	switch {
	case con.RedirectURI == "":
		return nil, mount.Refusal("there is no address at which the browser could come back: write external_url to config (where browsers reach this mount, as in https://vault.example.com/v1/oauth), " +
			"or name a redirect_uri that is registered at the provider, such as http://127.0.0.1:8400/, and paste the address at which the browser ends")
	case !con.Own:
		if err := g.Role.CheckRedirect(con.RedirectURI); err != nil {
			return nil, err
		}
	}
	if t.Provider.PKCE != client.PKCENone {
		con.CodeVerifier = client.NewSecret(client.NewVerifier())
	}
	if slices.Contains(strings.Fields(strings.ReplaceAll(con.Scope, ",", " ")), "openid") {
		con.Nonce = randomText()
	}
	return con, nil
}

// askedScope is the scope that a browser asks for: what the caller wants, else what stands among the parameters of the
// authorization URL, which is for servers where that is another one than a refresh's, else the role's.
func askedScope(t *role.Target, asked string) string {
	theirs := cmp.Or(t.Role.AuthorizationParams["scope"], t.Provider.AuthorizationParams["scope"])
	if asked == "" && theirs != "" {
		return theirs
	}
	return t.Provider.ConsentScope(cmp.Or(asked, t.Role.Scope))
}

// request is the authorization request of a consent. The answer comes as a form where the provider can do that and the
// browser comes back to the mount: a query stands in clear in Vault's audit log.
func (con *Consent) request(t *role.Target, state string) *client.AuthorizationRequest {
	params := map[string]string{}
	maps.Copy(params, t.Role.AuthorizationParams)
	for name, value := range map[string]string{"login_hint": con.LoginHint, "scope": con.Scope} {
		if value != "" {
			params[name] = value
		}
	}
	a := &client.AuthorizationRequest{
		Provider: t.Provider, Endpoint: t.Endpoints.Authorization, ClientID: t.Role.ClientID,
		RedirectURI: con.RedirectURI, Scope: con.Scope, State: state, Nonce: con.Nonce, Params: params,
		FormPost: con.Own && t.Provider.ResponseMode == client.ResponseModeFormPost,
	}
	if con.CodeVerifier.IsSet() {
		a.CodeChallenge = client.Challenge(con.CodeVerifier.Reveal())
	}
	return a
}

// add stores a consent that begins, unless its caller has begun too many of the role.
func (c *Consents) add(ctx context.Context, s logical.Storage, con *Consent) error {
	unlock, err := c.locks.Lock(ctx, Prefix+directory(con.Grant))
	if err != nil {
		return errBusy
	}
	defer unlock()
	others, err := c.of(ctx, s, con.Grant, con.Caller, con.BeganAt)
	if err != nil {
		return err
	}
	for _, o := range others {
		if o.State == StateFailed { // it has been told, and another one follows
			_ = c.drop(ctx, s, o)
		}
	}
	others = slices.DeleteFunc(others, func(o *Consent) bool {
		return o.State == StateFailed || o.Start != "" // which is part of one that counts
	})
	if len(others) >= maxBegun {
		first := slices.MinFunc(others, func(a, b *Consent) int { return a.ExpiresAt.Compare(b.ExpiresAt) })
		return mount.Refusal(fmt.Sprintf("you have begun %d consents of this role that are not finished: finish one with confirm/%s, drop them all with a delete of authorize/%[2]s, "+
			"or wait %s until the first expires", len(others), con.Grant.Path(), client.Duration(first.ExpiresAt.Sub(con.BeganAt).Round(time.Second))))
	}
	return Put(ctx, s, con)
}

// warnings are what whoever begins a consent should know before.
func warnings(g *grant.Grant) (warnings []string) {
	if g.Unauthorized() || g.Dead() {
		return nil
	}
	warnings = append(warnings, "this role has a grant that works as far as is known, and keeps it until confirm/"+g.Key.Path()+
		": some providers end it as soon as somebody agrees anew, so that an answer lost in the middle would cost it; then begin again")
	if g.State.Account != "" {
		warnings = append(warnings, "agree with the account that current_account names, unless another one is meant")
	}
	return warnings
}
