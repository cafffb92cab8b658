package role

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/provider"
)

// Target is where a role's exchanges go and how they are made: role, provider and configuration
// put together.
type Target struct {
	Role      *Role
	Provider  *client.Provider // with the role's overrides
	Endpoints client.Endpoints // with the role's parameters filled in, and the aliases of RFC 8705 where the client needs its certificate
	Options   client.Options   // the configuration's bounds, with the role's authorities
	Config    *provider.Config

	defined client.Endpoints // as the definition has them, whichever alias is used
	pins    *Pins            // what the role is held to, nil for nothing
	says    *Pins            // what the definition says now

	Description Description
}

// NewTarget resolves a role. What does not fit together is a refusal: somebody must write something.
func NewTarget(ctx context.Context, s logical.Storage, r *Role) (*Target, error) {
	p, err := provider.Get(ctx, s, r.Provider)
	if err != nil {
		return nil, err
	}
	return TargetOf(ctx, s, r, p)
}

// TargetOf is NewTarget for a provider that has been looked up already, nil when there is none.
func TargetOf(ctx context.Context, s logical.Storage, r *Role, p *client.Provider) (*Target, error) {
	c, err := provider.GetConfig(ctx, s)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, errUnknownProvider
	}
	t := &Target{Role: r, Provider: override(r, p), Config: c, Description: Describe(r, p)}
	if err := t.Provider.Validate(c.AllowInsecureEndpoints); err != nil {
		return nil, mount.Refuse(err)
	}
	if t.Endpoints, err = p.Endpoints(r.ProviderParams); err != nil {
		return nil, mount.Refusal("provider_params: " + err.Error())
	}
	t.defined = t.Endpoints
	// Not whoever has a certificate: it may be there to sign with, or for a server that asks everybody.
	if t.Provider.NeedsCertificate() {
		t.Endpoints = t.Endpoints.WithAliases()
	}
	if t.Options, err = c.Options(r.CACertificate); err != nil {
		return nil, mount.Refuse(err)
	}
	if err := provider.CheckHosts(t.Endpoints, t.Options); err != nil {
		return nil, mount.Refuse(err)
	}
	return t, t.readPins(ctx, s, p)
}

// origins are the places that the role's secrets may go to: with the aliases, so that a role can take to
// mutual TLS without a new grant.
func (t *Target) origins() ([]string, error) {
	var origins []string
	all := []string{t.defined.Token, t.defined.Revocation, t.defined.MutualTLS.Token, t.defined.MutualTLS.Revocation,
		t.defined.DeviceAuthorization, t.defined.PushedAuthorization}
	for _, endpoint := range all {
		if endpoint == "" {
			continue
		}
		origin, err := client.Origin(endpoint)
		if err != nil {
			return nil, mount.Refuse(err)
		}
		origins = append(origins, origin)
	}
	slices.Sort(origins)
	return slices.Compact(origins), nil
}

// moved tells whether an endpoint lies where the role's secrets were not written for.
func (t *Target) moved(endpoint string) (bool, error) {
	if endpoint == "" {
		return false, nil
	}
	origin, err := client.Origin(endpoint)
	return err == nil && !slices.Contains(t.Role.Origins, origin), mount.Refuse(err)
}

// CheckOrigin refuses to send the role's secrets to a place that they were not written for.
func (t *Target) CheckOrigin(endpoint string) error {
	moved, err := t.moved(endpoint)
	if err != nil || !moved {
		return err
	}
	return mount.Refusal("the provider's endpoint is now at another place than the one that this role's secrets were written for, so they are not sent there: " +
		"undo the change of the provider or of provider_params, or, if the new place is right, write the secrets of the role again")
}

// Request is one exchange or revocation, with the credentials that were picked; the refresh token is unset where none is
// presented. A refusal says why none may be made: CheckOrigin's, or credentials that can't be used.
func (t *Target) Request(refreshToken client.Secret, who Credentials) (*client.Request, error) {
	if err := t.CheckOrigin(t.Endpoints.Token); err != nil {
		return nil, err
	}
	r := t.Role
	id, err := who.Identity()
	if err != nil {
		return nil, mount.Refuse(err)
	}
	key, err := t.signingKey(who, id)
	if err != nil {
		return nil, mount.Refuse(err)
	}
	return &client.Request{
		Provider: t.Provider, Endpoint: t.Endpoints.Token, Audience: t.defined.Token, RevocationAudience: t.defined.Revocation, GrantType: r.GrantType,
		ClientID: r.ClientID, ClientSecret: who.ClientSecret,
		Assertion:    client.Assertion{Key: key, KeyID: who.AssertionKeyID, Subject: r.Subject, Claims: r.AssertionClaims},
		RefreshToken: refreshToken, Scope: r.Scope, Identity: id,
		Params: revealAll(r.TokenParams), Headers: revealAll(r.TokenHeaders),
	}, nil
}

// Revoke asks the provider to revoke a token (RFC 7009), which the hint says the kind of, with the credentials that work, and with others as a refresh
// would: to revoke twice does no harm. The error is a *client.Error, or one from here.
func (t *Target) Revoke(ctx context.Context, last Worked, what client.Secret, hint string) error {
	if err := t.CheckOrigin(t.Endpoints.Revocation); err != nil {
		return err
	}
	return t.try(last, func(request *client.Request) error {
		request.Endpoint = t.Endpoints.Revocation
		return client.Revoke(ctx, t.Options, request, what, hint)
	})
}

// try sends a request that does no harm twice with the credentials that worked last, and with others as a refresh would.
func (t *Target) try(last Worked, send func(*client.Request) error) error {
	for c := t.Role.Choices(last, clock.Now()); ; {
		request, err := t.Request(client.Secret{}, t.Role.Pick(c))
		if err != nil {
			return err
		}
		err = send(request)
		if e, ok := errors.AsType[*client.Error](err); !ok || !c.After(t, e, true) {
			return err
		}
	}
}

// override lays what a role says over its provider's definition.
func override(r *Role, p *client.Provider) *client.Provider {
	o := p.Clone()
	o.TokenEndpointAuthMethod = cmp.Or(r.TokenEndpointAuthMethod, o.TokenEndpointAuthMethod)
	o.RequestFormat = cmp.Or(r.RequestFormat, o.RequestFormat)
	o.TokenEndpointAuthSigningAlg = cmp.Or(r.SigningAlg, o.TokenEndpointAuthSigningAlg)
	o.AssertionAudience = cmp.Or(r.AssertionAudience, o.AssertionAudience)
	if r.AssumedTokenTTL != 0 {
		o.AssumedTokenTTL = client.Duration(r.AssumedTokenTTL)
	}
	return o
}

// errUnknownProvider: a role names a provider that is not there, or no longer.
var errUnknownProvider = mount.Refusal("the provider of this role does not exist: list the providers to see which there are, or write it to providers/<name>")

// signingKey is what assertions are signed with, nil where none is needed or there is none.
func (t *Target) signingKey(c Credentials, id *client.Identity) (*client.SigningKey, error) {
	switch {
	case !t.Role.signs(t.Provider):
		return nil, nil
	case c.AssertionKey.IsSet():
		return client.LoadSigningKey(c.AssertionKey, c.AssertionCertificate)
	case id != nil:
		return id.SigningKey(), nil
	}
	return nil, nil
}
