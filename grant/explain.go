package grant

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

// explanation is what a read would do now, and why.
type explanation struct {
	Would, Why string
	Target     *role.Target // nil when there is none, for the reason in obstacle
	Obstacle   error
}

// The things that a read does.
const (
	WouldServe   = "serve the token at hand"
	WouldWarn    = "serve the token at hand, with a warning"
	WouldRefresh = "refresh"
	wouldWait    = "wait, then refresh"
	WouldFail    = "fail"
)

// Explain goes through the decisions of a read (pathCredsRead) in their order, and takes none.
func (k *Keeper) Explain(ctx context.Context, s logical.Storage, name string, l *look, d Demand) (e explanation, err error) {
	now, t := clock.Now(), NewTerms(l.Role, l.provider)
	d.own = l.Role.TokenMode == role.TokenModePerLease
	to, err := role.TargetOf(ctx, s, l.Role, l.provider)
	if _, ok := mount.AsRefusal(err); err != nil && !ok {
		return e, err
	}
	tok := l.Token
	if err == nil {
		tok, err = tok.pointed(l.provider)
	}
	e.Target, e.Obstacle = to, err
	say := func(would, why string) (explanation, error) {
		e.Would, e.Why = would, why
		return e, nil
	}
	due, refusedDemand := t.Due(l.Token, d, now)
	switch gap := t.Gap(l.Token, now); {
	case refusedDemand != nil:
		return say(WouldFail, refusedDemand.Error())
	case !due && gap > 0:
		return say(wouldWait, fmt.Sprintf("what is left of the token, %s, is promised to readers, and with this provider a refresh would end it", rounded(gap)))
	case !due && l.Token.Dead(l.Role):
		return say(WouldWarn, l.Token.Fault.sentence(now, name))
	case !due:
		return say(WouldServe, t.whyGood(l.Token, now))
	}
	if err == nil && k.Held.Get(name) != nil {
		err = ErrHeld
	}
	if err == nil {
		err = k.mayRefresh(name, to, tok, d)
	}
	if err == nil && t.early(tok, d, now) && !k.guard.wouldAllowEarly(name, to) {
		err = t.tooEarly(tok)
	}
	if err == nil {
		_, _, err = shownRequest(to, tok)
	}
	switch {
	case err == nil:
		return say(WouldRefresh, t.whyDue(l.Token, d, now))
	case t.serves(l.Token, d, now):
		return say(WouldWarn, err.Error())
	}
	return say(WouldFail, err.Error())
}

func (t Terms) whyGood(tok *Token, now time.Time) string {
	return fmt.Sprintf("it is good for another %s; a refresh is due when less than %s of its life is left, at %s",
		rounded(t.Promised(tok, now)), rounded(t.WindowOf(tok.Lifetime())), tok.ExpiresAt.Add(-t.WindowOf(tok.Lifetime())).UTC().Format(time.RFC3339))
}

func (t Terms) whyDue(tok *Token, d Demand, now time.Time) string {
	switch {
	case d.own:
		return "each lease of this role has a token of its own"
	case !tok.AccessToken.IsSet():
		return "there is no token yet"
	case !t.isOf(tok):
		return "the token at hand was got with other settings of the role or its provider (endpoint, client, scope, parameters, headers, subject)"
	case FromFuture(tok.ObtainedAt, now):
		return "the token at hand was got when this host's clock was ahead of what it is now, so that nobody knows when it ends"
	case t.Usable(tok, now) < role.MinLease:
		return "the token at hand has ended, or is about to"
	case tok.ExpiresAt.Sub(now) <= t.WindowOf(tok.Lifetime()):
		return fmt.Sprintf("less than %s of the token's life is left", rounded(t.WindowOf(tok.Lifetime())))
	}
	return "the token at hand is good for less than min_ttl"
}

func rounded(d time.Duration) client.Duration { return client.Duration(d.Truncate(time.Second)) }

// shownRequest is the request that a refresh would send now, without its secrets, and the certificate that it would
// show; or why there would be none.
func shownRequest(t *role.Target, tok *Token) (*client.Shown, *client.Identity, error) {
	if err := t.CheckReady(); err != nil {
		return nil, nil, err
	}
	request, err := t.Request(tok.RefreshToken, t.Role.CredentialsInUse(tok.Worked))
	if err != nil {
		return nil, nil, err
	}
	if t.Provider.IdempotencyHeader != "" && t.Role.Spends() {
		request.IdempotencyKey = "(one UUID per exchange, the same when it is sent again)"
	}
	shown, err := request.Show()
	return shown, request.Identity, err
}

// ShowRequest adds what would be sent, and what would follow if the provider refused the client.
func ShowRequest(t *role.Target, tok *Token, data map[string]any) {
	request, id, err := shownRequest(t, tok)
	if err != nil {
		data["request"] = "none: " + err.Error()
		return
	}
	var headers []string
	for _, name := range slices.Sorted(maps.Keys(request.Header)) {
		headers = append(headers, name+": "+request.Header[name])
	}
	data["request"] = request.Method + " " + request.URL
	data["request_format"] = request.Format
	data["request_headers"] = headers
	data["request_body"] = request.Params
	data["request_client_certificate"] = "none"
	if id != nil {
		data["request_client_certificate"] = id.Fingerprint() + ", if the server asks for one"
	}
	c, then := t.Role.Choices(tok.Worked, clock.Now()), []string{}
	for _, p := range role.Parts {
		for _, s := range c[p][1:] {
			then = append(then, string(s)+string(p))
		}
	}
	if len(then) > 0 {
		data["if_refused_tries"] = then
	}
	for name, signed := range request.Assertions {
		data["request_"+name] = signed
	}
}
