package oauthrefresh

import (
	"context"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/authorize"
	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
)

func pathConfirm(b *backend) *framework.Path {
	return &framework.Path{
		Pattern:      "confirm/" + mount.OwnedPattern,
		DisplayAttrs: mount.Display("consent"),
		Fields:       confirmFields().Schema(),
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: mount.Writing(b.pathConfirmUpdate, "confirm", "Make the grant that was consented to the role's."),
		},
		HelpSynopsis: "Make the grant that a person has agreed to the role's.",
		HelpDescription: `Takes one of confirmation_code, which the page has shown, redirected_to, the whole address at which the
browser has ended (redirected_to=- reads it from where it is pasted, so that it stays out of the
shell's history), or authorization_code with redirect_uri and, where it was asked for with PKCE,
code_verifier, of a consent that was asked for elsewhere. After device/<name> it takes none. Only who
has begun a consent can confirm it. The answer names the account, as far as the provider does, the
one before, and the first token's generation, token_id and end; the token itself is read from
creds/<name>. A confirm that has failed on storage is repeated as it was.`,
	}
}

// confirmFields are the rows of confirm/<name>. What proves something is typed where nobody reads along.
func confirmFields() mount.Fields {
	return mount.Fields{
		mount.Name("role"),
		mount.Owner(),
		mount.Text("confirmation_code", nil, "The code that the page has shown, with or without its dash.").Hidden(),
		mount.Text("redirected_to", nil, "The whole address at which the browser has ended, with code and state in it.").Hidden(),
		mount.Text("authorization_code", nil, "An authorization code that was got elsewhere: in the provider's own pages, or by another program.").Hidden(),
		mount.Text("redirect_uri", nil, "The redirect_uri that authorization_code was asked for with, letter for letter."),
		mount.Text("code_verifier", nil, "The code_verifier (RFC 7636) that belongs to authorization_code, where it was asked for with PKCE.").Hidden(),
	}
}

func (b *backend) pathConfirmUpdate(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	proof, err := proofOf(d)
	if err != nil {
		return mount.Answer(err)
	}
	key, err := b.ownKey(ctx, req, d)
	if err != nil {
		return mount.Answer(err)
	}
	done, err := b.consents.Confirm(ctx, req.Storage, key, callerOf(req), proof)
	if err != nil {
		return mount.Answer(err)
	}
	return confirmed(done), nil
}

// proofOf is what a confirm brings. A field that is there and empty is a variable that nobody has set, and not one that was
// left out: after device/<name>, leaving all out is what confirms.
func proofOf(d *framework.FieldData) (authorize.Proof, error) {
	for _, name := range []string{"confirmation_code", "redirected_to", "authorization_code"} {
		if _, named := d.Raw[name]; named && strings.TrimSpace(d.Get(name).(string)) == "" {
			return authorize.Proof{}, mount.Refusal(name + " is empty: write what the browser has shown, or leave the field out after device/<name>")
		}
	}
	proof := authorize.Proof{
		ConfirmationCode: d.Get("confirmation_code").(string), RedirectedTo: d.Get("redirected_to").(string),
		AuthorizationCode: client.NewSecret(trimmed(d, "authorization_code")), RedirectURI: d.Get("redirect_uri").(string),
		CodeVerifier: client.NewSecret(trimmed(d, "code_verifier")),
	}
	return proof, proof.Check()
}

// confirmed is what whoever confirms is told of the new grant.
func confirmed(done *authorize.Confirmed) *logical.Response {
	st := done.Activated.State
	data := map[string]any{"scope": st.Scope, "generation": st.Generation}
	if st.Account != "" {
		data["account"], data["account_verified"] = st.Account, st.AccountVerified
	}
	if st.AccessToken.IsSet() {
		data["token_id"], data["expires_at"] = st.ID(), st.ExpiresAt.UTC().Format(time.RFC3339)
	}
	if before := done.Replaced.Account; before != "" {
		data["previous_account"] = before
	}
	return &logical.Response{Data: data, Warnings: done.Warnings}
}
