package oauthrefresh_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	oauthrefresh "vault-plugin-secrets-oauthrefresh"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// Whatever writes or may refresh runs on the active node of the primary cluster: a read of
// credentials too. Anywhere else it would spend what can't be stored there.
func TestWritesAreForwarded(t *testing.T) {
	for _, path := range oauthrefresh.NewBackend().Paths {
		for op, handler := range path.Operations {
			writes := op != logical.ReadOperation && op != logical.ListOperation || strings.HasPrefix(path.Pattern, "creds/") ||
				strings.HasPrefix(path.Pattern, "authorize/") || strings.HasPrefix(path.Pattern, "callback/") || strings.HasPrefix(path.Pattern, "start/") || // a consent is exchanged where it is kept
				strings.HasPrefix(path.Pattern, "identity/") || // a lease, of the certificate as it is now
				strings.HasPrefix(path.Pattern, "explain/") || strings.HasPrefix(path.Pattern, "rehearse/") || // what that node would do
				strings.HasPrefix(path.Pattern, "status") || path.Pattern == "roles/?$" || path.Pattern == "metrics" // they tell what the refreshing node knows
			p := handler.Properties()
			if p.ForwardPerformanceStandby != writes || p.ForwardPerformanceSecondary != writes {
				t.Errorf("%s %s: forwarded from standbys %v, from secondaries %v", op, path.Pattern, p.ForwardPerformanceStandby, p.ForwardPerformanceSecondary)
			}
		}
	}
}

// sentence begins with a capital and ends with a stop.
var sentence = regexp.MustCompile(`^[A-Z](?s:.*)[.]$`)

func TestEverythingHasItsHelp(t *testing.T) {
	b := oauthrefresh.NewBackend()
	if !sentence.MatchString(b.Help) {
		t.Errorf("the mount's help is %q", b.Help)
	}
	for _, path := range b.Paths {
		if !sentence.MatchString(path.HelpSynopsis) || !sentence.MatchString(path.HelpDescription) && path.Pattern != "creds/(?P<name>.+)" {
			t.Errorf("%s: help %q, %q", path.Pattern, path.HelpSynopsis, path.HelpDescription)
		}
		for name, field := range path.Fields {
			if len(field.Description) < 10 || !strings.HasSuffix(field.Description, ".") {
				t.Errorf("%s %s: description %q", path.Pattern, name, field.Description)
			}
			if mount.FieldForms[field.Type] == "" {
				t.Errorf("%s %s: no word for its type", path.Pattern, name)
			}
		}
		for op, handler := range path.Operations {
			if !sentence.MatchString(handler.Properties().Summary) {
				t.Errorf("%s %s: summary %q", op, path.Pattern, handler.Properties().Summary)
			}
		}
	}
}

// A secret is typed where nobody reads along, and left out of what user interfaces show.
func TestSecretsAreMarkedSensitive(t *testing.T) {
	secrets := []string{
		"client_secret", "previous_client_secret", "refresh_token", "pfx", "pfx_password", "client_private_key", "client_private_key_password",
		"assertion_private_key", "assertion_private_key_password", "next_client_secret", "next_pfx", "next_pfx_password",
		"next_client_private_key", "next_client_private_key_password", "next_assertion_private_key", "next_assertion_private_key_password",
		"token_params", "token_headers",
	}
	proofs := []string{"confirmation_code", "redirected_to", "authorization_code", "code_verifier"}
	for _, path := range oauthrefresh.NewBackend().Paths {
		for name, field := range path.Fields {
			want := strings.HasPrefix(path.Pattern, "roles/") && slices.Contains(secrets, name) || slices.Contains(proofs, name)
			if got := field.DisplayAttrs != nil && field.DisplayAttrs.Sensitive; got != want {
				t.Errorf("%s %s: sensitive is %v", path.Pattern, name, got)
			}
		}
	}
}

// The document that a client library is generated from, as sys/internal/specs/openapi asks for it.
func TestOpenAPI(t *testing.T) {
	b := enginetest.New(t)
	resp, err := b.HandleRequest(t.Context(), &logical.Request{Operation: logical.HelpOperation, Storage: b.Storage})
	if err != nil {
		t.Fatal(err)
	}
	doc := resp.Data["openapi"].(*framework.OASDocument)
	var paths []string
	ids := map[string]bool{}
	for path, item := range doc.Paths {
		paths = append(paths, path)
		for method, op := range map[string]*framework.OASOperation{"get": item.Get, "post": item.Post, "patch": item.Patch, "delete": item.Delete} {
			if op == nil {
				continue
			}
			if ids[op.OperationID] || !strings.HasPrefix(op.OperationID, mount.OperationPrefix+"-") {
				t.Errorf("%s %s: operation id %q", method, path, op.OperationID)
			}
			ids[op.OperationID] = true
			if op.RequestBody != nil {
				checkBody(t, b, path, op.RequestBody.Content)
			}
		}
	}
	slices.Sort(paths)
	want := []string{
		"/authorize/{name}", "/authorize/{name}/{owner}", "/callback/{name}", "/config", "/confirm/{name}", "/confirm/{name}/{owner}", "/creds/{name}", "/creds/{name}/{owner}",
		"/device/{name}", "/device/{name}/{owner}", "/explain/{name}", "/explain/{name}/{owner}", "/identity/{name}", "/metrics", "/providers/", "/providers/{name}", "/providers/{name}/rediscover",
		"/refresh/{name}", "/refresh/{name}/{owner}", "/rehearse/{name}", "/revoke/{name}", "/revoke/{name}/{owner}", "/roles/", "/roles/{name}", "/start/{name}",
		"/status", "/status/{name}", "/status/{name}/", "/status/{name}/{owner}",
	}
	if !slices.Equal(paths, want) {
		t.Errorf("the document has %q", paths)
	}
}

// checkBody wants every field of the path in the body's schema, with its description.
func checkBody(t *testing.T, b *enginetest.Mount, path string, content framework.OASContent) {
	t.Helper()
	for kind, media := range content {
		shown := media.Schema.Properties
		for name, field := range b.Route(strings.ReplaceAll(strings.TrimPrefix(path, "/"), "{name}", "x")).Fields {
			if name == "name" || name == "owner" {
				continue
			}
			if shown[name] == nil || shown[name].Description != field.Description {
				t.Errorf("%s %s lacks %s as it is", path, kind, name)
			}
		}
		if shown["name"] != nil || shown["owner"] != nil {
			t.Errorf("%s %s has the path's name in its body", path, kind)
		}
	}
}

// vault path-help of every path, before anything exists.
func TestPathHelp(t *testing.T) {
	b := enginetest.New(t)
	for _, path := range []string{"config", "providers/x", "providers/x/rediscover", "roles/", "roles/x", "creds/x", "identity/x", "explain/x", "rehearse/x", "refresh/x", "revoke/x", "status", "status/x"} {
		resp, err := b.HandleRequest(t.Context(), &logical.Request{Operation: logical.HelpOperation, Path: path, Storage: b.Storage})
		if err != nil {
			t.Fatal(err)
		}
		help := fmt.Sprint(resp.Data["help"])
		for name, field := range b.Route(path).Fields {
			if !strings.Contains(help, name) || !strings.Contains(strings.Join(strings.Fields(help), " "), field.Description) {
				t.Errorf("the help of %s lacks %s:\n%s", path, name, help)
			}
		}
	}
}
