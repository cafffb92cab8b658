package oauthrefresh

import (
	"context"
	"net/http"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/authorize"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// The paths at which browsers come, without a token. Whoever comes there gets a page, whatever came along: so they are
// answered before the framework looks at anything, which would answer in JSON and repeat what does not fit.
const callbackPath, startPath = "callback/", "start/"

func pathCallback(b *backend) []*framework.Path {
	return []*framework.Path{{
		Pattern:             callbackPath + mount.NamePattern,
		DisplayAttrs:        mount.Display("callback"),
		Fields:              mount.Fields{mount.Name("provider")}.Schema(),
		TakesArbitraryInput: true,
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation:   mount.Writing(b.pathBrowser, "receive", "Where a provider sends the browser back to."),
			logical.UpdateOperation: mount.Writing(b.pathBrowser, "receive-form", "The same, with the answer in a form."),
		},
		HelpSynopsis: "Where a provider sends the browser back to: the redirect URI to register there.",
		HelpDescription: `For browsers, without a token. Exchanges the authorization code of a consent that authorize/<role> has
begun and shows a page with the confirmation code for confirm/<role>. It answers a browser with a
page, whatever it brings, stores nothing for a state that nobody has begun with, and never redirects.`,
	}, {
		Pattern:      startPath + mount.NamePattern,
		DisplayAttrs: mount.Display("start"),
		Fields:       mount.Fields{mount.Name("consent")}.Schema(),
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: mount.Writing(b.pathBrowser, "open", "Where a browser begins that goes to a provider with pushed authorization requests."),
		},
		HelpSynopsis: "Where a browser begins, at a provider that takes pushed authorization requests (RFC 9126).",
		HelpDescription: `For browsers, without a token: the authorization_url of authorize/<role>. Gives the provider the
request and sends the browser on with the request_uri, which lives for seconds. It may be opened three
times.`,
	}}
}

// pathBrowser answers a browser, should the framework be asked.
func (b *backend) pathBrowser(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	resp, err, _ := b.browse(ctx, req)
	return resp, err
}

// browse answers a request that a browser makes; ours tells whether it was one.
func (b *backend) browse(ctx context.Context, req *logical.Request) (resp *logical.Response, err error, ours bool) {
	name, callback := strings.CutPrefix(req.Path, callbackPath)
	ticket, start := strings.CutPrefix(req.Path, startPath)
	if !callback && !start || name == "" || ticket == "" {
		return nil, nil, false
	}
	switch req.Operation {
	case logical.ReadOperation, logical.UpdateOperation, logical.CreateOperation:
	case logical.HeaderOperation, logical.DeleteOperation, logical.PatchOperation: // no browser's, and they change nothing
		page := authorize.UnknownPage()
		page.Status = http.StatusMethodNotAllowed
		return shown(page), nil, true
	default:
		return nil, nil, false
	}
	if !mount.Writes(b.System()) {
		return nil, logical.ErrReadOnly, true // Vault forwards the request to the active node
	}
	page, goOn := authorize.TroublePage(), ""
	func() {
		defer mount.Contain(b.Logger(), new(error))
		if callback {
			page = b.consents.Callback(ctx, req.Storage, name, req.Data)
		} else {
			goOn, page = b.consents.Start(ctx, req.Storage, ticket)
		}
	}()
	if goOn != "" {
		return &logical.Response{Redirect: goOn}, nil, true // after a GET only: it repeats a body
	}
	return shown(page), nil, true
}

// shown is a page as Vault hands it to a browser. The body is bytes, since a text that happens to be base64 would be decoded.
func shown(page *authorize.Page) *logical.Response {
	return &logical.Response{
		Data: map[string]any{
			logical.HTTPStatusCode: page.Status, logical.HTTPContentType: "text/html; charset=utf-8", logical.HTTPRawBody: page.Body,
		},
		Headers: authorize.Header(),
	}
}
