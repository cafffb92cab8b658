// Package oauthrefresh is a HashiCorp Vault secrets engine that keeps OAuth 2.0 grants and leases
// the access tokens they yield.
//
// An operator writes one role per grant: the client's credentials and, for the refresh_token
// grant (RFC 6749 section 6), the refresh token. A workload reads creds/<role> and gets an access
// token with a lease; it never sees the refresh token or the client secret, and the private key of the client certificate
// only where an operator allows that.
//
// The engine exists for one promise: no grant is lost that a client can keep. Everything that could lose one goes
// through the one function in grant/refresh.go, whose order of steps is the design. This package is the
// paths: each decodes a request, calls a room below and answers. From top to bottom these are schedule, grant,
// role, provider and mount, which is Vault without OAuth, as client is OAuth without Vault.
package oauthrefresh

import (
	"context"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/authorize"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/metrics"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/provider"
	"vault-plugin-secrets-oauthrefresh/role"
	"vault-plugin-secrets-oauthrefresh/schedule"
)

// backend is one mount of the engine.
type backend struct {
	*framework.Backend
	grants   *grant.Keeper       // the grants, each with all that may spend its refresh token
	schedule *schedule.Schedule  // what happens without a caller
	consents *authorize.Consents // what people are agreeing to
	metrics  *metrics.Metrics    // what was done so far, counted
	edits    mount.Locks         // serialises all that writes the configuration, or a provider
}

// Version is what `vault plugin list` shows. Vault wants a semantic version with a leading v.
const Version = "v0.2.0"

// Factory builds the engine for one mount. Vault also calls it to learn the version, with an empty
// configuration and no storage: so nothing is read and no goroutine starts here.
func Factory(ctx context.Context, conf *logical.BackendConfig) (logical.Backend, error) {
	b := newBackend()
	if err := b.Setup(ctx, conf); err != nil {
		return nil, err
	}
	return b, nil
}

func newBackend() *backend {
	b := new(backend)
	b.grants = grant.New(b)
	b.schedule = schedule.New(b.grants)
	b.consents = authorize.New(b.grants)
	b.metrics = metrics.New(Version)
	b.grants.Meter = b.metrics
	b.Backend = &framework.Backend{
		Help:           strings.TrimSpace(backendHelp),
		BackendType:    logical.TypeLogical,
		RunningVersion: Version,
		PathsSpecial: &logical.Paths{
			// No wildcards: a prefix is meant when it ends in a slash.
			SealWrapStorage: []string{provider.ConfigKey, role.Prefix, grant.Prefix, grant.RevocationPrefix, authorize.Prefix},
			// Browsers come without a token.
			Unauthenticated: []string{callbackPath + "*", startPath + "*"},
		},
		Paths: framework.PathAppend(
			[]*framework.Path{pathConfig(b)},
			pathProviders(b),
			pathRoles(b),
			[]*framework.Path{pathCreds(b), pathIdentity(b), pathRefresh(b), pathRevoke(b), pathRehearse(b), pathExplain(b)},
			[]*framework.Path{pathOwners(b)},
			pathStatus(b),
			[]*framework.Path{pathMetrics(b)},
			[]*framework.Path{pathAuthorize(b), pathConfirm(b), pathDevice(b)},
			pathCallback(b),
		),
		Secrets: []*framework.Secret{b.accessTokenSecret(), b.identitySecret()},

		InitializeFunc: b.initialize,
		PeriodicFunc:   b.periodic,
		Clean:          b.clean,
		// Only nodes that don't write are told of others' writes, and these remember nothing. Who counts
		// as one is Vault's business, so it is not relied on.
		Invalidate: func(_ context.Context, key string) { b.grants.Forget(key) },
	}
	return b
}

// keyOf is the grant that a request is about.
func keyOf(d *framework.FieldData) grant.Key { return grant.Key(d.Get("name").(string)) }

// ownerField is that of an owner in the path.
var ownerField = mount.Fields{mount.Owner()}.Schema()["owner"]

// whoOf is who asks, and for whose grant of a role.
func whoOf(req *logical.Request, d *framework.FieldData) grant.Who {
	return grant.Who{Role: d.Get("name").(string), Owner: d.Get("owner").(string), Entity: req.EntityID}
}

// keyFor is the grant that a request is about, on a path that takes an owner.
func (b *backend) keyFor(ctx context.Context, req *logical.Request, d *framework.FieldData) (grant.Key, error) {
	return b.grants.KeyOf(ctx, req.Storage, whoOf(req, d))
}

// ownKey is keyFor where nobody may act for another entity.
func (b *backend) ownKey(ctx context.Context, req *logical.Request, d *framework.FieldData) (grant.Key, error) {
	return b.grants.OwnKeyOf(ctx, req.Storage, whoOf(req, d))
}

// minTTL is what a reader asks for.
func minTTL(d *framework.FieldData) time.Duration {
	return time.Duration(d.Get("min_ttl").(int)) * time.Second
}

// trimmed is a secret that a request brings, without the line ends that reading it from a file or a terminal leaves.
func trimmed(d *framework.FieldData, field string) string {
	return strings.Trim(d.Get(field).(string), "\r\n")
}

// answer is a response of these fields, or the error as Vault wants it.
func answer(data map[string]any, warnings []string, err error) (*logical.Response, error) {
	if err != nil {
		return mount.Answer(err)
	}
	return &logical.Response{Data: data, Warnings: warnings}, nil
}

func (b *backend) initialize(_ context.Context, req *logical.InitializationRequest) error {
	b.schedule.Start(b.grants.Over(req.Storage))
	return nil
}

// periodic is called once a minute.
func (b *backend) periodic(ctx context.Context, req *logical.Request) error {
	b.schedule.Start(req.Storage)
	b.grants.SignOfLife(ctx, req.Storage, clock.Now())
	b.grants.CatchUpSoon(req.Storage)
	b.consents.Tend(ctx, b.grants.Over(req.Storage))
	return nil
}

// cleanTimeout bounds how long a mount's end waits for exchanges in flight. Vault calls Clean with
// no deadline and blocks the step-down meanwhile, so this is what one exchange may take at most,
// with the time to store its answer, and not more.
const cleanTimeout = provider.MaxTimeout + 5*time.Second

// clean ends the mount: step-down, seal, disable and reload come here, and storage can still be
// written until it returns. What is in flight must be stored now or is lost.
func (b *backend) clean(context.Context) {
	if left := b.grants.Drain(cleanTimeout); left > 0 {
		b.Logger().Error("the mount ended before all refreshes were stored; their outcome is unknown", "refreshes", left)
	}
}

const backendHelp = `
Keeps OAuth 2.0 grants and leases the access tokens they yield.

Write a role with a client's credentials and its refresh token (or grant_type=client_credentials),
then read creds/<role>: the engine hands out the access token at hand or refreshes it when it is
due. Refresh tokens and client secrets are never handed out, a private key only by identity/<role>
of a role that says so.
`

// HandleRequest refuses what no path should have to look at, then lets the framework route. It
// comes before the framework's own validation because that one repeats the offending value.
func (b *backend) HandleRequest(ctx context.Context, req *logical.Request) (resp *logical.Response, err error) {
	defer mount.Contain(b.Logger(), &err)
	if resp, err, ours := b.browse(ctx, req); ours {
		return resp, err
	}
	if err := mount.CheckRequest(b.Route(req.Path), req); err != nil {
		return logical.ErrorResponse(err.Error()), nil
	}
	if at := b.grants.At.Load(); at == nil || *at != req.MountPoint {
		b.grants.At.Store(new(req.MountPoint))
	}
	req.Storage = b.grants.Over(req.Storage)
	resp, err = b.Backend.HandleRequest(ctx, req)
	resp, err = named(req.Path, resp, err)
	if req.Operation == logical.HelpOperation {
		mount.InlineSchemas(resp)
	}
	return resp, err
}

// HandleExistenceCheck keeps the fields from the framework: Vault logs an error from here, and the
// framework's holds the value that did not fit.
func (b *backend) HandleExistenceCheck(ctx context.Context, req *logical.Request) (checkFound, exists bool, err error) {
	defer mount.Contain(b.Logger(), &err)
	if path := b.Route(req.Path); path != nil && mount.CheckPathName(path, req) != nil {
		return true, false, nil // storage has no such key; the request itself will be refused
	}
	bare := *req
	bare.Data = nil
	return b.Backend.HandleExistenceCheck(ctx, &bare)
}

// Setup is the framework's, with a system view of our own.
func (b *backend) Setup(ctx context.Context, conf *logical.BackendConfig) error {
	b.grants.Vault = conf.System
	own := *conf
	own.System = &mount.SystemView{SystemView: conf.System}
	return b.Backend.Setup(ctx, &own)
}

// Rooms returns the keeper of a mount's grants and what tends them, for who looks into a mount from outside, as tests of
// the rooms do; nil for a mount that Factory has not made.
func Rooms(mount logical.Backend) (*grant.Keeper, *schedule.Schedule) {
	b, ok := mount.(*backend)
	if !ok {
		return nil, nil
	}
	return b.grants, b.schedule
}

// Abandon ends a mount whose Vault has gone, and its storage with it. No refresh begins, the exchanges in
// flight end as they may, and unlike at any other end nothing waits for storage to take what it has refused:
// there is none that could. It returns how many refreshes have an answer, or will get one, that is lost.
func Abandon(mount logical.Backend) (lost int) {
	b, ok := mount.(*backend)
	if !ok {
		return 0
	}
	return b.grants.Abandon(cleanTimeout)
}
