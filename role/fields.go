package role

import (
	"maps"

	"github.com/hashicorp/vault/sdk/framework"

	"vault-plugin-secrets-oauthrefresh/client"
)

// The values of a role's token_mode.
const (
	tokenModeShared   = "shared"    // all readers get the same access token
	TokenModePerLease = "per_lease" // each lease has its own, and ends it at the provider
)

// Fields are the fields of roles/<name>.
func Fields() map[string]*framework.FieldSchema {
	text, seconds, pairs := framework.TypeString, framework.TypeDurationSecond, framework.TypeKVPairs
	fields := map[string]*framework.FieldSchema{
		"name":                            {Type: text, Description: "Name of the role, from the path."},
		"grant_type":                      {Type: text, Default: client.GrantRefreshToken, Description: "How tokens are got: refresh_token (default), client_credentials, or jwt-bearer for the grant of RFC 7523, urn:ietf:params:oauth:grant-type:jwt-bearer."},
		"provider":                        {Type: text, Description: "Name of the provider, built-in or your own: see the list at providers."},
		"provider_params":                 {Type: pairs, Description: "Values for the parameters of the provider's URLs, as in provider_params=domain=login.salesforce.com. A write replaces all of them."},
		"client_id":                       {Type: text, Description: "The client's id at the provider."},
		"client_secret":                   {Type: text, Description: "The client's secret at the provider. Never handed out."},
		"previous_client_secret":          {Type: text, Description: "The client secret before this one; used when the provider refuses the client, while a secret is being replaced. Never handed out."},
		"refresh_token":                   {Type: text, Description: "The refresh token of the grant. A new one starts a new grant and clears any fault. Never handed out."},
		"scope":                           {Type: text, Description: "The scope to ask for, sent verbatim and encoded once."},
		"token_endpoint_auth_method":      {Type: text, Description: "Replaces the provider's: client_secret_basic, client_secret_post, private_key_jwt, client_secret_jwt, tls_client_auth, self_signed_tls_client_auth or none."},
		"token_endpoint_auth_signing_alg": {Type: text, Description: "Replaces the provider's: RS256, PS256, ES256, EdDSA, HS256 and so on; default is what suits the key."},
		"assertion_private_key":           {Type: text, Description: "Private key (PEM, encrypted ones too) that signs the assertions of private_key_jwt and of grant_type=jwt-bearer; with its certificate in the same text, the x5t#S256 header names that. Default is the key of the client certificate. Never handed out."},
		"assertion_private_key_password":  {Type: text, Description: "Password of an encrypted assertion_private_key; used at this write and not stored."},
		"assertion_key_id":                {Type: text, Description: "The key's id at the provider, for the kid header of assertions."},
		"assertion_audience":              {Type: text, Description: "Replaces the provider's: token_endpoint, issuer, or the aud claim itself."},
		"assertion_claims":                {Type: pairs, Description: "Claims to add to assertions besides the provider's, as in assertion_claims=iss=example.com. A write replaces all of them."},
		"subject":                         {Type: text, Description: "On whose behalf grant_type=jwt-bearer asks: the sub claim, such as a user name at the provider; left out when empty."},
		"request_format":                  {Type: text, Description: "Replaces the provider's: form, multipart or json."},
		"pfx":                             {Type: text, Description: "Client certificate with its key as PFX (PKCS #12) in base64, as in pfx=\"$(base64 -w0 cert.pfx)\"."},
		"pfx_password":                    {Type: text, Description: "Password of the PFX; used at this write and not stored."},
		"client_certificate":              {Type: text, Description: "Client certificate with its chain (PEM), together with client_private_key, instead of a PFX."},
		"client_private_key":              {Type: text, Description: "Private key of client_certificate (PEM, encrypted ones too). Handed out by identity/<name> only, and with identity_readable=true only."},
		"client_private_key_password":     {Type: text, Description: "Password of an encrypted client_private_key; used at this write and not stored."},
		"ca_certificate":                  {Type: text, Description: "Certificates (PEM) of authorities that this role trusts too, besides the mount's and the system's, as in ca_certificate=@ca.pem."},
		"token_params":                    {Type: pairs, Description: "Parameters sent in the body besides the provider's. A write replaces all of them, a read shows their names as token_params_names."},
		"token_headers":                   {Type: pairs, Description: "Headers sent besides the provider's. A write replaces all of them, a read shows their names as token_headers_names."},
		"ttl":                             {Type: seconds, Description: "Longest lease to give; default and upper bound is what is left of the token and the mount's max_lease_ttl."},
		"assumed_token_ttl":               {Type: seconds, Description: "Lifetime of an access token when the provider states none; default is the provider's."},
		"refresh_window":                  {Type: seconds, Description: "Remaining life under which a read refreshes; default is the provider's, or a third of the lifetime. A read of the role shows it, in seconds, where it is set."},
		"keepalive_period":                {Type: seconds, Description: "How often to refresh a grant that nobody reads, so that it does not die of disuse; at least 10s, default is half of the provider's refresh_token_idle_ttl."},
		"lease":                           {Type: framework.TypeBool, Default: true, Description: "Whether a read gives a lease; false saves Vault two storage writes a read where readers are many."},
		"verify":                          {Type: framework.TypeBool, Description: "Refresh at once, for good and like any other refresh, and report what came of it. The role is stored either way."},
		"token_mode":                      {Type: text, Default: tokenModeShared, Description: "shared (default): all readers get the same token until it is refreshed. per_lease: each gets its own, which is revoked at the provider with its lease; only where refresh tokens never rotate."},
		"identity_readable":               {Type: framework.TypeBool, Description: "Whether identity/<name> hands out the client certificate with its private key, to whom a policy lets read that path; default is false."},
	}
	maps.Copy(fields, nextFields())
	for _, field := range []string{
		"next_client_secret", "next_pfx", "next_pfx_password", "next_client_private_key", "next_client_private_key_password",
		"next_assertion_private_key", "next_assertion_private_key_password",
		"client_secret", "previous_client_secret", "refresh_token", "pfx", "pfx_password", "client_private_key", "client_private_key_password",
		"assertion_private_key", "assertion_private_key_password",
		"token_params", "token_headers", // they may hold an API key or a password
	} {
		fields[field].DisplayAttrs = &framework.DisplayAttributes{Sensitive: true}
	}
	return fields
}

// nextFields are the fields for the credentials that are to come.
func nextFields() map[string]*framework.FieldSchema {
	text := framework.TypeString
	return map[string]*framework.FieldSchema{
		"next_client_secret":                  {Type: text, Description: "The client secret that will follow: used when the provider refuses the client with the one in use, and kept as client_secret once it has worked. Never handed out."},
		"next_pfx":                            {Type: text, Description: "The certificate with its key, as PFX in base64, that will follow: used when the provider's TLS layer refuses the one in use, or a server that has asked for it answers without a code (400, 403), or the client is refused where the certificate is the authentication or signs; kept in its place once it has worked."},
		"next_pfx_password":                   {Type: text, Description: "Password of next_pfx; used at this write and not stored."},
		"next_client_certificate":             {Type: text, Description: "The certificate with its chain (PEM) that will follow, together with next_client_private_key, instead of next_pfx."},
		"next_client_private_key":             {Type: text, Description: "Private key of next_client_certificate (PEM, encrypted ones too). Never handed out."},
		"next_client_private_key_password":    {Type: text, Description: "Password of an encrypted next_client_private_key; used at this write and not stored."},
		"next_assertion_private_key":          {Type: text, Description: "The key (PEM, encrypted ones too) that will follow assertion_private_key: used when the provider refuses that one. Never handed out."},
		"next_assertion_private_key_password": {Type: text, Description: "Password of an encrypted next_assertion_private_key; used at this write and not stored."},
		"next_assertion_key_id":               {Type: text, Description: "The id at the provider of next_assertion_private_key, or of the key in next_pfx where that one signs."},
		"next_from":                           {Type: text, Description: "A date (2027-03-01) or time (2027-03-01T08:00:00Z) before which nothing that is to come is tried; default is any time."},
	}
}
