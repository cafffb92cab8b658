package oauthrefresh

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// explanation is what a read would do now, and why.
type explanation struct {
	would, why string
	target     *target // nil when there is none, for the reason in obstacle
	obstacle   error
}

// The things that a read does.
const (
	wouldServe   = "serve the token at hand"
	wouldWarn    = "serve the token at hand, with a warning"
	wouldRefresh = "refresh"
	wouldWait    = "wait, then refresh"
	wouldFail    = "fail"
)

// explain goes through the decisions of a read (pathCredsRead) in their order, and takes none.
func (k *keeper) explain(ctx context.Context, s logical.Storage, name string, l *look, d demand) (e explanation, err error) {
	now, t := clock.Now(), newTerms(l.role, l.provider)
	d.own = l.role.TokenMode == tokenModePerLease
	to, err := targetOf(ctx, s, l.role, l.provider)
	if _, ok := asRefusal(err); err != nil && !ok {
		return e, err
	}
	tok := l.token
	if err == nil {
		tok, err = tok.pointed(l.provider)
	}
	e.target, e.obstacle = to, err
	say := func(would, why string) (explanation, error) {
		e.would, e.why = would, why
		return e, nil
	}
	due, refusedDemand := t.due(l.token, d, now)
	switch gap := t.gap(l.token, now); {
	case refusedDemand != nil:
		return say(wouldFail, refusedDemand.Error())
	case !due && gap > 0:
		return say(wouldWait, fmt.Sprintf("what is left of the token, %s, is promised to readers, and with this provider a refresh would end it", rounded(gap)))
	case !due && l.token.dead(l.role):
		return say(wouldWarn, l.token.Fault.sentence(now, name))
	case !due:
		return say(wouldServe, t.whyGood(l.token, now))
	}
	if err == nil && k.held.get(name) != nil {
		err = errHeld
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
		return say(wouldRefresh, t.whyDue(l.token, d, now))
	case t.serves(l.token, d, now):
		return say(wouldWarn, err.Error())
	}
	return say(wouldFail, err.Error())
}

func (t terms) whyGood(tok *token, now time.Time) string {
	return fmt.Sprintf("it is good for another %s; a refresh is due when less than %s of its life is left, at %s",
		rounded(t.promised(tok, now)), rounded(t.windowOf(tok.lifetime())), tok.ExpiresAt.Add(-t.windowOf(tok.lifetime())).UTC().Format(time.RFC3339))
}

func (t terms) whyDue(tok *token, d demand, now time.Time) string {
	switch {
	case d.own:
		return "each lease of this role has a token of its own"
	case !tok.AccessToken.IsSet():
		return "there is no token yet"
	case !t.isOf(tok):
		return "the token at hand was got with other settings of the role or its provider (endpoint, client, scope, parameters, headers, subject)"
	case fromFuture(tok.ObtainedAt, now):
		return "the token at hand was got when this host's clock was ahead of what it is now, so that nobody knows when it ends"
	case t.usable(tok, now) < minLease:
		return "the token at hand has ended, or is about to"
	case tok.ExpiresAt.Sub(now) <= t.windowOf(tok.lifetime()):
		return fmt.Sprintf("less than %s of the token's life is left", rounded(t.windowOf(tok.lifetime())))
	}
	return "the token at hand is good for less than min_ttl"
}

func rounded(d time.Duration) client.Duration { return client.Duration(d.Truncate(time.Second)) }

// shownRequest is the request that a refresh would send now, without its secrets, and the certificate that it would
// show; or why there would be none.
func shownRequest(t *target, tok *token) (*client.Shown, *client.Identity, error) {
	if err := t.checkReady(); err != nil {
		return nil, nil, err
	}
	request, err := t.request(tok.RefreshToken, t.role.credentialsInUse(tok.worked))
	if err != nil {
		return nil, nil, err
	}
	if t.provider.IdempotencyHeader != "" && t.role.spends() {
		request.IdempotencyKey = "(one UUID per exchange, the same when it is sent again)"
	}
	shown, err := request.Show()
	return shown, request.Identity, err
}

// showRequest adds what would be sent, and what would follow if the provider refused the client.
func showRequest(t *target, tok *token, data map[string]any) {
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
	c, then := t.role.choices(tok.worked, clock.Now()), []string{}
	for _, p := range parts {
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
