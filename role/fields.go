package role

import (
	"maps"
	"slices"
	"strings"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/provider"
)

// The values of a role's token_mode.
const (
	tokenModeShared   = "shared"    // all readers get the same access token
	TokenModePerLease = "per_lease" // each lease has its own, and ends it at the provider
)

// brought is what a write brings that is not stored as it comes.
type brought struct {
	refreshToken client.Secret // the first of a new grant, or one that the grant has had already
	now, next    files
}

// files are a certificate and keys as texts, with the passwords that open them.
type files struct {
	pfx, certificate                   string
	key, pfxPassword, keyPassword      client.Secret
	assertionKey, assertionKeyPassword client.Secret
}

// Fields are the rows of roles/<name>, of a role that is not written yet: for their schema.
func Fields() mount.Fields {
	r, b := new(Role), new(brought)
	return append(fields(r, b), nextFields(&r.Next, &b.next)...)
}

// fields are the rows of a role and of what a write brings for it, but for the credentials to come.
func fields(r *Role, b *brought) mount.Fields {
	fields := mount.Fields{
		mount.Name("role"),
		mount.Text("grant_type", &r.GrantType, "How tokens are got: refresh_token (default), client_credentials, or jwt-bearer for the grant of RFC 7523, urn:ietf:params:oauth:grant-type:jwt-bearer.").DefaultsTo(client.GrantRefreshToken),
		mount.Text("provider", &r.Provider, "Name of the provider, built-in or your own: see the list at providers."),
		mount.Pairs("provider_params", &r.ProviderParams, "Values for the parameters of the provider's URLs, as in provider_params=domain=login.salesforce.com. A write replaces all of them."),
		mount.Text("client_id", &r.ClientID, "The client's id at the provider."),
		secret("client_secret", &r.ClientSecret, "The client's secret at the provider. Never handed out."),
		secret("previous_client_secret", &r.PreviousClientSecret, "The client secret before this one; used when the provider refuses the client, while a secret is being replaced. Never handed out."),
		secret("refresh_token", &b.refreshToken, "The refresh token of the grant. A new one starts a new grant and clears any fault. Never handed out.").Shows("refresh_token_set", func() any { return r.RefreshToken.IsSet() }),
		mount.Text("scope", &r.Scope, "The scope to ask for, sent verbatim and encoded once."),
		mount.Text("subject", &r.Subject, "On whose behalf grant_type=jwt-bearer asks: the sub claim, such as a user name at the provider; left out when empty."),
		mount.Text("request_format", &r.RequestFormat, "Replaces the provider's: form, multipart or json."),
		provider.Authorities("ca_certificate", &r.CACertificate, "Certificates (PEM) of authorities that this role trusts too, besides the mount's and the system's, as in ca_certificate=@ca.pem."),
		secretPairs("token_params", &r.TokenParams, "Parameters sent in the body besides the provider's. A write replaces all of them, a read shows their names as token_params_names."),
		secretPairs("token_headers", &r.TokenHeaders, "Headers sent besides the provider's. A write replaces all of them, a read shows their names as token_headers_names."),
	}
	return slices.Concat(fields, proofFields(r, &b.now), servingFields(r), consentFields(r), ownerFields(r), endFields(r))
}

// consentFields are about how a person agrees to the grant. They are shown where they are set.
func consentFields(r *Role) mount.Fields {
	fields := mount.Fields{
		mount.Pairs("authorization_params", &r.AuthorizationParams, "Parameters of the authorization URL besides the provider's, as in authorization_params=prompt=login. A write replaces all of them."),
		mount.Texts("redirect_uris", &r.RedirectURIs, "Redirect URIs that authorize/<name> may name besides the mount's own and loopback addresses, each as it is registered at the provider."),
		mount.Boolean("device_flow", &r.DeviceFlow, "Permit device/<name> (RFC 8628). Off by default: nothing there tells whether whoever agrees is whoever began, which attackers make use of."),
	}
	for i := range fields {
		fields[i] = fields[i].OmitEmpty()
	}
	return fields
}

// proofFields are about how the client proves who it is, beside its secret.
func proofFields(r *Role, f *files) mount.Fields {
	return mount.Fields{
		mount.Text("token_endpoint_auth_method", &r.TokenEndpointAuthMethod, "Replaces the provider's: client_secret_basic, client_secret_post, private_key_jwt, client_secret_jwt, tls_client_auth, self_signed_tls_client_auth or none."),
		mount.Text("token_endpoint_auth_signing_alg", &r.SigningAlg, "Replaces the provider's: RS256, PS256, ES256, EdDSA, HS256 and so on; default is what suits the key."),
		mount.Text("assertion_audience", &r.AssertionAudience, "Replaces the provider's: token_endpoint, issuer, or the aud claim itself."),
		mount.Pairs("assertion_claims", &r.AssertionClaims, "Claims to add to assertions besides the provider's, as in assertion_claims=iss=example.com. A write replaces all of them."),
		mount.Text("assertion_key_id", &r.AssertionKeyID, "The key's id at the provider, for the kid header of assertions."),
		secret("assertion_private_key", &f.assertionKey, "Private key (PEM, encrypted ones too) that signs the assertions of private_key_jwt and of grant_type=jwt-bearer; with its certificate in the same text, the x5t#S256 header names that. Default is the key of the client certificate. Never handed out.").Shows("assertion_private_key_set", func() any { return r.AssertionKey.IsSet() }),
		secret("assertion_private_key_password", &f.assertionKeyPassword, "Password of an encrypted assertion_private_key; used at this write and not stored.").Hidden(),
		mount.Text("pfx", &f.pfx, "Client certificate with its key as PFX (PKCS #12) in base64, as in pfx=\"$(base64 -w0 cert.pfx)\".").Hidden(),
		secret("pfx_password", &f.pfxPassword, "Password of the PFX; used at this write and not stored.").Hidden(),
		mount.Text("client_certificate", &f.certificate, "Client certificate with its chain (PEM), together with client_private_key, instead of a PFX.").Shows("client_certificate_set", func() any { return r.CertificateChain != "" }),
		secret("client_private_key", &f.key, "Private key of client_certificate (PEM, encrypted ones too). Handed out by identity/<name> only, and with identity_readable=true only.").Hidden(),
		secret("client_private_key_password", &f.keyPassword, "Password of an encrypted client_private_key; used at this write and not stored.").Hidden(),
	}
}

// servingFields are about when tokens are refreshed and how readers get them, and how operators find the role.
func servingFields(r *Role) mount.Fields {
	return mount.Fields{
		mount.Seconds("ttl", &r.TTL, "Longest lease to give; default and upper bound is what is left of the token and the mount's max_lease_ttl."),
		mount.Seconds("assumed_token_ttl", &r.AssumedTokenTTL, "Lifetime of an access token when the provider states none; default is the provider's."),
		mount.Seconds("refresh_window", &r.RefreshWindow, "Remaining life under which a read refreshes; default is the provider's, or a third of the lifetime. A read of the role shows it, in seconds, where it is set.").OmitEmpty(),
		mount.Seconds("keepalive_period", &r.KeepalivePeriod, "How often to refresh a grant that nobody reads, so that it does not die of disuse; at least 10s, default is half of the provider's refresh_token_idle_ttl."),
		mount.Number("max_refreshes_per_day", &r.MaxRefreshesPerDay, "How many refreshes of a grant there may be within 24 hours, forced ones and those of per_lease too; default, and 0, is the provider's. Beyond it readers get the token at hand or an error, and what keeps the grant alive goes on.").OmitEmpty(),
		mount.Boolean("lease", &r.Lease, "Whether a read gives a lease; false saves Vault two storage writes a read where readers are many.").DefaultsTo(true),
		mount.Text("token_mode", &r.TokenMode, "shared (default): all readers get the same token until it is refreshed. per_lease: each gets its own, which is revoked at the provider with its lease; only where refresh tokens never rotate.").DefaultsTo(tokenModeShared),
		mount.Boolean("identity_readable", &r.IdentityReadable, "Whether identity/<name> hands out the client certificate with its private key, to whom a policy lets read that path; default is false."),
		mount.Pairs(labelsField, &r.Labels, "Your own words about the role, as in labels=team=payments, for finding it; never sent to a provider. Up to 16: names of letters, digits and _ . -, values of up to 128 characters, which whoever may read the role sees. A write replaces all of them, and one of labels alone leaves the grant as it is."),
		mount.Boolean("verify", nil, "Refresh at once, for good and like any other refresh, and report what came of it. The role is stored either way."),
	}
}

// nextFields are about the credentials that are to come. They are shown while there are any.
func nextFields(n *NextCredentials, f *files) mount.Fields {
	return mount.Fields{
		expiry(NextPrefix+"client_secret_expires_at", &n.ClientSecretExpiresAt, "When the provider will stop taking next_client_secret, written as client_secret_expires_at is."),
		secret("next_client_secret", &n.ClientSecret, "The client secret that will follow: used when the provider refuses the client with the one in use, and kept as client_secret once it has worked. Never handed out."),
		mount.Text("next_pfx", &f.pfx, "The certificate with its key, as PFX in base64, that will follow: used when the provider's TLS layer refuses the one in use, or a server that has asked for it answers without a code (400, 403), or the client is refused where the certificate is the authentication or signs; kept in its place once it has worked.").Hidden(),
		secret("next_pfx_password", &f.pfxPassword, "Password of next_pfx; used at this write and not stored.").Hidden(),
		mount.Text("next_client_certificate", &f.certificate, "The certificate with its chain (PEM) that will follow, together with next_client_private_key, instead of next_pfx.").Shows("next_client_certificate_set", func() any { return n.Has(PartCertificate) }),
		secret("next_client_private_key", &f.key, "Private key of next_client_certificate (PEM, encrypted ones too). Never handed out.").Hidden(),
		secret("next_client_private_key_password", &f.keyPassword, "Password of an encrypted next_client_private_key; used at this write and not stored.").Hidden(),
		secret("next_assertion_private_key", &f.assertionKey, "The key (PEM, encrypted ones too) that will follow assertion_private_key: used when the provider refuses that one. Never handed out.").Shows("next_assertion_private_key_set", func() any { return n.Has(partKey) }),
		secret("next_assertion_private_key_password", &f.assertionKeyPassword, "Password of an encrypted next_assertion_private_key; used at this write and not stored.").Hidden(),
		mount.Text("next_assertion_key_id", &n.AssertionKeyID, "The id at the provider of next_assertion_private_key, or of the key in next_pfx where that one signs."),
		mount.Text("next_from", nil, "A date (2027-03-01), a time (2027-03-01T08:00:00Z) or a Unix time before which nothing that is to come is tried; default is any time.").Shows("next_from", n.from).OmitEmpty(),
	}
}

// secret is the row of a secret. A read shows whether it is set, and no hash of it: one can guess against that.
//
// It is read without the line ends around it, as field=@file brings one along: no token or secret of OAuth may
// contain one (RFC 6749 appendix A), and with it no server knows the secret.
func secret(name string, of *client.Secret, description string) mount.Field {
	f := mount.Text(name, nil, description)
	f.Sensitive = true
	f.Read = func(in mount.Input) {
		text, _ := in.Value(name).(string)
		*of = client.NewSecret(strings.Trim(text, "\r\n"))
	}
	return f.Shows(name+"_set", func() any { return of.IsSet() })
}

// secretPairs is the row of pairs whose values may be secrets: an API key in a header, a password in a parameter. So
// they are not shown under the name that a write has: what is read there could be written back, and would take their
// place.
func secretPairs(name string, of *map[string]client.Secret, description string) mount.Field {
	f := mount.Pairs(name, nil, description)
	f.Sensitive = true
	f.Read = func(in mount.Input) {
		pairs, _ := in.Value(name).(map[string]string)
		*of = wrapAll(pairs)
	}
	return f.Shows(name+"_names", func() any { return mount.ListOf(slices.Sorted(maps.Keys(*of))) })
}
