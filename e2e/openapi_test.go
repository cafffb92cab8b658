package e2e

import (
	"encoding/json"
	"slices"
	"testing"
)

// openAPI is as much of the document as is asserted.
type openAPI struct {
	Paths map[string]map[string]json.RawMessage `json:"paths"`
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
	t.Parallel()
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
			if masked != (path == "roles/{name}" && slices.Contains(sensitive, field)) {
				t.Errorf("OpenAPI: %s of %s: sensitive=%v", field, path, masked)
			}
		}
	}
}

// find returns the request schemas of a path; nil when the document doesn't have the path. Vault loses
// references on their way from an external plugin, so the schemas must stand where they are used.
func (d openAPI) find(path string) []schema {
	operations, ok := d.Paths["/oauth/"+path]
	if !ok {
		operations, ok = d.Paths["/oauth/"+path+"/"]
	}
	if !ok {
		return nil
	}
	out := []schema{}
	for _, text := range operations {
		var operation struct {
			RequestBody struct {
				Content map[string]struct {
					Schema schema `json:"schema"`
				} `json:"content"`
			} `json:"requestBody"`
		}
		if json.Unmarshal(text, &operation) == nil {
			for _, media := range operation.RequestBody.Content {
				out = append(out, media.Schema)
			}
		}
	}
	return out
}
