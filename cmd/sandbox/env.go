package main

import (
	"path/filepath"
	"strings"
)

// clientName is the common name in the client certificate's subject.
const clientName = "isabel-sandbox-application"

// isabelPassword protects isabel.pfx and isabel-key.pem.
const isabelPassword = "isabel-sandbox-password"

// environment is everything that somebody who speaks to the sandbox has to know; the files that it names are those
// that cmd/sandbox writes into dir.
func (s *sandbox) environment(dir string) map[string]string {
	proxy, direct, api := s.proxy.String(), s.direct.String(), s.api.String()
	in := func(name string) string { return filepath.Join(dir, name) }
	env := map[string]string{
		"SANDBOX_DIR": dir, "SANDBOX_CA": in("ca.pem"),
		"SANDBOX_PROXY": "http://" + proxy, "SANDBOX_URL": "https://" + direct, "SANDBOX_API": "http://" + api,
		"ISABEL_PFX": in("isabel.pfx"), "ISABEL_PFX_B64": in("isabel.b64"), "ISABEL_PFX_PASSWORD": isabelPassword,
		"ISABEL_CERT": in("isabel-cert.pem"), "ISABEL_KEY": in("isabel-key.pem"), "ISABEL_KEY_PASSWORD": isabelPassword,
		"SALESFORCE_DOMAIN":      salesforceDomain,
		"PANDADOC_SCOPE":         "read+write",
		"PINGONE_ENVIRONMENT_ID": pingoneEnvironment, "PINGONE_REGION": "com", "PINGONE_CUSTOM_DOMAIN": pingoneCustomDomain,
		"GENERIC_ISSUER":                 "https://" + direct + "/generic",
		"GENERIC_TOKEN_ENDPOINT":         "https://" + direct + "/generic/token",
		"GENERIC_REVOCATION_ENDPOINT":    "https://" + direct + "/generic/revoke",
		"GENERIC_INTROSPECTION_ENDPOINT": "https://" + direct + "/generic/introspect",
		"GENERIC_NEXT_CLIENT_SECRET":     "generic+next-secret:100%", // for the change of the first one
		"GENERIC_MTLS_TOKEN_ENDPOINT":    "https://" + genericMTLSHost + "/token",
		"GENERIC_KEY":                    in("generic-key.pem"), "GENERIC_KEY_ID": genericKeyID, "GENERIC_CERT": in("generic-cert.pem"),
	}
	apps := func(provider string) []app { return s.ledgers.named(provider).initial() }
	pingone, isabel, generic := apps("pingone"), apps("isabel-connect"), apps("generic")
	for prefix, a := range map[string]app{
		"ISABEL": isabel[0], "ISABEL_RAW": isabel[1],
		"SALESFORCE": apps("salesforce")[0],
		"PANDADOC":   apps("pandadoc")[0],
		"PINGONE":    pingone[0], "PINGONE_POST": pingone[1], "PINGONE_NONE": pingone[2],
		"KELIWEB": apps("keliweb")[0],
		"GENERIC": generic[0], "GENERIC_MTLS": generic[1], "GENERIC_SELF_SIGNED": generic[2],
		"GENERIC_JWT": generic[3], "GENERIC_SECRET_JWT": generic[4], "GENERIC_SERVICE": generic[5],
	} {
		env[prefix+"_CLIENT_ID"] = a.id
		if a.refreshToken != "" {
			env[prefix+"_REFRESH_TOKEN"] = a.refreshToken
		}
		if a.subject != "" {
			env[prefix+"_SUBJECT"] = a.subject
		}
		if strings.HasPrefix(a.method, "client_secret") {
			env[prefix+"_CLIENT_SECRET"] = a.secret
		}
	}
	return env
}
