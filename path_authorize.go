package oauthrefresh

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/authorize"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

func pathAuthorize(b *backend) *framework.Path {
	return &framework.Path{
		Pattern:      "authorize/" + mount.OwnedPattern,
		DisplayAttrs: mount.Display("consent"),
		Fields: map[string]*framework.FieldSchema{
			"name":         {Type: framework.TypeString, Description: "Name of the role, from the path."},
			"owner":        ownerField,
			"redirect_uri": {Type: framework.TypeString, Description: "Where the browser is sent afterwards, registered at the provider: one of the role's redirect_uris, or a loopback address such as http://127.0.0.1:8400/. Default is this mount's callback/<provider>, under external_url of config."},
			"scope":        {Type: framework.TypeString, Description: "The scope to ask for this time; default is the role's, with the provider's offline_scope."},
			"login_hint":   {Type: framework.TypeString, Description: "The account that is expected to agree, for providers that fill it in (OpenID Connect Core section 3.1.2.1)."},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: mount.Writing(b.pathAuthorizeUpdate, "begin", "Begin a person's consent to a role's grant."),
			logical.ReadOperation:   mount.Writing(b.pathAuthorizeRead, "read", "Read how far the consent is that you have begun."),
			logical.DeleteOperation: mount.Writing(b.pathAuthorizeDelete, "drop", "Drop the consents that you have begun."),
		},
		HelpSynopsis: "Bring a person's consent to a role, in a browser.",
		HelpDescription: `A write begins a consent and answers with authorization_url, which is to be opened in a browser within
ten minutes, and with the command that finishes. When the person has agreed at the provider, the
browser comes back to callback/<provider> and shows a confirmation code, once; with a redirect_uri of
your own it ends at that address, whether or not anybody listens there. The grant becomes the role's
when you write one of the two to confirm/<name>, and not before: whoever was talked into opening the
address has nothing that you could use without what that browser shows.

It works in every state of the role; the grant that there is stays until confirm/<name>. A read says
how far it is: begun, exchanging, granted or failed, with the reason. A delete drops what you have
begun, and nobody else's. Whoever may write here can give the role another grant, as who may write its
refresh_token.`,
	}
}

// callerOf is who sends a request. A token that belongs to no entity stands for itself: Vault shows the engine a digest
// of it, always the same one.
func callerOf(req *logical.Request) authorize.Caller {
	who := authorize.Caller{ID: "entity " + req.EntityID, Name: req.DisplayName}
	if req.EntityID == "" {
		sum := sha256.Sum256([]byte(req.ClientToken))
		who.ID = "token " + hex.EncodeToString(sum[:])
	}
	if who.Name == "" {
		who.Name = "unknown"
	}
	return who
}

func (b *backend) pathAuthorizeUpdate(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	key, err := b.ownKey(ctx, req, d)
	if err != nil {
		return mount.Answer(err)
	}
	begun, err := b.consents.Begin(ctx, req.Storage, key, callerOf(req), authorize.Ask{
		RedirectURI: d.Get("redirect_uri").(string), Scope: d.Get("scope").(string), LoginHint: d.Get("login_hint").(string),
	})
	if err != nil {
		return mount.Answer(err)
	}
	finish := b.grants.Command("", "confirm", key) + " confirmation_code=..."
	if !begun.Own {
		finish = b.grants.Command("", "confirm", key) + " redirected_to=-"
	}
	data := map[string]any{
		"authorization_url": begun.AuthorizationURL, "redirect_uri": begun.RedirectURI, "scope": begun.Scope,
		"expires_at": begun.ExpiresAt.UTC().Format(time.RFC3339), "finish": finish,
	}
	if begun.CurrentAccount != "" {
		data["current_account"] = begun.CurrentAccount
	}
	return &logical.Response{Data: data, Warnings: begun.Warnings}, nil
}

func (b *backend) pathAuthorizeRead(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	key, err := b.ownKey(ctx, req, d)
	if errors.Is(err, role.ErrNoRole) {
		return nil, nil // not found, as Vault answers it
	}
	if err != nil {
		return mount.Answer(err)
	}
	data, err := b.consents.Show(ctx, req.Storage, key, callerOf(req))
	if err != nil || data == nil {
		return nil, err
	}
	return &logical.Response{Data: data}, nil
}

func (b *backend) pathAuthorizeDelete(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	key, err := b.ownKey(ctx, req, d)
	if errors.Is(err, role.ErrNoRole) {
		return nil, nil // and nothing that was begun
	}
	if err != nil {
		return mount.Answer(err)
	}
	return nil, b.consents.Drop(ctx, req.Storage, key, callerOf(req))
}
