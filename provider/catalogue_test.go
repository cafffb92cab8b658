package provider

import (
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

func TestUnknownBuiltin(t *testing.T) {
	if p, ok := Builtin("../catalogue"); ok || p != nil {
		t.Error("found a provider that is not there")
	}
}
