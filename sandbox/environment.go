package sandbox

import (
	"path/filepath"
	"slices"
	"strings"

	"vault-plugin-secrets-oauthrefresh/sandbox/dialect"
	"vault-plugin-secrets-oauthrefresh/sandbox/oauth"
)

// ClientName is the common name in the client certificate's subject.
const ClientName = "isabel-sandbox-application"

// IsabelPassword protects isabel.pfx and isabel-key.pem.
const IsabelPassword = "isabel-sandbox-password"

// Environment is everything that somebody who speaks to the sandbox has to know; the files that it names are those
// that cmd/sandbox writes into dir.
func (s *Sandbox) Environment(dir string) map[string]string {
	proxy, direct, api := s.proxy.String(), s.direct.String(), s.api.String()
	in := func(name string) string { return filepath.Join(dir, name) }
	env := map[string]string{
		"SANDBOX_DIR": dir, "SANDBOX_CA": in("ca.pem"),
		"SANDBOX_PROXY": "http://" + proxy, "SANDBOX_URL": "https://" + direct, "SANDBOX_API": "http://" + api,
		"ISABEL_PFX": in("isabel.pfx"), "ISABEL_PFX_B64": in("isabel.b64"), "ISABEL_PFX_PASSWORD": IsabelPassword,
		"ISABEL_CERT": in("isabel-cert.pem"), "ISABEL_KEY": in("isabel-key.pem"), "ISABEL_KEY_PASSWORD": IsabelPassword,
		"SALESFORCE_DOMAIN":      dialect.SalesforceDomain,
		"PANDADOC_SCOPE":         "read+write",
		"SANDBOX_CHROMIUM":       "--proxy-server=http://" + proxy + " --ignore-certificate-errors-spki-list=" + s.Authority.SPKI(),
		"SANDBOX_HOST_RULES":     hostRules(s.Ledgers, direct),
		"SANDBOX_CA_SPKI":        s.Authority.SPKI(),
		"PINGONE_ENVIRONMENT_ID": dialect.PingOneEnvironment, "PINGONE_REGION": "com", "PINGONE_CUSTOM_DOMAIN": dialect.PingOneDomain,
		"PINGONE_ISSUER":                 "https://auth.pingone.com/" + dialect.PingOneEnvironment + "/as",
		"PINGONE_VERIFICATION_URI":       "https://auth.pingone.com/" + dialect.PingOneEnvironment + "/device",
		"GENERIC_ISSUER":                 "https://" + direct + "/generic",
		"GENERIC_TOKEN_ENDPOINT":         "https://" + direct + "/generic/token",
		"GENERIC_REVOCATION_ENDPOINT":    "https://" + direct + "/generic/revoke",
		"GENERIC_INTROSPECTION_ENDPOINT": "https://" + direct + "/generic/introspect",
		"GENERIC_NEXT_CLIENT_SECRET":     "generic+next-secret:100%", // for the change of the first one
		"GENERIC_MTLS_TOKEN_ENDPOINT":    "https://" + dialect.GenericMTLSHost + "/token",
		"GENERIC_KEY":                    in("generic-key.pem"), "GENERIC_KEY_ID": dialect.GenericKeyID, "GENERIC_CERT": in("generic-cert.pem"),
	}
	apps := func(provider string) []oauth.App { return s.Ledgers.Named(provider).Initial() }
	pingone, isabel, generic := apps("pingone"), apps("isabel-connect"), apps("generic")
	for prefix, a := range map[string]oauth.App{
		"ISABEL": isabel[0], "ISABEL_RAW": isabel[1],
		"SALESFORCE": apps("salesforce")[0],
		"PANDADOC":   apps("pandadoc")[0],
		"PINGONE":    pingone[0], "PINGONE_POST": pingone[1], "PINGONE_NONE": pingone[2],
		"KELIWEB": apps("keliweb")[0],
		"GENERIC": generic[0], "GENERIC_MTLS": generic[1], "GENERIC_SELF_SIGNED": generic[2],
		"GENERIC_JWT": generic[3], "GENERIC_SECRET_JWT": generic[4], "GENERIC_SERVICE": generic[5],
	} {
		env[prefix+"_CLIENT_ID"] = a.ID
		if a.RefreshToken != "" {
			env[prefix+"_REFRESH_TOKEN"] = a.RefreshToken
		}
		if a.Subject != "" {
			env[prefix+"_SUBJECT"] = a.Subject
		}
		if strings.HasPrefix(a.Method, "client_secret") {
			env[prefix+"_CLIENT_SECRET"] = a.Secret
		}
	}
	return env
}

// hostRules are what leads Chromium to the sandbox's own port by any of the names that it stands in for, as the value of
// --host-resolver-rules.
func hostRules(all oauth.Ledgers, direct string) string {
	var rules []string
	for _, l := range all {
		for _, host := range l.Hosts {
			rules = append(rules, "MAP "+host+" "+direct)
		}
	}
	slices.Sort(rules)
	return strings.Join(slices.Compact(rules), ",")
}
