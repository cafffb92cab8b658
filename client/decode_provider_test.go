package client

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// builtin is a definition of the catalogue: what a client does is shown with those that there are.
func builtin(t testing.TB, name string) *Provider {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "provider", "catalogue", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := DecodeProvider(data)
	if err != nil {
		t.Fatal(err)
	}
	p.SetDefaults()
	return p
}

func TestCloneSharesNothing(t *testing.T) {
	p := &Provider{
		AssertionClaims: map[string]string{"a": "b"}, MTLSEndpointAliases: map[string]string{"a": "b"},
		ParamPatterns: map[string]string{"a": "b"}, ParamDefaults: map[string]string{"a": "b"},
		TokenParams: map[string]string{"a": "b"}, TokenHeaders: map[string]string{"a": "b"},
		ParamOrder: []string{"a"}, ExtraFields: []string{"a"}, PermanentErrors: []string{"a"}, AssertionCertificateHeaders: []string{"a"},
		Consent: Consent{AuthorizationParams: map[string]string{"a": "b"}, CallbackFields: []string{"a"}, CallbackChecks: map[string]string{"a": "b"}},
	}
	c := p.Clone()
	if !reflect.DeepEqual(c, p) {
		t.Fatal("the clone differs")
	}
	// Every map and slice field, also one that is added later, must be a copy.
	from, to := reflect.ValueOf(p).Elem(), reflect.ValueOf(c).Elem()
	for _, field := range reflect.VisibleFields(from.Type()) {
		of, copied := from.FieldByIndex(field.Index), to.FieldByIndex(field.Index)
		switch of.Kind() {
		case reflect.Map, reflect.Slice:
			if of.Pointer() == copied.Pointer() || of.Len() == 0 {
				t.Errorf("%s is shared, or not covered here", field.Name)
			}
		}
	}
}

func TestDefinitionsAreDecodedStrictly(t *testing.T) {
	for name, definition := range map[string]string{
		"unknown field":           `{"token_endpoint":"https://a.example/t","token_endpiont":"x"}`,
		"field in other case":     `{"Token_Endpoint":"https://a.example/t"}`,
		"field twice":             `{"token_endpoint":"https://a.example/t","token_endpoint":"https://b.example/t"}`,
		"nested key twice":        `{"token_endpoint":"https://a.example/t","param_defaults":{"a":"1","a":"2"}}`,
		"key twice after a list":  `{"extra_fields":["a"],"docs":"","docs":""}`,
		"second value":            `{"token_endpoint":"https://a.example/t"}{}`,
		"not an object":           `["token_endpoint"]`,
		"wrong type":              `{"token_endpoint":1}`,
		"malformed duration":      `{"token_endpoint":"https://a.example/t","assumed_token_ttl":"soon"}`,
		"empty":                   ``,
		"cut off":                 `{"token_endpoint":"https://a.example/t"`,
		"key equal but escaped":   `{"docs":"a","\u0064ocs":"b"}`,
		"duplicate inside a list": `{"extra_fields":[{"a":1,"a":2}]}`,
	} {
		if _, err := DecodeProvider([]byte(definition)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	// Equal strings that are values, and equal keys of different objects, are no duplicates.
	p, err := DecodeProvider([]byte(`{"token_endpoint":"https://a.example/t","extra_fields":["id","id2"],` +
		`"param_defaults":{"a":"a"},"param_patterns":{"a":"a"},"assumed_token_ttl":90,"send_scope":true}`))
	if err != nil {
		t.Fatal(err)
	}
	if p.AssumedTokenTTL.String() != "1m30s" || !p.SendScope || p.ParamDefaults["a"] != "a" {
		t.Errorf("decoded %+v", p)
	}
}
