package role_test

import (
	"reflect"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/provider"
	"vault-plugin-secrets-oauthrefresh/role"
)

// cuts are the answers of a description, and what each is asked for: s for settings, e for exchange, v for
// verdict.
func cuts(r *role.Role, p *client.Provider) map[byte]string {
	d := role.Describe(r, p)
	return map[byte]string{'s': d.SettingsID(), 'e': d.ExchangeID(), 'v': d.VerdictID()}
}

// ofProvider says of every field of a definition which of them must change with it. A field that is new has
// to be put here, and so into one of the groups of description or into none.
var ofProvider = map[string]string{
	"Issuer": "ev", "TokenEndpoint": "sev", "RevocationEndpoint": "", "IntrospectionEndpoint": "", "MTLSEndpointAliases": "",
	"ParamPatterns": "", "ParamDefaults": "sev", "TokenEndpointAuthMethod": "ev", "TokenEndpointAuthSigningAlg": "ev",
	"AssertionAudience": "ev", "AssertionClaims": "sev", "AssertionScopeClaim": "ev",
	"AssertionType": "ev", "AssertionCertificateHeaders": "ev", "SendClientID": "ev", "ClientSecretOptional": "", "RevocationAssertionAudience": "",
	"BasicEncoding": "ev", "RequestFormat": "ev",
	"TokenParams": "sev", "TokenHeaders": "sev", "ParamOrder": "ev", "IdempotencyHeader": "", "SendScope": "sev",
	"RequiresCertificate": "", "APIRequiresCertificate": "",
	"AccessTokenPointer": "", "RefreshTokenPointer": "", "ExpiresInPointer": "", "RefreshTokenExpiresInPointer": "", "GrantExpiresAtPointer": "", "ExtraFields": "",
	"AssumedTokenTTL": "", "RefreshWindow": "", "RefreshTokenRotation": "", "ReuseGrace": "", "RefreshInvalidatesAccessToken": "",
	"RefreshTokenIdleTTL": "", "MaxRefreshesPerDay": "", "PermanentErrors": "v", "Docs": "",
	"AuthorizationEndpoint": "", "AuthorizationParams": "", "AuthorizationElsewhere": "", "OfflineScope": "", "ScopeSeparator": "",
	"PKCE": "", "ResponseMode": "", "AuthorizationResponseIssParameterSupported": "", "CallbackFields": "", "CallbackChecks": "",
	"AuthorizationCodeParameter": "", "AccountPointer": "", "JWKSURI": "", "DeviceAuthorizationEndpoint": "",
	"PushedAuthorizationRequestEndpoint": "", "RequirePushedAuthorizationRequests": "",
}

// ofRole says the same of a role, secrets included: those prove who the client is, and are no part of what is
// asked for.
var ofRole = map[string]string{
	"Revision": "", "GrantID": "", "GrantedAt": "", "Origins": "", "GrantType": "sev", "Provider": "s", "ProviderParams": "sev", "ClientID": "sev",
	"Scope": "sev", "Subject": "sev", "AssertionAudience": "ev", "AssertionClaims": "sev", "SigningAlg": "ev",
	"TokenEndpointAuthMethod": "ev", "RequestFormat": "ev", "CACertificate": "", "TTL": "", "AssumedTokenTTL": "", "RefreshWindow": "",
	"KeepalivePeriod": "", "MaxRefreshesPerDay": "", "Lease": "", "Pins": "s", "IdentityReadable": "", "TokenMode": "s",
	"CertificateChain": "", "AssertionCertificate": "", "AssertionKeyID": "", "ClientSecretSince": "", "CertificateSince": "", "AssertionKeySince": "",
	"ClientSecret": "", "PrivateKey": "", "AssertionKey": "", "Next": "", "PreviousClientSecret": "", "RefreshToken": "",
	"TokenParams": "sev", "TokenHeaders": "sev",
	"AuthorizationParams": "", "RedirectURIs": "", "DeviceFlow": "", "AuthorizationOrigin": "", "GrantOwner": "", "BoundAccount": "", "Labels": "",
	"ClientSecretExpiresAt": "", "GrantExpiresAt": "",
}

func describedRole() *role.Role {
	return &role.Role{Settings: role.Settings{
		GrantType: client.GrantRefreshToken, Provider: "test", ClientID: "the-client", ProviderParams: map[string]string{"tenant": "a"},
	}}
}

func describedProvider() *client.Provider {
	return &client.Provider{
		TokenEndpoint: "https://example.com/{tenant}/{region}", ParamDefaults: map[string]string{"region": "x"},
	}
}

// Whatever an operator changes, it is known whether the token at hand is still what is asked for, whether an
// exchange is the same one, and whether a refusal was about it. A failure is of one version of all.
func TestEveryFieldIsKnownToTheFourCuts(t *testing.T) {
	before := cuts(describedRole(), describedProvider())
	version := func(r *role.Role, p *client.Provider) string {
		return (&role.Target{Role: r, Provider: p, Config: new(provider.Config)}).VersionID()
	}
	unchanged := version(describedRole(), describedProvider())
	p := describedProvider()
	everyField(t, reflect.ValueOf(p).Elem(), ofProvider, func(field, want string) {
		compare(t, "provider's "+field, want, before, cuts(describedRole(), p))
		if version(describedRole(), p) == unchanged {
			t.Errorf("a failure of before the provider's %s was changed still holds", field)
		}
		p = describedProvider()
	}, func() reflect.Value { return reflect.ValueOf(p).Elem() })
	r := describedRole()
	everyField(t, reflect.ValueOf(r).Elem(), ofRole, func(field, want string) {
		compare(t, "role's "+field, want, before, cuts(r, describedProvider()))
		if field == "Revision" && version(r, describedProvider()) == unchanged { // with every write
			t.Error("a failure of before a role was written still holds")
		}
		r = describedRole()
	}, func() reflect.Value { return reflect.ValueOf(r).Elem() })
}

func compare(t *testing.T, what, want string, before, after map[byte]string) {
	t.Helper()
	got := ""
	for _, cut := range []byte("sev") {
		if before[cut] != after[cut] {
			got += string(cut)
		}
	}
	if got != want {
		t.Errorf("with the %s these change: %q, want %q", what, got, want)
	}
}

// everyField changes each field of a struct, embedded ones included, one after the other.
func everyField(t *testing.T, of reflect.Value, rows map[string]string, changed func(field, want string), fresh func() reflect.Value) {
	t.Helper()
	seen := 0
	for _, field := range reflect.VisibleFields(of.Type()) {
		if field.Anonymous {
			continue
		}
		want, ok := rows[field.Name]
		if !ok {
			t.Errorf("nobody has said what the field %s means for an exchange", field.Name)
			continue
		}
		seen++
		alter(t, fresh().FieldByIndex(field.Index))
		changed(field.Name, want)
	}
	if seen != len(rows) {
		t.Errorf("%d fields, %d rows: one of the rows is of a field that is gone", seen, len(rows))
	}
}

// alter sets a value to another one of its type.
func alter(t *testing.T, v reflect.Value) {
	t.Helper()
	switch old := v.Interface().(type) {
	case string:
		v.SetString(map[string]string{
			client.GrantRefreshToken:                client.GrantClientCredentials,
			"https://example.com/{tenant}/{region}": "https://example.com/other/{tenant}/{region}",
		}[old])
		if v.String() == "" {
			v.SetString("https://other.example.com")
		}
	case bool:
		v.SetBool(!old)
	case time.Duration, client.Duration:
		v.SetInt(int64(time.Minute))
	case int:
		v.SetInt(48)
	case time.Time:
		v.Set(reflect.ValueOf(time.Now()))
	case []string:
		v.Set(reflect.ValueOf([]string{"other"}))
	case map[string]string:
		next := map[string]string{"other": "value"}
		for name := range old {
			next = map[string]string{name: "other"}
		}
		v.Set(reflect.ValueOf(next))
	case map[string]client.Secret:
		v.Set(reflect.ValueOf(map[string]client.Secret{"other": client.NewSecret("value")}))
	case client.Secret:
		v.Set(reflect.ValueOf(client.NewSecret("other")))
	case *role.Pins:
		v.Set(reflect.ValueOf(&role.Pins{AcceptedPointer: "/other"}))
	case role.NextCredentials:
		v.Set(reflect.ValueOf(role.NextCredentials{ID: "other"}))
	default:
		t.Fatalf("no other value of %T", old)
	}
}

// The type that is the default is the same request.
func TestTheDefaultAssertionTypeIsTheSameExchange(t *testing.T) {
	r, p := &role.Role{}, &client.Provider{TokenEndpoint: "https://example.com/token"}
	before := role.Describe(r, p).ExchangeID()
	q := p.Clone()
	q.AssertionType = client.AssertionTypeJWT
	if role.Describe(r, q).ExchangeID() != before {
		t.Error("assertion_type=JWT names another exchange")
	}

}
