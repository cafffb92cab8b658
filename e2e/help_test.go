package e2e

import (
	"regexp"
	"strings"
	"testing"
)

// paths are all there is, each with the fields that its OpenAPI description must have.
var paths = map[string][]string{
	"config": {"request_timeout", "ca_certificate", "allowed_hosts", "allow_insecure_endpoints"},
	"providers/{name}": {
		"issuer", "token_endpoint", "revocation_endpoint", "introspection_endpoint", "param_patterns", "param_defaults",
		"token_endpoint_auth_method", "basic_encoding", "request_format", "token_params", "token_headers",
		"idempotency_header", "send_scope", "requires_certificate", "access_token_pointer",
		"refresh_token_pointer", "expires_in_pointer", "refresh_token_expires_in_pointer", "extra_fields",
		"assumed_token_ttl", "refresh_window", "max_refreshes_per_day", "refresh_token_rotation", "reuse_grace",
		"refresh_invalidates_access_token", "refresh_token_idle_ttl", "permanent_errors", "docs",
	},
	"roles/{name}": {
		"grant_type", "provider", "provider_params", "client_id", "client_secret", "refresh_token", "scope",
		"token_endpoint_auth_method", "request_format", "pfx", "pfx_password", "client_certificate",
		"client_private_key", "client_private_key_password", "ca_certificate", "token_params",
		"token_headers", "ttl", "assumed_token_ttl", "refresh_window", "keepalive_period", "max_refreshes_per_day", "lease", "token_mode", "identity_readable",
	},
	"providers/{name}/rediscover": {"accept"},

	"creds/{name}":    {"min_ttl"},
	"identity/{name}": nil,
	"explain/{name}":  {"min_ttl"},
	"rehearse/{name}": nil,
	"refresh/{name}":  {"if_generation"},
	"revoke/{name}":   nil,
	"status/{name}":   nil,
	"status":          nil,
	"providers":       nil,
	"roles":           nil,
}

// sensitive are the fields of a role that a user interface must mask.
var sensitive = []string{
	"client_secret", "refresh_token", "pfx", "pfx_password", "client_private_key", "client_private_key_password",
	"token_params", "token_headers",
}

func TestPathHelp(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	overview := l.run("vault path-help oauth/")
	for path, fields := range paths {
		example := strings.ReplaceAll(path, "{name}", "x")
		help := l.run("vault path-help oauth/" + example)
		_, description, _ := strings.Cut(help, "## DESCRIPTION")
		if len(strings.Fields(description)) < 8 {
			t.Errorf("path-help %s says next to nothing:\n%s", example, help)
		}
		for _, field := range fields {
			// A field is shown as: name (type) on a line, and its description below.
			shown := regexp.MustCompile(`(?m)^\s+` + field + ` \(.+\)\s+(\S+ ){3}`)
			if !shown.MatchString(help) {
				t.Errorf("path-help %s does not explain %s", example, field)
			}
		}
		if first, _, _ := strings.Cut(path, "/"); !strings.Contains(overview, first) {
			t.Errorf("path-help of the mount does not name %s", first)
		}
	}
}
