package e2e

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// paths are all there is, each with the fields that its OpenAPI description must have.
var paths = map[string][]string{
	"config": {"request_timeout", "ca_certificate", "allowed_hosts", "allow_insecure_endpoints"},
	"providers/{name}": {
		"token_endpoint", "revocation_endpoint", "introspection_endpoint", "param_patterns", "param_defaults",
		"token_endpoint_auth_method", "basic_encoding", "request_format", "token_params", "token_headers",
		"idempotency_header", "send_scope", "requires_certificate", "access_token_pointer",
		"refresh_token_pointer", "expires_in_pointer", "refresh_token_expires_in_pointer", "extra_fields",
		"assumed_token_ttl", "refresh_window", "refresh_token_rotation", "reuse_grace",
		"refresh_invalidates_access_token", "refresh_token_idle_ttl", "permanent_errors", "docs",
	},
	"roles/{name}": {
		"grant_type", "provider", "provider_params", "client_id", "client_secret", "refresh_token", "scope",
		"token_endpoint_auth_method", "request_format", "pfx", "pfx_password", "client_certificate",
		"client_private_key", "client_private_key_password", "ca_certificate", "token_params",
		"token_headers", "ttl", "assumed_token_ttl", "refresh_window", "keepalive_period", "lease", "token_mode",
	},
	"creds/{name}":   {"min_ttl"},
	"refresh/{name}": {"if_generation"},
	"revoke/{name}":  nil,
	"status/{name}":  nil,
	"status":         nil,
	"providers":      nil,
	"roles":          nil,
}

// sensitive are the fields that a user interface must mask.
var sensitive = []string{
	"client_secret", "refresh_token", "pfx", "pfx_password", "client_private_key", "client_private_key_password",
}

func TestPathHelp(t *testing.T) {
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
			shown := regexp.MustCompile(`(?m)^\s+` + field + ` \([^)]+\)\s+(\S+ ){3}`)
			if !shown.MatchString(help) {
				t.Errorf("path-help %s does not explain %s", example, field)
			}
		}
		if first, _, _ := strings.Cut(path, "/"); !strings.Contains(overview, first) {
			t.Errorf("path-help of the mount does not name %s", first)
		}
	}
}

// openAPI is as much of the document as is asserted.
type openAPI struct {
	Paths      map[string]map[string]json.RawMessage `json:"paths"`
	Components struct {
		Schemas map[string]schema `json:"schemas"`
	} `json:"components"`
}

type schema struct {
	Properties map[string]struct {
		Description string `json:"description"`
		Display     struct {
			Sensitive bool `json:"sensitive"`
		} `json:"x-vault-displayAttrs"`
	} `json:"properties"`
}

func TestOpenAPI(t *testing.T) {
	l := newLab(t)
	var doc openAPI
	raw, err := l.v.client().Logical().ReadRaw("sys/internal/specs/openapi")
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Body.Close()
	if err := json.NewDecoder(raw.Body).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	for path, fields := range paths {
		found := doc.find(path)
		if found == nil {
			t.Errorf("OpenAPI does not list %s", path)
		}
		for _, field := range fields {
			var got, masked bool
			for _, s := range found {
				property, ok := s.Properties[field]
				got = got || ok && property.Description != ""
				masked = masked || property.Display.Sensitive
			}
			if !got {
				t.Errorf("OpenAPI does not describe %s of %s", field, path)
			}
			if masked != slices.Contains(sensitive, field) {
				t.Errorf("OpenAPI: %s of %s: sensitive=%v", field, path, masked)
			}
		}
	}
}

// find returns the request schemas of a path; nil when the document doesn't have the path.
func (d openAPI) find(path string) []schema {
	operations, ok := d.Paths["/oauth/"+path]
	for _, variant := range []string{"/oauth/" + path + "/", "/{oauth_mount_path}/" + path, "/{oauth_mount_path}/" + path + "/"} {
		if !ok {
			operations, ok = d.Paths[variant]
		}
	}
	if !ok {
		return nil
	}
	out := []schema{}
	reference := regexp.MustCompile(`"#/components/schemas/([^"]+)"`)
	for _, operation := range operations {
		for _, match := range reference.FindAllSubmatch(operation, -1) {
			out = append(out, d.Components.Schemas[string(match[1])])
		}
	}
	return out
}
