package oauthrefresh

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

func pathIdentity(b *backend) *framework.Path {
	return &framework.Path{
		Pattern:      "identity/(?P<name>.+)",
		DisplayAttrs: mount.Display("identity"),
		Fields: map[string]*framework.FieldSchema{
			"name": {Type: framework.TypeString, Description: "Name of the role, from the path."},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: mount.Writing(b.pathIdentityRead, "", "Get the client certificate and private key of a role."),
		},
		HelpSynopsis: "Get the client certificate of a role, with its private key.",
		HelpDescription: `For workloads that have to present the client certificate themselves, because an API wants to see it
along with the token. Refused unless the role has identity_readable=true, and of no concern to a
policy that grants creds/<name> only. The answer has certificate_chain (PEM, the client's own first,
without the root) and private_key (PEM, PKCS #8) with private_key_type (rsa, ec or ed25519), the same
as pfx (PKCS #12 in base64) under pfx_password, which is made anew for each read, fingerprint (SHA-256
of the certificate in hex) and not_after. The lease says when to read again: after an hour at most, so
that a new certificate is taken up soon. It can't be renewed, and revoking it takes nothing back: a
certificate ends at not_after, or when its issuer revokes it.`,
	}
}

func (b *backend) pathIdentityRead(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	g, err := b.grants.Look(ctx, req.Storage, keyOf(d))
	if err != nil {
		return mount.Answer(err)
	}
	if !g.Role.IdentityReadable {
		return mount.Answer(mount.Refusal(fmt.Sprintf(
			"the client certificate of this role is not handed out: that takes identity_readable=true on roles/%s", g.Key)))
	}
	id, err := g.Identity(clock.Now())
	if err != nil {
		return mount.Answer(mount.Refuse(err))
	}
	if id == nil {
		return mount.Answer(mount.Refusal("this role has no client certificate: write one to it"))
	}
	resp, err := b.leaseIdentity(id, clock.Now())
	if err != nil {
		return mount.Answer(mount.Refuse(err))
	}
	return resp, nil
}

// identityType names the kind of lease in storage; renaming it would orphan every lease.
const identityType = "identity"

// identityLease is how long a workload keeps what it has read: so long at most it goes on with a certificate
// after its successor was written. Hourly reads cost Vault next to nothing, and operators leave more time
// than that between a certificate's renewal and its end.
const identityLease = time.Hour

// identitySecret is what a lease of a client certificate means to Vault. Its end changes nothing: only the
// issuer can revoke a certificate, and other readers go on with the same one. Were that an error, the mount could
// not be disabled.
func (b *backend) identitySecret() *framework.Secret {
	return &framework.Secret{
		Type:   identityType,
		Fields: map[string]*framework.FieldSchema{"private_key": {Type: framework.TypeString, Description: "The private key."}},
		Revoke: func(context.Context, *logical.Request, *framework.FieldData) (*logical.Response, error) {
			return nil, nil
		},
	}
}

// leaseIdentity is the answer of identity/<name>. The errors are for its reader.
func (b *backend) leaseIdentity(id *client.Identity, now time.Time) (*logical.Response, error) {
	if err := id.Check(now); err != nil {
		return nil, err
	}
	ttl := min(identityLease, id.NotAfter().Sub(now))
	if longest := b.System().MaxLeaseTTL(); longest > 0 {
		ttl = min(ttl, longest)
	}
	if ttl = ttl.Truncate(time.Second); ttl < role.MinLease {
		return nil, fmt.Errorf("what is left of the client certificate, or the longest lease that the mount allows, is less than %s, too short for a lease",
			client.Duration(role.MinLease))
	}
	password := client.NewSecret(rand.Text())
	pfx, err := id.PFX(password)
	if err != nil {
		return nil, err
	}
	chain, key := id.PEM()
	// No field is called certificate: Vault Agent takes such an answer for one of the pki engine.
	resp := b.Secret(identityType).Response(map[string]any{
		"certificate_chain": chain,
		"private_key":       key.Reveal(),
		"private_key_type":  id.KeyType(),
		"fingerprint":       id.Fingerprint(),
		"not_after":         id.NotAfter().UTC().Format(time.RFC3339),
		"pfx":               base64.StdEncoding.EncodeToString(pfx),
		"pfx_password":      password.Reveal(),
	}, nil)
	resp.Secret.TTL = ttl
	resp.Secret.Renewable = false
	resp.Warnings = id.Warnings(now)
	return resp, nil
}
