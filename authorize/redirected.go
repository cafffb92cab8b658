package authorize

import (
	"cmp"
	"context"
	"net/url"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// redirected exchanges the code in the address at which the browser has ended. Only the caller who has begun may bring it.
func (c *Consents) redirected(ctx context.Context, s logical.Storage, key grant.Key, who Caller, address string) (*Consent, error) {
	in, err := readAddress(address)
	if err != nil {
		return nil, err
	}
	at := placeOf(in["state"])
	if at == "" {
		return nil, errNothing(key)
	}
	con, err := c.get(ctx, s, at)
	if err != nil {
		return nil, err
	}
	if con == nil || con.Grant != key || con.Caller != who.ID || con.Device != nil || !clock.Now().Before(con.ExpiresAt) {
		return nil, errNothing(key)
	}
	if !con.endsAt(strings.TrimSpace(address), in) {
		return nil, mount.Refusal("redirected_to is not the redirect_uri that this was begun with, followed by what the provider has added: paste the whole address at which the browser ended")
	}
	return detached(ctx, c, con.at, func(ctx context.Context) (*Consent, error) {
		con, err := c.get(ctx, s, con.at)
		switch {
		case err != nil:
			return nil, err
		case con != nil && con.State == StateGranted && con.Proof == "":
			return con, nil // a confirm of this address broke off
		case con == nil || !con.awaits():
			return nil, mount.Refusal("the state in redirected_to was used already: read authorize/" + key.Path() + " to see what became of it, or begin again")
		}
		if err := c.spend(ctx, s, con, in); err != nil {
			return nil, err
		}
		c.keep(ctx, s, con)
		return con, nil
	})
}

// endsAt tells whether an address is the redirect URI with parameters added. A redirect URI may have a query of its own,
// which stays (RFC 6749 section 3.1.2).
func (con *Consent) endsAt(address string, in answer) bool {
	place, placeErr := url.Parse(address)
	want, wantErr := url.Parse(con.RedirectURI)
	if placeErr != nil || wantErr != nil || placeNamed(place) != placeNamed(want) {
		return false
	}
	for name, value := range want.Query() {
		if in[name] != value[0] {
			return false
		}
	}
	return true
}

// placeNamed is a URL without its query as browsers show it: host in lower case, no port that the scheme implies, a slash
// for no path (WHATWG URL Standard).
func placeNamed(u *url.URL) string {
	port := u.Port()
	if u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		port = ""
	}
	return strings.ToLower(u.Scheme+"://"+u.Hostname()) + ":" + port + cmp.Or(u.EscapedPath(), "/")
}

// readAddress takes an address apart: what stands in its query.
func readAddress(address string) (in answer, err error) {
	address = strings.TrimSpace(address)
	u, err := url.Parse(address)
	bad := mount.Refusal("redirected_to must be the whole address at which the browser ended, as in http://127.0.0.1:8400/?code=...&state=...; redirected_to=- reads it from where you paste it")
	switch {
	case err != nil || u.Scheme == "" || u.Host == "" || len(address) > maxAnswer:
		return nil, bad
	case u.Fragment != "" || strings.Contains(address, "#"):
		return nil, mount.Refusal("redirected_to has a fragment (#): codes come in the query (RFC 6749 section 4.1.2); paste the address as the browser shows it")
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, bad
	}
	in = answer{}
	for name, value := range values {
		if len(value) != 1 {
			return nil, mount.Refusal("redirected_to holds a parameter twice, which no provider sends (RFC 6749 section 3.1): begin again")
		}
		in[name] = value[0]
	}
	if in["state"] == "" {
		return nil, mount.Refusal("redirected_to holds no state: paste the whole address at which the browser ended, after you have agreed")
	}
	return in, nil
}
