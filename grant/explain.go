package grant

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

// Explain says what a read with this demand would do now and why, and what a refresh would send; it asks nobody and
// changes nothing. The answer is by the names of the fields of explain/<name>.
func (k *Keeper) Explain(ctx context.Context, s logical.Storage, key Key, d Demand) (data map[string]any, warnings []string, err error) {
	g, err := k.Look(ctx, s, key)
	if err != nil {
		return nil, nil, err
	}
	d.perLease = g.Role.TokenMode == role.TokenModePerLease
	to, err := role.TargetOf(ctx, s, g.Role, g.Provider)
	if _, ok := mount.AsRefusal(err); err != nil && !ok {
		return nil, nil, err
	}
	would, why := k.foresee(ctx, s, g, d)
	data = map[string]any{"would": would, "why": why, "state": k.Word(ctx, s, g)}
	if err != nil {
		data["request"] = "none: " + err.Error()
	} else {
		showRequest(to, g.State, data)
	}
	if from := g.Role.Next.From; clock.Now().Before(from) {
		data["next_from"] = from.Format(time.RFC3339)
	}
	return data, g.Role.Warnings(), nil
}

// foresee is what Serve would decide, and what would come of a refresh before anything is sent.
func (k *Keeper) foresee(ctx context.Context, s logical.Storage, g *Grant, want Demand) (would, why string) {
	terms, now := g.Terms(), clock.Now()
	d := terms.decide(g.State, g.Dead(), want, now)
	if d.would != wouldRefresh {
		return d.would, terms.why(d, g, want, now)
	}
	to, st, err := k.ready(ctx, s, g, want)
	if err == nil && terms.early(st, want, now) && !k.guard.wouldAllowEarly(g.Key, to) {
		err = terms.tooEarly(st)
	}
	if err == nil {
		_, _, err = shownRequest(to, st)
	}
	switch {
	case err == nil:
		return d.would, terms.why(d, g, want, now)
	case terms.serves(g.State, want, now):
		return wouldWarn, err.Error()
	}
	return wouldFail, err.Error()
}

// shownRequest is the request that a refresh would send now, without its secrets, and the certificate that it would
// show; or why there would be none.
func shownRequest(t *role.Target, st *State) (*client.Shown, *client.Identity, error) {
	if err := t.CheckReady(); err != nil {
		return nil, nil, err
	}
	request, err := t.Request(st.RefreshToken, t.Role.CredentialsInUse(st.Worked))
	if err != nil {
		return nil, nil, err
	}
	if t.Provider.IdempotencyHeader != "" && t.Role.Spends() {
		request.IdempotencyKey = "(one UUID per exchange, the same when it is sent again)"
	}
	shown, err := request.Show()
	return shown, request.Identity, err
}

// showRequest adds what would be sent, and what would follow if the provider refused the client.
func showRequest(t *role.Target, st *State, data map[string]any) {
	request, id, err := shownRequest(t, st)
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
	c, then := t.Role.Choices(st.Worked, clock.Now()), []string{}
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
