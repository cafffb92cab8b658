package grant

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/role"
)

// The values of dies_of in status/<name>: what a grant will die of, by the name of the field that says when, or of what
// ends.
const (
	DiesOfDisuse      = "refresh_token_idle_ttl"   // refreshes fail, and unused the refresh token ends
	DiesOfToken       = "refresh_token_expires_at" // the refresh token ends, and refreshes fail or do not move that
	DiesOfConsent     = "grant_expires_at"         // the consent behind it ends
	DiesOfSecret      = "client_secret_expires_at" // the client can't prove any longer who it is
	DiesOfCertificate = "client_certificate"       // the same
	DiesOfKey         = "assertion_private_key"    // the same
)

// Warning is how long before its death a grant is spoken of.
const Warning = 14 * 24 * time.Hour

// Forecast is the earliest moment at which a grant dies if nobody acts, and of what; the zero value when no such moment is
// known. What the engine does by itself, as to keep an idle grant alive, is nobody's act.
type Forecast struct {
	DiesAt time.Time
	DiesOf string
}

// dies takes the earlier of two ends into the forecast. One after which a refresh has succeeded was wrong, or somebody has
// moved it; any other that is past counts on, since nothing says that the grant has survived it.
func (g *Grant) dies(f *Forecast, at time.Time, of string, now time.Time) {
	succeeded := Later(g.State.RefreshedAt, g.State.ObtainedAt)
	if at.IsZero() || succeeded.After(at) && !FromFuture(succeeded, now) {
		return
	}
	if f.DiesAt.IsZero() || at.Before(f.DiesAt) {
		*f = Forecast{at.UTC().Truncate(time.Second), of}
	}
}

// describe adds the forecast to the fields of status/<name>.
func (f Forecast) describe(data map[string]any) {
	if !f.DiesAt.IsZero() {
		data["dies_at"], data["dies_of"] = f.DiesAt.Format(time.RFC3339), f.DiesOf
	}
}

// remedy is what keeps a grant alive beyond its forecast, "" where none is known.
func (f Forecast) remedy(g *Grant) string {
	switch f.DiesOf {
	case DiesOfSecret:
		return "the client secret ends: get another at the provider, and write it as next_client_secret with next_client_secret_expires_at"
	case DiesOfCertificate:
		return "the client certificate ends: write its successor as next_pfx, or as next_client_certificate and next_client_private_key"
	case DiesOfKey:
		return "the certificate of the key that signs ends: write its successor as next_assertion_private_key"
	case DiesOfConsent:
		if !g.Role.Spends() {
			return "what was agreed with the provider ends: agree anew, and write the new grant_expires_at to roles/" + g.Key.Role()
		}
		return "the consent behind this grant ends, and no refresh prolongs it: " + g.Key.renew()
	case DiesOfToken:
		if g.State.RefreshTokenEndFixed {
			return "the refresh token ends, and a refresh does not prolong it: " + g.Key.renew()
		}
	}
	return "" // what is in the way now is told already
}

// remedyBefore is remedy for a grant that dies before then.
func (f Forecast) remedyBefore(g *Grant, then time.Time) string {
	if f.DiesAt.IsZero() || f.DiesAt.After(then) {
		return ""
	}
	return f.remedy(g)
}

// warnings say of a grant that it will die soon. Of certificates the role's own speak.
func (f Forecast) warnings(g *Grant, now time.Time) []string {
	if f.DiesAt.IsZero() || f.DiesAt.After(now.Add(Warning)) || f.DiesOf == DiesOfCertificate {
		return nil
	}
	text := fmt.Sprintf("this grant dies at %s if nobody acts, of its %s", f.DiesAt.Format(time.RFC3339), f.DiesOf)
	if f.DiesAt.Before(now) {
		text = fmt.Sprintf("this grant was to die at %s of its %s, and no refresh has succeeded since", f.DiesAt.Format(time.RFC3339), f.DiesOf)
	}
	if remedy := f.remedy(g); remedy != "" {
		text += ": " + remedy
	}
	return []string{text}
}

// Warnings say that a grant will die within Warning, and what to do; none where that can't be found out.
func (k *Keeper) Warnings(ctx context.Context, s logical.Storage, key Key) []string {
	g, err := k.Look(ctx, s, key)
	if err != nil {
		return nil
	}
	now := clock.Now()
	return g.forecast(ailing(k.Word(ctx, s, g)), now).warnings(g, now)
}

// forecast says what a grant will die of that lives. ailing says that its refreshes do not succeed as things are: then its
// refresh token ends when it says, since none takes its place.
func (g *Grant) forecast(ailing bool, now time.Time) (f Forecast) {
	if g.Dead() || g.Unauthorized() {
		return f
	}
	g.endOfClient(&f, now)
	st := g.State
	if g.Key.Owner() == "" {
		g.dies(&f, g.Role.GrantExpiresAt, DiesOfConsent, now)
	}
	if g.Provider != nil && st.GrantExpiresBy == g.Provider.GrantExpiresAtPointer {
		g.dies(&f, st.GrantExpiresAt, DiesOfConsent, now)
	}
	if !g.Role.Spends() {
		return f
	}
	if ailing || st.RefreshTokenEndFixed {
		g.dies(&f, st.RefreshTokenExpiresAt, DiesOfToken, now)
	}
	if used := st.used(g.Role); ailing && g.Provider != nil && g.Provider.RefreshTokenIdleTTL > 0 && !FromFuture(used, now) && !used.IsZero() {
		g.dies(&f, used.Add(time.Duration(g.Provider.RefreshTokenIdleTTL)), DiesOfDisuse, now)
	}
	return f
}

// endOfClient takes the ends of what the client proves itself with. What has a successor ends with that, if its time begins
// before: it takes over by itself.
func (g *Grant) endOfClient(f *Forecast, now time.Time) {
	who, next := g.Role.CredentialsInUse(g.State.Worked), g.Role.Next
	end := who.ClientSecretExpiresAt
	if g.succeeds(role.PartSecret, end) {
		end = next.ClientSecretExpiresAt
	}
	g.dies(f, end, DiesOfSecret, now)

	if end = endOfCertificate(who); g.succeeds(role.PartCertificate, end) {
		end = endOfCertificate(next.Credentials)
	}
	g.dies(f, end, DiesOfCertificate, now)

	if who.AssertionKey.IsSet() && who.AssertionCertificate != "" {
		if key, err := client.LoadSigningKey(who.AssertionKey, who.AssertionCertificate); err == nil {
			g.dies(f, key.NotAfter(), DiesOfKey, now)
		}
	}
}

// succeeds tells whether what is to come of a part may be used before what is there ends; zero for never.
func (g *Grant) succeeds(p role.Part, end time.Time) bool {
	return g.Role.Next.Has(p) && (end.IsZero() || g.Role.MayTryNext(p, end))
}

// endOfCertificate is when the client certificate of credentials ends, zero for none.
func endOfCertificate(c role.Credentials) time.Time {
	id, err := c.Identity()
	if err != nil || id == nil {
		return time.Time{}
	}
	return id.NotAfter()
}

// ends takes from an answer when the refresh token ends and the consent behind it; last is the state before it, nil for
// none. An end that moves by less than half of the time that has passed since the refresh before is the same one, told again.
func (st *State) ends(p *client.Provider, last *State, answer *client.Token, began time.Time) {
	if answer.GrantLifetime > 0 {
		st.GrantExpiresAt, st.GrantExpiresBy = began.Add(answer.GrantLifetime+time.Second-1).Truncate(time.Second), p.GrantExpiresAtPointer
	}
	if answer.RefreshTokenLifetime <= 0 {
		return
	}
	st.RefreshTokenExpiresAt = began.Add(answer.RefreshTokenLifetime)
	if last == nil || last.RefreshTokenExpiresAt.IsZero() || last.RefreshedAt.IsZero() {
		return
	}
	if passed := began.Sub(last.RefreshedAt); passed > 10*time.Second { // less says nothing: ends are told in whole seconds
		st.RefreshTokenEndFixed = st.RefreshTokenExpiresAt.Sub(last.RefreshTokenExpiresAt) < passed/2
	}
}
