package role

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/provider"
)

// Authorizable tells whether consent can bring this role a grant: the provider has an endpoint for it, or gives
// authorization codes out in its own pages.
func Authorizable(p *client.Provider) bool {
	return p != nil && (p.AuthorizationEndpoint != "" || p.DeviceAuthorizationEndpoint != "" || p.AuthorizationElsewhere)
}

// CheckAuthorization returns why nobody may be sent to the provider's authorization endpoint: there is none, or it lies
// where it did not when the role was written. People type passwords there, so that whoever may edit a provider must not
// be able to lead them elsewhere.
func (t *Target) CheckAuthorization() error {
	if t.Endpoints.Authorization == "" {
		return mount.Refusal("the provider of this role has no authorization_endpoint: write it to a provider of your own, use device/<role> where the provider has a " +
			"device_authorization_endpoint, or, where the provider gives authorization codes out in its own pages, write one to confirm/<role> as authorization_code, with its redirect_uri")
	}
	if err := t.CheckConsentHosts(); err != nil {
		return err
	}
	now, err := client.Origin(t.Endpoints.Authorization)
	if err != nil {
		return mount.Refuse(err)
	}
	switch t.Role.AuthorizationOrigin {
	case now:
		return nil
	case "":
		return mount.Refusal("this role was written before its provider had an authorization_endpoint: write the role once more, for which no secret is needed")
	}
	return mount.Refusal("the provider's authorization_endpoint is now at another place than when this role was written, so nobody is sent there: " +
		"undo the change of the provider or, if it is right, write the role once more, for which no secret is needed")
}

// CheckConsentHosts refuses a consent that would lead to a host which the mount's allowed_hosts forbid. A grant that is
// there goes on without it.
func (t *Target) CheckConsentHosts() error {
	return mount.Refuse(provider.CheckConsentHosts(t.Endpoints, t.Options))
}

// AuthorizeDevice asks the provider for a code that a person types on another machine (RFC 8628 section 3.1). The error is
// a *client.Error, or one from here.
func (t *Target) AuthorizeDevice(ctx context.Context, last Worked, scope string) (got *client.DeviceAuthorization, err error) {
	if err := cmp.Or(t.CheckConsentHosts(), t.CheckOrigin(t.Endpoints.DeviceAuthorization)); err != nil {
		return nil, err
	}
	err = t.try(last, func(request *client.Request) (err error) {
		request.Endpoint, request.GrantType, request.Scope = t.Endpoints.DeviceAuthorization, client.GrantDeviceCode, scope
		got, err = client.AuthorizeDevice(ctx, t.Options, request)
		return err
	})
	return got, err
}

// PushAuthorization gives the provider an authorization request (RFC 9126 section 2.1), and returns the request_uri that
// stands for it. The error is a *client.Error, or one from here.
func (t *Target) PushAuthorization(ctx context.Context, last Worked, a *client.AuthorizationRequest) (uri string, err error) {
	if err := t.CheckOrigin(t.Endpoints.PushedAuthorization); err != nil {
		return "", err
	}
	err = t.try(last, func(request *client.Request) (err error) {
		request.Endpoint, request.GrantType = t.Endpoints.PushedAuthorization, client.GrantAuthorizationCode
		uri, _, err = client.PushAuthorization(ctx, t.Options, request, a)
		return err
	})
	return uri, err
}

// pinAuthorization notes where the authorization endpoint is as the role is written.
func (t *Target) pinAuthorization() (err error) {
	t.Role.AuthorizationOrigin = ""
	if t.Endpoints.Authorization != "" {
		t.Role.AuthorizationOrigin, err = client.Origin(t.Endpoints.Authorization)
	}
	return mount.Refuse(err)
}

// CheckRedirect returns why a consent of this role may not end at a redirect URI, which is not the mount's own: it must
// be one of the role's redirect_uris, letter for letter (RFC 9700 section 4.1.3), or a loopback address on any port (RFC
// 8252 section 7.3).
func (r *Role) CheckRedirect(uri string) error {
	if slices.Contains(r.RedirectURIs, uri) {
		return nil
	}
	if err := checkRedirect(uri); err != nil {
		return mount.Refusal("redirect_uri " + err.Error())
	}
	if u, err := url.Parse(uri); err == nil && u.Scheme == "http" && client.IsLoopback(u) {
		return nil
	}
	return mount.Refusal("redirect_uri is none of this role's redirect_uris, nor an address of this machine such as http://127.0.0.1:8400/: write it to redirect_uris of the role first")
}

// checkRedirect returns what is wrong with a redirect URI (RFC 6749 section 3.1.2), to follow its field's name.
func checkRedirect(uri string) error {
	u, err := url.Parse(uri)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Opaque != "" || strings.ContainsFunc(uri, breaks) || strings.ContainsAny(uri, " \\"):
		return mount.Refusal("must be an absolute URL such as https://app.example.com/callback or http://127.0.0.1:8400/")
	case !client.ValidPort(u):
		return mount.Refusal("must name a port between 1 and 65535, or none")
	case len(uri) > maxRedirect:
		return mount.Refusal("is longer than 2048 bytes")
	case strings.Contains(uri, "#"):
		return mount.Refusal("must have no fragment (RFC 6749 section 3.1.2)")
	case u.Scheme != "https" && (u.Scheme != "http" || !client.IsLoopback(u)):
		return mount.Refusal("must begin with https://, or be an address of this machine such as http://127.0.0.1:8400/")
	}
	own, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return mount.Refusal("must have a query that can be read: write % and ; as %25 and %3B")
	}
	for name, values := range own {
		if len(values) > 1 || slices.Contains([]string{"code", "state", "iss", "error"}, name) {
			return mount.Refusal("must not hold a parameter that comes with the answer (code, state, iss, error), and none twice")
		}
	}
	return nil
}

const maxRedirect = 2048

// checkConsent returns what is wrong with what a role says of consent.
func (r *Role) checkConsent() error {
	if r.GrantType != client.GrantRefreshToken && (r.DeviceFlow || len(r.RedirectURIs) > 0 || len(r.AuthorizationParams) > 0) {
		return mount.Refusal("authorization_params, redirect_uris and device_flow are for grant_type=refresh_token: nobody consents to the others")
	}
	if len(r.RedirectURIs) > 64 {
		return mount.Refusal("redirect_uris holds more than 64 entries")
	}
	for _, uri := range r.RedirectURIs {
		if err := checkRedirect(uri); err != nil {
			return mount.Refusal("redirect_uris: each " + err.Error())
		}
	}
	return mount.Refuse(client.CheckAuthorizationParams(r.AuthorizationParams))
}
