package client

import (
	"encoding/json"
	"testing"
)

func TestBoundTo(t *testing.T) {
	// The example of RFC 8705 section 3.1, and the same 32 bytes in hex.
	const thumbprint = "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"
	const fingerprint = "6f070ad1eb1cdc0082dc3076639fe5112b1713ca3d96d734e4ef3d8dd37e760d"
	cnf := func(value any) map[string]any { return map[string]any{"cnf": map[string]any{"x5t#S256": value}} }
	other := "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for name, c := range map[string]struct {
		token, answer string
		want          string
	}{
		"in the token":            {jwt(cnf(thumbprint)), `{}`, fingerprint},
		"padded":                  {jwt(cnf(thumbprint + "=")), `{}`, fingerprint},
		"beside the token":        {"opaque", `{"cnf":{"x5t#S256":"` + thumbprint + `"}}`, fingerprint},
		"the token's word counts": {jwt(cnf(thumbprint)), `{"cnf":{"x5t#S256":"` + other + `"}}`, fingerprint},
		"not bound":               {jwt(map[string]any{"exp": 1}), `{"cnf":{}}`, ""},
		"bound to a key (DPoP)":   {jwt(map[string]any{"cnf": map[string]any{"jkt": thumbprint}}), `{}`, ""},
		"opaque":                  {"opaque", `{}`, ""},
		"no payload":              {"a.$$$.b", `{}`, ""},
		"no JSON":                 {"a.YQ.b", `{}`, ""},
		"cnf is a text":           {jwt(map[string]any{"cnf": thumbprint}), `{"cnf":"x"}`, ""},
		"a number":                {jwt(cnf(7)), `{"cnf":{"x5t#S256":7}}`, ""},
		"too short":               {jwt(cnf(thumbprint[:42])), `{}`, ""},
		"too long":                {jwt(cnf(thumbprint + "AA")), `{}`, ""},
		"hex":                     {jwt(cnf(fingerprint)), `{}`, ""},
		"not base64url":           {jwt(cnf("+" + thumbprint[1:])), `{}`, ""},
		"a secret repeated":       {jwt(cnf(other)), `{"cnf":{"x5t#S256":"` + other + `"}}`, ""},
	} {
		if got := boundTo(decoded(t, c.answer), c.token, []string{other}); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		text, err := json.Marshal(c.token)
		if err != nil {
			t.Fatal(err)
		}
		body := `{"access_token":` + string(text) + `,` + c.answer[1:]
		if c.answer == "{}" {
			body = `{"access_token":` + string(text) + `}`
		}
		a := &answer{status: 200, body: []byte(body)}
		token, err := a.token(&Request{Provider: &Provider{}, RefreshToken: NewSecret(other)}, fixed)
		if err != nil || token.CertificateThumbprint != c.want {
			t.Errorf("%s: the exchange brings %v, %v", name, token, err)
		}
	}
}
