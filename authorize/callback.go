package authorize

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

// maxAnswer bounds what a browser may bring, in bytes: a code that is a JWT, with everything around it.
const maxAnswer = 32 << 10

// answer is what a provider sends back through the browser (RFC 6749 section 4.1.2): each parameter once.
type answer map[string]string

// readAnswer takes the parameters of a callback as Vault hands them over. It returns false for what no provider sends: a
// parameter twice, a value that is no text, or more than fits.
func readAnswer(data map[string]any) (answer, bool) {
	in, size := answer{}, 0
	for name, raw := range data {
		value, ok := raw.(string)
		if size += len(name) + len(value); !ok || size > maxAnswer {
			return nil, false
		}
		in[name] = value
	}
	return in, true
}

// Callback takes what a browser brings to callback/<provider>, whoever sits there, and returns the page that it is shown,
// always. Nothing is stored for a state that is not one of ours, and finding that out costs one look.
func (c *Consents) Callback(ctx context.Context, s logical.Storage, name string, data map[string]any) *Page {
	in, ok := readAnswer(data)
	at := placeOf(in["state"])
	if !ok || at == "" {
		return UnknownPage()
	}
	con, err := c.get(ctx, s, at)
	if err != nil {
		return TroublePage()
	}
	if con == nil || con.Provider != name || !con.awaits() || !con.Own {
		return UnknownPage()
	}
	page, err := detached(ctx, c, at, func(ctx context.Context) (*Page, error) {
		return c.arrive(ctx, s, at, in), nil
	})
	if err != nil {
		return TroublePage()
	}
	return page
}

// awaits tells whether somebody may still agree.
func (con *Consent) awaits() bool {
	return con.State == StateBegun && con.Device == nil && !con.Starts && clock.Now().Before(con.ExpiresAt)
}

// arrive is Callback under the consent's lock: of two that come at once, one exchanges.
func (c *Consents) arrive(ctx context.Context, s logical.Storage, at string, in answer) *Page {
	con, err := c.get(ctx, s, at)
	if err != nil {
		return TroublePage()
	}
	if con == nil || !con.awaits() {
		return UnknownPage()
	}
	if err := c.spend(ctx, s, con, in); err != nil {
		return pageOf(con, err)
	}
	code := newCode()
	con.Proof = con.proofOf(code)
	c.keep(ctx, s, con)
	return c.grantedPage(con, code)
}

// refused is why a consent has failed, in the words of its reason.
type refused string

// Error implements error.
func (r refused) Error() string { return string(r) }

// spend judges an answer, and exchanges its code. When it returns nil the consent is granted, and for its caller to store;
// a failure is stored. The state is used up by whatever comes with it, but for trouble of ours before anything was sent.
func (c *Consents) spend(ctx context.Context, s logical.Storage, con *Consent, in answer) error {
	g, t, err := c.target(ctx, s, con.Grant)
	if err != nil {
		if _, refusal := mount.AsRefusal(err); !refusal {
			return err
		}
		return c.fail(ctx, s, con, reasonChanged)
	}
	if g.Realm() != con.Realm || t.CheckAuthorization() != nil {
		return c.fail(ctx, s, con, reasonChanged)
	}
	if why := con.judge(t, in); why != "" {
		return c.fail(ctx, s, con, why)
	}
	code := grant.Code{
		GrantType: client.GrantAuthorizationCode, Code: client.NewSecret(in[codeParameter(t.Provider)]),
		RedirectURI: con.RedirectURI, CodeVerifier: con.CodeVerifier,
	}
	return c.exchange(ctx, s, con, g, t, code)
}

func codeParameter(p *client.Provider) string { return cmp.Or(p.AuthorizationCodeParameter, "code") }

// judge returns why an answer is not taken, "" for one that is. What a provider says of an error only chooses one of our
// sentences: its text may be anybody's.
func (con *Consent) judge(t *role.Target, in answer) string {
	p := t.Provider
	iss, named := in["iss"]
	switch { // RFC 9207 section 2.4, of errors too
	case named && p.Issuer != "" && iss != p.Issuer, !named && p.AuthorizationResponseIssParameterSupported:
		return reasonIssuer
	}
	if code, failed := in["error"]; failed {
		sentence, _ := client.AuthorizationError(code)
		return sentence
	}
	checks, err := p.Checks(t.Role.ProviderParams)
	if err != nil {
		return reasonChanged
	}
	for _, name := range slices.Sorted(maps.Keys(checks)) {
		if in[name] != checks[name] {
			return fmt.Sprintf("the provider's answer has another %s than this role's provider_params make it, so that it speaks of another place than the one that this client's secrets are for: "+
				"correct provider_params of the role if the account is there, and begin again", name)
		}
	}
	if in[codeParameter(p)] == "" {
		return reasonNoCode
	}
	for _, name := range p.CallbackFields {
		if value, ok := in[name]; ok {
			if con.Callback == nil {
				con.Callback = map[string]string{}
			}
			con.Callback[name] = printable(value)
		}
	}
	return ""
}

// end makes a consent one that has failed, without what it has brought.
func (con *Consent) end(reason string) {
	con.State, con.Reason = StateFailed, reason
	con.CodeVerifier, con.DeviceCode, con.IDToken, con.First = client.Secret{}, client.Secret{}, client.Secret{}, nil
}

// fail stores that a consent has failed, and returns why. That it could not be stored changes nothing: it expires.
func (c *Consents) fail(ctx context.Context, s logical.Storage, con *Consent, reason string) error {
	con.end(reason)
	if err := Put(ctx, s, con); err != nil {
		c.grants.Logger().Warn("that a consent has failed could not be stored", "role", con.Grant, "error", err)
	}
	return refused(reason)
}
