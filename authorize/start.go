package authorize

import (
	"context"
	"errors"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// maxPushes is how often a start page may be opened: a browser that was closed in the middle, a link that was looked at by
// a mail filter first.
const maxPushes = 3

// Start pushes the authorization request of a consent (RFC 9126) and returns where the browser goes on to. It is called
// when the browser is there, since a request_uri lives for seconds. Instead of an address it may return a page.
//
// Each push is a consent of its own with a state of its own, which nobody has seen before: the address of the start page
// stands in Vault's audit log.
func (c *Consents) Start(ctx context.Context, s logical.Storage, ticket string) (goOn string, page *Page) {
	at := placeOf(ticket)
	if at == "" {
		return "", UnknownPage()
	}
	con, err := c.get(ctx, s, at)
	if err != nil {
		return "", TroublePage()
	}
	if con == nil || !con.starts() {
		return "", UnknownPage()
	}
	goOn, err = detached(ctx, c, at, func(ctx context.Context) (string, error) { return c.push(ctx, s, at) })
	switch {
	case errors.Is(err, errStarted):
		return "", UnknownPage()
	case err != nil:
		return "", pageOf(con, err)
	}
	return goOn, nil
}

// errStarted: the start page was opened too often, or its consent is over.
var errStarted = errors.New("the start page is over")

func (con *Consent) starts() bool {
	return con.Starts && con.State == StateBegun && con.Pushes < maxPushes && clock.Now().Before(con.ExpiresAt)
}

func (c *Consents) push(ctx context.Context, s logical.Storage, at string) (goOn string, err error) {
	con, err := c.get(ctx, s, at)
	if err != nil {
		return "", err
	}
	if con == nil || !con.starts() {
		return "", errStarted
	}
	g, t, err := c.target(ctx, s, con.Grant)
	if _, refusal := mount.AsRefusal(err); err != nil && !refusal {
		return "", err
	}
	if err != nil || g.Realm() != con.Realm || t.CheckAuthorization() != nil {
		return "", c.fail(ctx, s, con, reasonChanged)
	}
	state := newState(con.Grant)
	con.Pushes++
	con.Reason = ""
	if err := Put(ctx, s, con); err != nil {
		return "", err
	}
	next := new(*con)
	next.at, next.Starts, next.Start = placeOf(state), false, con.at
	next.CodeVerifier, next.Nonce = freshSecrets(con)
	request := next.request(t, state)
	uri, err := t.PushAuthorization(ctx, g.State.Worked, request)
	if err != nil {
		con.Reason = whyNotPushed(err)
		_ = Put(ctx, s, con) // for authorize/<role>: the page may be the only other place that says it
		return "", refused(con.Reason)
	}
	if err := Put(ctx, s, next); err != nil {
		return "", err
	}
	return request.PushedURL(uri)
}

// whyNotPushed is the reason of a request that the provider did not take. There is no code yet that could be lost.
func whyNotPushed(err error) string {
	text, ok := mount.AsRefusal(err)
	e, answered := errors.AsType[*client.Error](err)
	switch {
	case ok:
		return text
	case !answered:
		return reasonChanged
	case e.Class == client.NotProcessed || e.Class == client.OutcomeUnknown:
		return "the provider did not take the request: " + e.Error() + "; nothing is lost: open the address once more"
	}
	return "the provider did not take the request: " + e.Error()
}

// freshSecrets are a verifier and a nonce for another request, where the first has them (RFC 7636 section 4.1: one for
// each request).
func freshSecrets(con *Consent) (verifier client.Secret, nonce string) {
	if con.CodeVerifier.IsSet() {
		verifier = client.NewSecret(client.NewVerifier())
	}
	if con.Nonce != "" {
		nonce = randomText()
	}
	return verifier, nonce
}
