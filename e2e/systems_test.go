package e2e

import "time"

// system is one way to write a role for a built-in provider, typed as in docs/systems.md.
type system struct {
	name     string         // of the role
	ledger   string         // the sandbox's name for the server
	control  map[string]any // of the grant, in a role that is written with $GRANT
	role     string
	fields   []string // extra fields of the answer
	min, max time.Duration
}

const pingoneRole = `provider=pingone provider_params=environment_id="$PINGONE_ENVIRONMENT_ID"`

// systems are the five token endpoints, in each form that operators need them in.
var systems = []system{
	{
		name: "isabel", ledger: "isabel-connect",
		role: `provider=isabel-connect client_id="$ISABEL_CLIENT_ID" client_secret="$ISABEL_CLIENT_SECRET"
			refresh_token="$ISABEL_REFRESH_TOKEN" pfx="$(base64 -w0 "$ISABEL_PFX")" pfx_password="$ISABEL_PFX_PASSWORD"`,
		min: 1760 * time.Second, max: 1769 * time.Second, // 1799 s, 30 s margin
	},
	{
		name: "isabel-file", ledger: "isabel-connect", // a secret that shows whether Basic is raw
		role: `provider=isabel-connect client_id="$ISABEL_RAW_CLIENT_ID" client_secret="$ISABEL_RAW_CLIENT_SECRET"
			refresh_token="$ISABEL_RAW_REFRESH_TOKEN" pfx=@"$ISABEL_PFX_B64" pfx_password="$ISABEL_PFX_PASSWORD"`,
		min: 1760 * time.Second, max: 1769 * time.Second,
	},
	{
		name: "isabel-v1-pem", ledger: "isabel-connect-v1",
		role: `provider=isabel-connect-v1 client_id="$ISABEL_CLIENT_ID" client_secret="$ISABEL_CLIENT_SECRET"
			refresh_token="$ISABEL_REFRESH_TOKEN" client_certificate=@"$ISABEL_CERT"
			client_private_key=@"$ISABEL_KEY" client_private_key_password="$ISABEL_KEY_PASSWORD"`,
		min: 1760 * time.Second, max: 1769 * time.Second,
	},
	{
		name: "crm", ledger: "salesforce",
		role: `provider=salesforce provider_params=domain="$SALESFORCE_DOMAIN" client_id="$SALESFORCE_CLIENT_ID"
			client_secret="$SALESFORCE_CLIENT_SECRET" refresh_token="$SALESFORCE_REFRESH_TOKEN"`,
		fields: []string{"instance_url", "id", "issued_at", "signature", "id_token"},
		min:    3560 * time.Second, max: 3570 * time.Second, // no expires_in: an hour is assumed
	},
	{
		name: "crm-rotating", ledger: "salesforce", control: map[string]any{"rotation": true},
		role: `provider=salesforce provider_params=domain="$SALESFORCE_DOMAIN" provider_params=site=/partners
			client_id="$SALESFORCE_CLIENT_ID" client_secret="$SALESFORCE_CLIENT_SECRET" refresh_token="$GRANT"`,
		fields: []string{"instance_url"},
		min:    3560 * time.Second, max: 3570 * time.Second,
	},
	{
		name: "documents", ledger: "pandadoc",
		role: `provider=pandadoc client_id="$PANDADOC_CLIENT_ID" client_secret="$PANDADOC_CLIENT_SECRET"
			refresh_token="$PANDADOC_REFRESH_TOKEN" scope="$PANDADOC_SCOPE"`,
		min: 768*time.Hour - 10*time.Second, max: 768 * time.Hour, // a year, capped at Vault's maximum
	},
	{
		name: "identity", ledger: "pingone",
		role: pingoneRole + ` client_id="$PINGONE_CLIENT_ID" client_secret="$PINGONE_CLIENT_SECRET"
			refresh_token="$PINGONE_REFRESH_TOKEN"`,
		fields: []string{"id_token"},
		min:    3560 * time.Second, max: 3570 * time.Second,
	},
	{
		name: "identity-post", ledger: "pingone",
		role: pingoneRole + ` provider_params=region=eu client_id="$PINGONE_POST_CLIENT_ID" refresh_token="$PINGONE_POST_REFRESH_TOKEN"
			client_secret="$PINGONE_POST_CLIENT_SECRET" token_endpoint_auth_method=client_secret_post`,
		fields: []string{"id_token"},
		min:    3560 * time.Second, max: 3570 * time.Second,
	},
	{
		name: "identity-none", ledger: "pingone",
		role: `provider=pingone provider_params=custom_domain="$PINGONE_CUSTOM_DOMAIN" client_id="$PINGONE_NONE_CLIENT_ID"
			refresh_token="$PINGONE_NONE_REFRESH_TOKEN" token_endpoint_auth_method=none`,
		fields: []string{"id_token"},
		min:    3560 * time.Second, max: 3570 * time.Second,
	},
	{
		name: "hosting", ledger: "keliweb",
		role: `provider=keliweb client_id="$KELIWEB_CLIENT_ID" client_secret="$KELIWEB_CLIENT_SECRET"
			refresh_token="$KELIWEB_REFRESH_TOKEN"`,
		// A refresh kills the token that others hold, so the lease ends before the refresh window opens.
		min: 1800 * time.Second, max: 2400 * time.Second,
	},
	{
		name: "hosting-multipart", ledger: "keliweb",
		role: `provider=keliweb client_id="$KELIWEB_CLIENT_ID" client_secret="$KELIWEB_CLIENT_SECRET"
			refresh_token="$GRANT" request_format=multipart`,
		min: 1800 * time.Second, max: 2400 * time.Second,
	},
	{
		name: "identity-app", ledger: "pingone",
		role: pingoneRole + ` grant_type=client_credentials client_id="$PINGONE_CLIENT_ID" client_secret="$PINGONE_CLIENT_SECRET"`,
		min:  3560 * time.Second, max: 3570 * time.Second,
	},
	{
		name: "anything", ledger: "generic",
		role: `provider=generic client_id="$GENERIC_CLIENT_ID" client_secret="$GENERIC_CLIENT_SECRET"
			refresh_token="$GENERIC_REFRESH_TOKEN"`,
		min: 560 * time.Second, max: 570 * time.Second,
	},
}
