package role

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/provider"
)

// checkRefreshToken wants a refresh token where there was none, and never takes one away: an unset
// shell variable would cost the grant. A role whose grant was revoked may be edited without one.
//
// Where consent can bring the grant, a role is written without one first.
func (w *Write) checkRefreshToken(r *Role, p *client.Provider) error {
	if r.PerOwner() {
		return nil
	}
	had := w.Old != nil && w.Old.Spends()
	if !r.Spends() || r.RefreshToken.IsSet() || !w.Names("refresh_token") && (had || Authorizable(p)) {
		return nil
	}
	if Authorizable(p) {
		return mount.Refusal("refresh_token is empty: write the refresh token of the grant, or leave the field out and authorize the role afterwards, with authorize/<role>; to forget a grant, delete its role")
	}
	return mount.Refusal("refresh_token is required: the refresh token of the grant (with an authorization_endpoint in the provider, authorize/<role> would bring it), or set grant_type=client_credentials or jwt-bearer; to forget a grant, delete its role")
}

// checkProviderOf returns the role's provider, and refuses a role without one, or with one that nobody knows. That explains most of what else may
// seem to be wrong, so it comes first.
func checkProviderOf(ctx context.Context, s logical.Storage, r *Role) (*client.Provider, error) {
	if r.Provider == "" {
		return nil, mount.Refusal("provider is required: list the providers to see which there are")
	}
	p, err := provider.Get(ctx, s, r.Provider)
	if err == nil && p == nil {
		err = errUnknownProvider
	}
	return p, err
}

// check returns what is wrong with the role by itself.
func (r *Role) check() error {
	if !slices.Contains([]string{client.GrantRefreshToken, client.GrantClientCredentials, client.GrantJWTBearer}, r.GrantType) {
		return mount.Refusal("grant_type must be refresh_token, client_credentials or jwt-bearer")
	}
	if r.Subject != "" && r.GrantType != client.GrantJWTBearer {
		return mount.Refusal("subject is for grant_type=jwt-bearer only: leave it out, or write subject=\"\"")
	}
	if r.TokenMode != tokenModeShared && r.TokenMode != TokenModePerLease {
		return mount.Refusal("token_mode must be shared or per_lease")
	}
	if r.TokenMode == TokenModePerLease && !r.Lease {
		return mount.Refusal("a token for each lease needs lease=true: it ends with its lease")
	}
	if r.ClientID == "" {
		return mount.Refusal("client_id is required: the client's id at the provider")
	}
	if r.TTL != 0 && r.TTL < MinLease {
		return mount.Refusal(fmt.Sprintf("ttl must be at least %s, or 0 for as long as the token allows", client.Duration(MinLease)))
	}
	if r.KeepalivePeriod != 0 && r.KeepalivePeriod < MinKeepalive {
		return mount.Refusal(fmt.Sprintf("keepalive_period must be at least %s, or 0 for the provider's own", client.Duration(MinKeepalive)))
	}
	if r.IdentityReadable && r.CertificateChain == "" {
		return mount.Refusal("identity_readable=true hands out the role's client certificate, and the role has none: give pfx and pfx_password, or client_certificate and client_private_key, or set identity_readable=false")
	}
	if err := cmp.Or(r.checkConsent(), r.checkOwner(), r.checkLabels(), mount.Refuse(client.CheckRefreshesPerDay(r.MaxRefreshesPerDay))); err != nil {
		return err
	}
	if _, err := provider.RootCAs(r.CACertificate); err != nil {
		return mount.Refuse(err)
	}
	return mount.Refuse(cmp.Or(checkTexts(r), client.CheckClaims(r.AssertionClaims), client.CheckParams(revealAll(r.TokenParams)), client.CheckHeaders(revealAll(r.TokenHeaders))))
}

// maxText bounds what is sent in a request, in bytes: refresh tokens that are JWTs reach 8 KiB.
const maxText = 64 << 10

// checkTexts refuses what no OAuth credential may contain (RFC 6749 appendix A) and what is easily
// pasted along.
func checkTexts(r *Role) error {
	for field, text := range map[string]string{
		"client_id": r.ClientID, "client_secret": r.ClientSecret.Reveal(), "next_client_secret": r.Next.ClientSecret.Reveal(), "previous_client_secret": r.PreviousClientSecret.Reveal(),
		"refresh_token": r.RefreshToken.Reveal(), "scope": r.Scope, "subject": r.Subject, "assertion_key_id": r.AssertionKeyID, "next_assertion_key_id": r.Next.AssertionKeyID,
	} {
		if err := CheckText(field, text); err != nil {
			return err
		}
	}
	return nil
}

// CheckText refuses a text of a field that no OAuth parameter may contain; "" is none.
func CheckText(field, text string) error {
	switch {
	case strings.ContainsFunc(text, breaks):
		return fmt.Errorf("%s holds a line break or another control character: write it on one line, as the provider gave it", field)
	case len(text) > maxText:
		return fmt.Errorf("%s is longer than %d KiB, more than any server takes", field, maxText>>10)
	case text != "" && strings.TrimSpace(text) == "":
		return fmt.Errorf("%s is blank: write it as the provider gave it, or as \"\" for none", field)
	}
	return nil
}

// breaks tells a character that is no part of a text on one line, or that nobody sees: what terminals, editors and
// web pages put into a long text that is copied from them.
func breaks(c rune) bool {
	return unicode.IsControl(c) || slices.Contains([]rune{'\u2028', '\u2029', '\u200b', '\ufeff'}, c)
}

// parameter finds the name that a refresh token has in forms and in JSON, and not a token that ends that way.
var parameter = regexp.MustCompile(`(^|[?&\s])refresh_token=|refresh_token"`)

// warnOfPasting says of a refresh token that it looks like more than the token: no server is known that has such, and
// RFC 6749 allows them.
func warnOfPasting(refreshToken client.Secret) (warnings []string) {
	text := refreshToken.Reveal()
	if strings.TrimFunc(text, around) != text || strings.Contains(text, `\n`) || strings.Contains(text, `\r`) ||
		strings.HasPrefix(text, "{") || strings.HasPrefix(text, "Bearer ") || parameter.MatchString(text) {
		warnings = append(warnings, `refresh_token begins or ends with a blank or a quotation mark, holds \n or \r in letters, or looks like more than the token: `+
			"it is sent as it stands; if something was copied along, write it again without")
	}
	return warnings
}

func around(c rune) bool { return unicode.IsSpace(c) || strings.ContainsRune("\"'`", c) }

// warnOfBlanks says the same of what else identifies the client. Secrets that people have thought of hold all else.
func (w *Write) warnOfBlanks(r *Role) {
	for _, f := range []struct{ name, text string }{
		{"client_id", r.ClientID}, {"client_secret", r.ClientSecret.Reveal()},
		{"next_client_secret", r.Next.ClientSecret.Reveal()}, {"previous_client_secret", r.PreviousClientSecret.Reveal()},
	} {
		if w.Names(f.name) && strings.TrimSpace(f.text) != f.text {
			w.Warnings = append(w.Warnings, f.name+" begins or ends with a blank: it is sent as it stands; if that was copied along, write it again without")
		}
	}
}

// CheckTokenMode refuses tokens of their own where getting one takes another's away.
func (t *Target) CheckTokenMode() error {
	if t.Role.TokenMode != TokenModePerLease {
		return nil
	}
	if t.Endpoints.Revocation == "" {
		return mount.Refusal("a token for each lease needs a provider with a revocation_endpoint; use shared")
	}
	if t.Provider.RefreshInvalidatesAccessToken || t.Role.Spends() && t.Provider.RefreshTokenRotation != client.RotationNever {
		return mount.Refusal("a token for each lease needs a provider whose refresh_token_rotation is never and whose refreshes leave other access tokens alone, or grant_type=client_credentials; use shared")
	}
	return nil
}

// checkCredentials returns which credential the provider needs and the role lacks.
func (t *Target) checkCredentials() error {
	method := t.Provider.TokenEndpointAuthMethod
	if t.Provider.NeedsSecret() && !t.Role.ClientSecret.IsSet() && t.Role.GrantType != client.GrantJWTBearer {
		return mount.Refusal(fmt.Sprintf("client_secret is required: this provider authenticates clients with %s; for a client that authenticates another way "+
			"set token_endpoint_auth_method on the role, none for one without a secret (and client_secret_optional on the provider for one whose secret is empty)", method))
	}
	if t.Role.signs(t.Provider) && !t.Role.AssertionKey.IsSet() && t.Role.CertificateChain == "" {
		return mount.Refusal("this client signs assertions and has no key to: give assertion_private_key, or pfx and pfx_password")
	}
	if t.Provider.NeedsCertificate() && t.Role.CertificateChain == "" {
		return mount.Refusal("this provider needs a client certificate: give pfx and pfx_password, or client_certificate and client_private_key")
	}
	return nil
}

// MinKeepalive is as often as an idle grant is refreshed at most: every refresh spends a refresh token.
// The shortest idle time of a provider that is known is some hours (Epic).
const MinKeepalive = 10 * time.Second

// MinLease is the shortest lease there is. Vault turns a TTL of 0 into 768 hours and one below
// half a second into 0, on which an Agent sleeps for minutes; a few seconds are gone before
// their reader has done anything.
const MinLease = 5 * time.Second

// checkAssertions returns what is wrong with what the role signs with. A next key is looked at like the one
// in use: its turn comes when nobody is there to correct it.
func (t *Target) checkAssertions(c Credentials, prefix string) error {
	if t.Provider.TokenEndpointAuthMethod == client.AuthSecretJWT && c.ClientSecret.IsSet() {
		if err := client.CheckSecretAlgorithm(t.Provider.TokenEndpointAuthSigningAlg, c.ClientSecret); err != nil {
			return mount.Refuse(under(prefix, err))
		}
		if previous := t.Role.PreviousClientSecret; previous.IsSet() {
			if err := client.CheckSecretAlgorithm(t.Provider.TokenEndpointAuthSigningAlg, previous); err != nil {
				return mount.Refuse(under("previous_", err))
			}
		}
	}
	id, err := c.Identity()
	if err != nil {
		return mount.Refuse(under(prefix, err))
	}
	key, err := t.signingKey(c, id)
	if err != nil || key == nil {
		return mount.Refuse(under(prefix, err))
	}
	alg := t.Provider.TokenEndpointAuthSigningAlg
	if t.Provider.TokenEndpointAuthMethod == client.AuthSecretJWT {
		alg = "" // that of the secret
	}
	if err := key.CheckAlgorithm(alg); err != nil {
		return mount.Refusal(fmt.Sprintf("%sassertion_private_key: %v", prefix, err))
	}
	if err := t.Provider.CheckSigningKey(key); err != nil {
		return mount.Refusal(fmt.Sprintf("%sassertion_private_key: %v", prefix, err))
	}
	return nil
}

// checkMethods refuses a second way to authenticate besides the one that is used: RFC 6749 section 2.3
// allows one, and whoever has written both can't tell which one it is.
func (t *Target) checkMethods() error {
	switch {
	case !t.Provider.UsesSecret() && t.Role.ClientSecret.IsSet():
		return mount.Refusal("this client does not authenticate with a client_secret, so it would never be used: " +
			"write client_secret=\"\" too, or another token_endpoint_auth_method")
	case !t.Role.signs(t.Provider) && t.Role.AssertionKey.IsSet():
		return mount.Refusal("this client does not authenticate with an assertion_private_key, so it would never be used: " +
			"write assertion_private_key=\"\" too, or token_endpoint_auth_method=private_key_jwt")
	}
	return nil
}
