package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// envName and jsonName hold the same names and values, one for shells, one for programs. They are written
// last and at once, so that their presence means that the sandbox is ready, and removed at the end.
const (
	envName  = "sandbox.env"
	jsonName = "sandbox.json"
)

// environment is everything that somebody who speaks to the sandbox has to know.
func (s *sandbox) environment(dir, proxy, direct, api string) map[string]string {
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
	pingone := s.ledger("pingone").apps
	isabel := s.ledger("isabel-connect").apps
	generic := s.ledger("generic").apps
	for prefix, a := range map[string]app{
		"ISABEL": isabel[0], "ISABEL_RAW": isabel[1],
		"SALESFORCE": s.ledger("salesforce").apps[0],
		"PANDADOC":   s.ledger("pandadoc").apps[0],
		"PINGONE":    pingone[0], "PINGONE_POST": pingone[1], "PINGONE_NONE": pingone[2],
		"KELIWEB": s.ledger("keliweb").apps[0],
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

func writeEnvironment(dir string, env map[string]string) error {
	var names []string
	for name := range env {
		names = append(names, name)
	}
	slices.Sort(names)
	var sh strings.Builder
	for _, name := range names {
		fmt.Fprintf(&sh, "export %s='%s'\n", name, env[name]) // no value holds a quote
	}
	js, err := json.MarshalIndent(env, "", "  ")
	if err != nil {
		return err
	}
	if err := writeWhole(filepath.Join(dir, jsonName), append(js, '\n')); err != nil {
		return err
	}
	return writeWhole(filepath.Join(dir, envName), []byte(sh.String()))
}

// writeWhole lets no reader see half a file.
func writeWhole(path string, data []byte) error {
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func readEnvironment(dir string) (map[string]string, error) {
	data, err := os.ReadFile(filepath.Join(dir, jsonName))
	if err != nil {
		return nil, fmt.Errorf("no sandbox runs in %s: start one with sandbox -dir %s", dir, dir)
	}
	var env map[string]string
	if err := json.Unmarshal(data, &env); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", jsonName, err)
	}
	return env, nil
}

func removeEnvironment(dir string) {
	os.Remove(filepath.Join(dir, envName))
	os.Remove(filepath.Join(dir, jsonName))
}
