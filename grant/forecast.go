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
	DiesOfToken       = "refresh_token_expires_at" // the refresh token ends, and refreshes do not move that
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

// by takes the earlier of two ends into the forecast.
func (f *Forecast) by(at time.Time, of string) {
	if !at.IsZero() && (f.DiesAt.IsZero() || at.Before(f.DiesAt)) {
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
		return "the consent behind this grant ends, and no refresh prolongs it: " + g.Key.renew()
	case DiesOfToken:
		return "the refresh token ends, and a refresh does not prolong it: " + g.Key.renew()
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
	g.endOfClient(&f)
	if !g.Role.Spends() {
		return f
	}
	st := g.State
	if st.RefreshTokenExpiresAt.After(now) && (ailing || st.RefreshTokenEndFixed) { // one that is past was wrong
		f.by(st.RefreshTokenExpiresAt, DiesOfToken)
	}
	if used := st.used(g.Role); ailing && g.Provider != nil && g.Provider.RefreshTokenIdleTTL > 0 && !FromFuture(used, now) && !used.IsZero() {
		if at := used.Add(time.Duration(g.Provider.RefreshTokenIdleTTL)); at.After(now) {
			f.by(at, DiesOfDisuse)
		}
	}
	if g.Provider != nil && st.GrantExpiresBy == g.Provider.GrantExpiresAtPointer {
		f.by(g.unlessOutlived(st.GrantExpiresAt), DiesOfConsent)
	}
	if g.Key.Owner() == "" {
		f.by(g.unlessOutlived(g.Role.GrantExpiresAt), DiesOfConsent)
	}
	return f
}

// unlessOutlived is an end of the consent, or none where a refresh has succeeded after it: then it was wrong, or somebody has
// prolonged it.
func (g *Grant) unlessOutlived(end time.Time) time.Time {
	if g.State.RefreshedAt.After(end) {
		return time.Time{}
	}
	return end
}

// endOfClient takes the ends of what the client proves itself with. What has a successor ends with that: it takes over by
// itself.
func (g *Grant) endOfClient(f *Forecast) {
	who, next := g.Role.CredentialsInUse(g.State.Worked), g.Role.Next
	if !next.Has(role.PartSecret) {
		f.by(who.ClientSecretExpiresAt, DiesOfSecret)
	} else {
		f.by(next.ClientSecretExpiresAt, DiesOfSecret)
	}
	certificate := who
	if next.Has(role.PartCertificate) {
		certificate = next.Credentials
	}
	if id, err := certificate.Identity(); err == nil && id != nil {
		f.by(id.NotAfter(), DiesOfCertificate)
	}
	if who.AssertionKey.IsSet() && who.AssertionCertificate != "" {
		if key, err := client.LoadSigningKey(who.AssertionKey, who.AssertionCertificate); err == nil {
			f.by(key.NotAfter(), DiesOfKey)
		}
	}
}

// ends takes from an answer when the refresh token ends and the consent behind it; last is the state before it, nil for
// none. An end that moves by less than half of the time that has passed since the refresh before is the same one, told again.
func (st *State) ends(p *client.Provider, last *State, answer *client.Token, began time.Time) {
	if answer.GrantLifetime > 0 {
		st.GrantExpiresAt, st.GrantExpiresBy = began.Add(answer.GrantLifetime).Truncate(time.Second), p.GrantExpiresAtPointer
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
