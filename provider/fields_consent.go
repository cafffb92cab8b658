package provider

import (
	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// consentFields are about how a person agrees, in a browser or with a device code.
func consentFields(p *client.Provider) mount.Fields {
	return mount.Fields{
		mount.Text("authorization_endpoint", &p.AuthorizationEndpoint, "URL template that a person's browser is sent to."),
		mount.Pairs("authorization_params", &p.AuthorizationParams, "Parameters sent there besides the protocol's own, such as access_type=offline or prompt=consent; a scope among them takes the place of the role's."),
		mount.Boolean("authorization_elsewhere", &p.AuthorizationElsewhere, "Authorization codes are given out in the provider's own pages, so a role may be written without a grant and confirm/<role> takes the code."),
		mount.Text("offline_scope", &p.OfflineScope, "Member of the scope that makes the server give a refresh token, added to the role's scope where it lacks it: offline_access, for one."),
		mount.Text("scope_separator", &p.ScopeSeparator, "What stands between the members of a scope; default a space."),
		mount.Text("pkce", &p.PKCE, "S256 (default), or none for servers that refuse a code challenge (RFC 7636)."),
		mount.Text("response_mode", &p.ResponseMode, "How the code comes back: query (default), or form_post, which keeps it out of logs of addresses."),
		mount.Boolean("authorization_response_iss_parameter_supported", &p.AuthorizationResponseIssParameterSupported, "The redirect always names the issuer in iss (RFC 9207), so one without it is refused."),
		mount.Texts("callback_fields", &p.CallbackFields, "Parameters of the redirect that creds/<role> hands on, such as realmId."),
		mount.Pairs("callback_checks", &p.CallbackChecks, "Parameters of the redirect with the value that each must have; names in braces are filled from provider_params, as in shop={shop}.myshopify.com."),
		mount.Text("authorization_code_parameter", &p.AuthorizationCodeParameter, "Parameter of the redirect that holds the code; default code."),
		mount.Text("account_pointer", &p.AccountPointer, "Where the name of the account that agreed is: a JSON Pointer that begins with answer, id_token or callback, as in /id_token/email."),
		mount.Text("jwks_uri", &p.JWKSURI, "URL template of the keys that ID tokens are signed with."),
		mount.Text("device_authorization_endpoint", &p.DeviceAuthorizationEndpoint, "URL template for device codes (RFC 8628)."),
		mount.Text("pushed_authorization_request_endpoint", &p.PushedAuthorizationRequestEndpoint, "URL template for pushed authorization requests (RFC 9126)."),
		mount.Boolean("require_pushed_authorization_requests", &p.RequirePushedAuthorizationRequests, "The server takes pushed authorization requests only."),
	}
}
