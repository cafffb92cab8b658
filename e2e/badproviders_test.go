package e2e

import (
	"maps"
	"strings"
)

// badProviders are mistakes in an operator's own provider, each made on one that exists and on a new one.
func badProviders() []badInput {
	type fields = map[string]any
	cases := []badInput{
		{"preset overwritten", "providers/salesforce", fields{"token_endpoint": "https://127.0.0.1/zq7"}, "built-in"},
		{"preset deleted", "providers/salesforce", nil, "built-in"},
	}
	for name, c := range map[string]struct {
		fields fields
		says   string
	}{
		"unknown field":       {fields{"token_endpiont": "https://127.0.0.1/zq7"}, "token_endpiont"},
		"http endpoint":       {fields{"token_endpoint": "http://127.0.0.1/zq7"}, "allow_insecure_endpoints"},
		"no URL":              {fields{"token_endpoint": "zq7 nowhere"}, "token_endpoint"},
		"user info":           {fields{"token_endpoint": "https://me:zq7@127.0.0.1/token"}, "token_endpoint"},
		"fragment":            {fields{"token_endpoint": "https://127.0.0.1/token#zq7"}, "token_endpoint"},
		"http revocation":     {fields{"revocation_endpoint": "http://127.0.0.1/zq7"}, "revocation_endpoint"},
		"unknown auth method": {fields{"token_endpoint_auth_method": "zq7-magic"}, "token_endpoint_auth_method"},
		"unknown encoding":    {fields{"basic_encoding": "zq7-rot13"}, "basic_encoding"},
		"unknown format":      {fields{"request_format": "zq7-xml"}, "request_format"},
		"unknown rotation":    {fields{"refresh_token_rotation": "zq7-maybe"}, "refresh_token_rotation"},
		"no JSON pointer":     {fields{"access_token_pointer": "zq7-pointer"}, "access_token_pointer"},
		"bad pattern":         {fields{"param_patterns": "tenant=zq7(("}, "param_patterns"},
		"negative lifetime":   {fields{"assumed_token_ttl": "-987654s"}, "assumed_token_ttl"},
		"absurd lifetime":     {fields{"assumed_token_ttl": "99999999999h"}, "assumed_token_ttl"},
		"negative grace":      {fields{"reuse_grace": "-987654s"}, "reuse_grace"},
		"10 MiB docs":         {fields{"docs": strings.Repeat("zq7/", tenMiB/4)}, "docs"},
	} {
		whole := fields{"token_endpoint": "https://127.0.0.1/token", "token_endpoint_auth_method": "client_secret_post"}
		maps.Copy(whole, c.fields)
		cases = append(cases,
			badInput{name + ", existing provider", "providers/own", c.fields, c.says},
			badInput{name + ", new provider", "providers/fresh", whole, c.says})
	}
	return cases
}

// badRequests are mistakes in the mount's configuration, in names and in what readers ask for.
func badRequests() []badInput {
	type fields = map[string]any
	role := fields{"provider": "salesforce", "client_id": "app", "client_secret": "zq7-secret", "refresh_token": "zq7-token"}
	provider := fields{"token_endpoint": "https://127.0.0.1/token", "token_endpoint_auth_method": "client_secret_post"}
	return []badInput{
		{"unknown field, config", "config", fields{"request_timout": "zq7s"}, "request_timout"},
		{"negative timeout", "config", fields{"request_timeout": "-987654s"}, "request_timeout"},
		{"absurd timeout", "config", fields{"request_timeout": "99999999999h"}, "request_timeout"},
		{"malformed CA, config", "config", fields{"ca_certificate": "zq7-no-pem"}, "ca_certificate"},
		{"10 MiB CA", "config", fields{"ca_certificate": strings.Repeat("zq7A", tenMiB/4)}, "ca_certificate"},
		{"unknown field, creds", "creds/good", fields{"min_tll": "987654"}, "min_tll"},
		{"min_ttl beyond the token's life", "creds/good", fields{"min_ttl": "987654s"}, "min_ttl"},
		{"negative min_ttl", "creds/good", fields{"min_ttl": "-987654s"}, "min_ttl"},
		{"min_ttl that is no duration", "creds/good", fields{"min_ttl": "zq7-soon"}, "min_ttl"},
		{"unknown field, refresh", "refresh/good", fields{"if_genration": "987654"}, "if_genration"},
		{"generation that is no number", "refresh/good", fields{"if_generation": "zq7-one"}, "if_generation"},
		{"unknown field, revoke", "revoke/good", fields{"zq7_field": "zq7-value"}, "zq7_field"},
		{"role name with a space", "roles/zq7 role", role, "name"},
		{"role name with a dollar", "roles/zq7$role", role, "name"},
		{"role name with a slash", "roles/zq7/role", role, "name"},
		{"role name beyond ASCII", "roles/zq7-rôle", role, "name"},
		{"role name of 1000 letters", "roles/" + strings.Repeat("zq7x", 250), role, "name"},
		{"provider name with a dollar", "providers/zq7$provider", provider, "name"},
		{"creds of nobody", "creds/zq7-nobody", fields{}, "role"},
		{"refresh of nobody", "refresh/zq7-nobody", fields{}, "role"},
	}
}
