package client

import (
	"reflect"
	"slices"
	"testing"
)

func TestBuiltinsAreValid(t *testing.T) {
	want := []string{"isabel-connect", "isabel-connect-v1", "keliweb", "pandadoc", "pingone", "salesforce"}
	if got := Builtins(); !slices.Equal(got, want) {
		t.Fatalf("built-in providers %q, want %q", got, want)
	}
	for _, name := range want {
		p, ok := Builtin(name)
		if !ok {
			t.Fatalf("no built-in %s", name)
		}
		if err := p.Validate(false); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if p.Docs == "" || p.RequestFormat == "" || p.AccessTokenPointer == "" {
			t.Errorf("%s: documentation address or defaults are missing", name)
		}
	}
}

func TestBuiltinIsACopy(t *testing.T) {
	changed, _ := Builtin("salesforce")
	changed.ParamDefaults["domain"] = "changed.salesforce.com"
	changed.ParamPatterns["domain"] = ".*"
	changed.ExtraFields[0] = "changed"
	changed.TokenEndpoint = "https://changed.example/token"
	again, _ := Builtin("salesforce")
	if again.ParamDefaults["domain"] != "login.salesforce.com" || again.ExtraFields[0] != "instance_url" ||
		again.ParamPatterns["domain"] == ".*" || again.TokenEndpoint == changed.TokenEndpoint {
		t.Error("changing a copy changed the catalogue")
	}
}

func TestCloneSharesNothing(t *testing.T) {
	p := &Provider{
		AssertionClaims: map[string]string{"a": "b"}, MTLSEndpointAliases: map[string]string{"a": "b"},
		ParamPatterns: map[string]string{"a": "b"}, ParamDefaults: map[string]string{"a": "b"},
		TokenParams: map[string]string{"a": "b"}, TokenHeaders: map[string]string{"a": "b"},
		ParamOrder: []string{"a"}, ExtraFields: []string{"a"}, PermanentErrors: []string{"a"}, AssertionCertificateHeaders: []string{"a"},
	}
	c := p.Clone()
	if !reflect.DeepEqual(c, p) {
		t.Fatal("the clone differs")
	}
	// Every map and slice field, also one that is added later, must be a copy.
	from, to := reflect.ValueOf(p).Elem(), reflect.ValueOf(c).Elem()
	for i := range from.NumField() {
		switch from.Field(i).Kind() {
		case reflect.Map, reflect.Slice:
			if from.Field(i).Pointer() == to.Field(i).Pointer() || from.Field(i).Len() == 0 {
				t.Errorf("%s is shared, or not covered here", from.Type().Field(i).Name)
			}
		}
	}
}

func TestUnknownBuiltin(t *testing.T) {
	if p, ok := Builtin("../catalogue"); ok || p != nil {
		t.Error("found a provider that is not there")
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
		if _, err := decodeProvider([]byte(definition)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	// Equal strings that are values, and equal keys of different objects, are no duplicates.
	p, err := decodeProvider([]byte(`{"token_endpoint":"https://a.example/t","extra_fields":["id","id2"],` +
		`"param_defaults":{"a":"a"},"param_patterns":{"a":"a"},"assumed_token_ttl":90,"send_scope":true}`))
	if err != nil {
		t.Fatal(err)
	}
	if p.AssumedTokenTTL.String() != "1m30s" || !p.SendScope || p.ParamDefaults["a"] != "a" {
		t.Errorf("decoded %+v", p)
	}
}
