package oauthrefresh

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// target is where a role's exchanges go and how they are made: role, provider and configuration
// put together.
type target struct {
	role      *role
	provider  *client.Provider // with the role's overrides
	endpoints client.Endpoints
	defined   client.Endpoints // as the definition has them, whichever alias is used
	options   client.Options
	config    *config
	pins      *pins // what the role is held to, nil for nothing
	says      *pins // what the definition says now

	description description
}

// newTarget resolves a role. What does not fit together is a refusal: somebody must write something.
func newTarget(ctx context.Context, s logical.Storage, r *role) (*target, error) {
	p, err := getProvider(ctx, s, r.Provider)
	if err != nil {
		return nil, err
	}
	return targetOf(ctx, s, r, p)
}

// targetOf is newTarget for a provider that has been looked up already, nil when there is none.
func targetOf(ctx context.Context, s logical.Storage, r *role, p *client.Provider) (*target, error) {
	c, err := getConfig(ctx, s)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, errUnknownProvider
	}
	t := &target{role: r, provider: override(r, p), config: c, description: describe(r, p)}
	if err := t.provider.Validate(c.AllowInsecureEndpoints); err != nil {
		return nil, refuse(err)
	}
	if t.endpoints, err = p.Endpoints(r.ProviderParams); err != nil {
		return nil, refusal("provider_params: " + err.Error())
	}
	t.defined = t.endpoints
	// Not whoever has a certificate: it may be there to sign with, or for a server that asks everybody.
	if t.provider.NeedsCertificate() {
		t.endpoints = t.endpoints.WithAliases()
	}
	if t.options, err = c.options(r.CACertificate); err != nil {
		return nil, refuse(err)
	}
	if err := checkHosts(t.endpoints, t.options); err != nil {
		return nil, refuse(err)
	}
	return t, t.readPins(ctx, s, p)
}

// origins are the places that the role's secrets may go to: with the aliases, so that a role can take to
// mutual TLS without a new grant.
func (t *target) origins() ([]string, error) {
	var origins []string
	all := []string{t.defined.Token, t.defined.Revocation, t.defined.MutualTLS.Token, t.defined.MutualTLS.Revocation}
	for _, endpoint := range all {
		if endpoint == "" {
			continue
		}
		origin, err := client.Origin(endpoint)
		if err != nil {
			return nil, refuse(err)
		}
		origins = append(origins, origin)
	}
	slices.Sort(origins)
	return slices.Compact(origins), nil
}

// moved tells whether an endpoint lies where the role's secrets were not written for.
func (t *target) moved(endpoint string) (bool, error) {
	if endpoint == "" {
		return false, nil
	}
	origin, err := client.Origin(endpoint)
	return err == nil && !slices.Contains(t.role.Origins, origin), refuse(err)
}

// follows tells whether the role goes along with its provider as it is defined now. Where it does not, no
// request is made, and what is asked for there is not what the token at hand is measured by: that is
// served to its end.
func (r *role) follows(p *client.Provider) bool {
	endpoints, err := p.Endpoints(r.ProviderParams)
	if err != nil {
		return false
	}
	origin, err := client.Origin(endpoints.Token)
	return err == nil && slices.Contains(r.Origins, origin)
}

// checkOrigin refuses to send the role's secrets to a place that they were not written for.
func (t *target) checkOrigin(endpoint string) error {
	moved, err := t.moved(endpoint)
	if err != nil || !moved {
		return err
	}
	return refusal("the provider's endpoint is now at another place than the one that this role's secrets were written for, so they are not sent there: " +
		"undo the change of the provider or of provider_params, or, if the new place is right, write the secrets of the role again")
}

// request is one exchange or revocation with the role's credentials, as they were picked.
func (t *target) request(refreshToken client.Secret, who credentials) (*client.Request, error) {
	if err := t.checkOrigin(t.endpoints.Token); err != nil {
		return nil, err
	}
	r := t.role
	id, err := who.identity()
	if err != nil {
		return nil, refuse(err)
	}
	key, err := t.signingKey(who, id)
	if err != nil {
		return nil, refuse(err)
	}
	return &client.Request{
		Provider: t.provider, Endpoint: t.endpoints.Token, Audience: t.defined.Token, RevocationAudience: t.defined.Revocation, GrantType: r.GrantType,
		ClientID: r.ClientID, ClientSecret: who.ClientSecret,
		Assertion:    client.Assertion{Key: key, KeyID: who.AssertionKeyID, Subject: r.Subject, Claims: r.AssertionClaims},
		RefreshToken: refreshToken, Scope: r.Scope, Identity: id,
		Params: revealAll(r.TokenParams), Headers: revealAll(r.TokenHeaders),
	}, nil
}

// revokes asks the provider to revoke a token, with the credentials that work, and with others as a refresh
// would: to revoke twice does no harm. The error is a *client.Error, or one from here.
func (t *target) revokes(ctx context.Context, last worked, what client.Secret, hint string) error {
	if err := t.checkOrigin(t.endpoints.Revocation); err != nil {
		return err
	}
	for c := t.role.choices(last, clock.Now()); ; {
		request, err := t.request(client.Secret{}, t.role.pick(c))
		if err != nil {
			return err
		}
		request.Endpoint = t.endpoints.Revocation
		err = client.Revoke(ctx, t.options, request, what, hint)
		if e, ok := errors.AsType[*client.Error](err); !ok || !c.after(t, e, true) {
			return err
		}
	}
}

// override lays what a role says over its provider's definition.
func override(r *role, p *client.Provider) *client.Provider {
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
var errUnknownProvider = refusal("the provider of this role does not exist: list the providers to see which there are, or write it to providers/<name>")
