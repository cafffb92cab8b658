package e2e

import (
	"encoding/json"
	"regexp"
	"slices"
	"testing"
)

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
