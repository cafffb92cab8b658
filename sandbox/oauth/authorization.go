package oauth

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Authorization is how a server asks a person, and in what its authorization endpoint (RFC 6749 section 3.1) differs
// from another's.
type Authorization struct {
	Params []string // that the authorization endpoint knows; any other is refused
	Scopes []string // that may be asked for
	// NeedsScope says that a request without a scope is refused, not given a default.
	NeedsScope bool
	// Offline are the scopes of which one must have been agreed to for a refresh token; with none it always comes.
	Offline []string
	// NeedsPKCE says that a request without a code_challenge is refused (RFC 7636). Who sends one is held to it anywhere.
	NeedsPKCE bool
	// FormPost says that response_mode=form_post is offered.
	FormPost bool
	// Issuer is who the server says that it is, for ID tokens (OpenID Connect Core section 2).
	Issuer func(*Call) string
	// NamesIssuer says that answers carry it too, as iss (RFC 9207).
	NamesIssuer bool
	// Verification is the address of the page for user codes (RFC 8628 section 3.2); nil without a device flow.
	Verification func(*Call) string
	// Code makes a code, in the looks of this server's.
	Code func() string
}

// request is an authorization request that was found good.
type request struct {
	*Authorization
	app                *App
	redirectURI, state string
	scope, nonce       string
	challenge          string // "" without PKCE
	formPost           bool
	loginHint          string
}

// readRequest judges an authorization request. Until its redirect URI is known to be the application's own there is
// no request, and nobody may be sent anywhere (RFC 6749 section 4.1.2.1); a later refusal comes with one.
func (l *Ledger) readRequest(c *Call) (*request, *Refusal) {
	app := l.app(c.Form.Get("client_id"))
	switch {
	case app == nil:
		return nil, Refuse("invalid_request", "unknown client_id")
	case c.Form.Get("redirect_uri") == "":
		return nil, Refuse("invalid_request", "no redirect_uri")
	case !app.redirectsTo(c.Form.Get("redirect_uri")):
		return nil, Refuse("invalid_request", "this redirect_uri is not registered for the application")
	}
	q := &request{
		Authorization: l.Authorization, app: app, redirectURI: c.Form.Get("redirect_uri"), state: c.Form.Get("state"),
		scope: c.Form.Get("scope"), nonce: c.Form.Get("nonce"), challenge: c.Form.Get("code_challenge"),
		formPost: l.Authorization.FormPost && c.Form.Get("response_mode") == "form_post", loginHint: c.Form.Get("login_hint"),
	}
	for _, judge := range []func(url.Values) *Refusal{q.judgeShape, q.judgeScope, q.judgePKCE} {
		if r := judge(c.Form); r != nil {
			return q, r
		}
	}
	return q, nil
}

func (q *request) judgeShape(form url.Values) *Refusal {
	switch {
	case form.Get("response_type") == "":
		return Refuse("invalid_request", "no response_type")
	case form.Get("response_type") != "code":
		return Refuse("unsupported_response_type", "response_type=code is all that is offered here")
	case q.state == "":
		return Refuse("invalid_request", "no state: whoever sends this could not tell whose answer it gets")
	case form.Has("response_mode") && !q.formPost && form.Get("response_mode") != "query":
		return Refuse("invalid_request", "unknown response_mode")
	}
	for _, prompt := range strings.Fields(form.Get("prompt")) {
		switch prompt {
		case "login", "consent", "select_account":
		case "none":
			return Refuse("login_required", "nobody is logged in here, and prompt=none forbids to ask")
		default:
			return Refuse("invalid_request", "unknown prompt")
		}
	}
	return nil
}

func (q *request) judgeScope(url.Values) *Refusal { return q.checkScope(q.scope) }

// checkScope refuses a scope of which a part cannot be asked for.
func (a *Authorization) checkScope(scope string) *Refusal {
	if scope == "" && a.NeedsScope {
		return Refuse("invalid_scope", "no scope")
	}
	for _, part := range strings.Fields(scope) {
		if !slices.Contains(a.Scopes, part) {
			return Refuse("invalid_scope", "this server has no such scope: "+Printable(part))
		}
	}
	return nil
}

// offline tells whether a refresh token comes with a scope.
func (a *Authorization) offline(scope string) bool {
	return len(a.Offline) == 0 || slices.ContainsFunc(a.Offline, func(s string) bool { return hasScope(scope, s) })
}

func hasScope(scope, part string) bool { return slices.Contains(strings.Fields(scope), part) }

// loopback is a redirect URI to this machine. At some port a program of the person's listens, at which is not known
// before it does: RFC 8252 section 7.3.
var loopback = regexp.MustCompile(`^(http://(?:127(?:\.[0-9]{1,3}){3}|\[::1\]|localhost))(?::[0-9]{1,5})?(/.*)$`)

// redirectsTo tells whether a redirect URI is the application's: as registered, to the letter, and on loopback but for
// the port.
func (a *App) redirectsTo(uri string) bool {
	return slices.ContainsFunc(a.RedirectURIs, func(registered string) bool {
		had, got := loopback.FindStringSubmatch(registered), loopback.FindStringSubmatch(uri)
		return uri == registered || had != nil && got != nil && slices.Equal(had[1:], got[1:])
	})
}
