package oauthrefresh_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/provider"
	"vault-plugin-secrets-oauthrefresh/role"
)

// misfits are what no field of a type may be. JSON has more types than the command line, and a weak
// decoder makes something of most of them: of true the text "1", of a list its one member.
var misfits = map[framework.FieldType][]any{
	framework.TypeString: {true, []any{"zzz"}, []any{}, enginetest.Fields{"zzz": "zzz"}, enginetest.Fields{}},
	framework.TypeBool:   {"zzz", "yes", 22.5, []any{true}, []any{}, enginetest.Fields{"zzz": true}},
	framework.TypeInt64:  {"", "zzz", "1.5", 1.5, "9223372036854775808", 1e30, true, []any{1}, []any{}, enginetest.Fields{"zzz": 1}},
	framework.TypeInt:    {"zzz", "1.5", 1.5, "9223372036854775808", 1e30, true, []any{1}, []any{}, enginetest.Fields{"zzz": 1}},
	framework.TypeDurationSecond: {
		"zzz", "-1s", -1, "-5m", "-0.1s", "87601h", 1e30, 1e18, "315360001", "99999999999999999999", "NaN", "Inf", "1y",
		"400ms", 0.5, "4.5s", true, []any{60}, []any{}, enginetest.Fields{"zzz": 60},
	},
	framework.TypeKVPairs: {
		"zzz", []any{"zzz"}, []any{"a=zzz", 5555}, true, 5555, []any{enginetest.Fields{"a": "zzz"}},
		enginetest.Fields{"a": enginetest.Fields{"b": "zzz"}}, enginetest.Fields{"a": []any{"zzz"}}, enginetest.Fields{"a": true}, enginetest.Fields{"a": nil},
	},
	framework.TypeCommaStringSlice: {true, enginetest.Fields{"a": "zzz"}, []any{[]any{"zzz"}}, []any{enginetest.Fields{"a": "zzz"}}, []any{true}, []any{nil}},
}

func TestMisfitsAreRefused(t *testing.T) {
	b := enginetest.NewMount(t)
	for _, path := range []string{"config", "providers/test", "providers/new", "roles/r", "creds/r", "refresh/r"} {
		for field, schema := range b.Route(path).Fields {
			if field == "name" || field == "owner" {
				continue
			}
			for _, value := range misfits[schema.Type] {
				t.Run(fmt.Sprint(path, " ", field, " ", value), func(t *testing.T) {
					b.In(t).Rejects(enginetest.WriteOp, path, enginetest.Fields{field: value}, field+" must be ")
				})
			}
			b.Rejects(enginetest.WriteOp, path, enginetest.Fields{field: nil}, field+" is null: leave it out")
		}
	}
}

// What a value may look like besides: the command line knows only texts, JSON has numbers.
func TestFormsOfValues(t *testing.T) {
	b := enginetest.NewMount(t)
	for _, c := range []struct {
		field string
		value any
		want  string
	}{
		{"client_id", 12345, "12345"},
		{"client_id", "two words", "two words"},
		{"ttl", "90s", "90"}, {"ttl", "1h30m", "5400"}, {"ttl", "1d", "86400"}, {"ttl", 90, "90"}, {"ttl", "90", "90"}, {"ttl", 90.0, "90"},
		{"ttl", "0", "0"}, {"ttl", "87600h", "315360000"}, {"ttl", "1.5m", "90"},
		{"lease", true, "true"}, {"lease", "false", "false"}, {"lease", "1", "true"}, {"lease", 0, "false"},
		{"provider_params", enginetest.Fields{}, "map[]"}, {"provider_params", "", "map[]"},
		{"token_params", "a=b=c", "[a]"}, {"token_params", []any{"a=b", "c="}, "[a c]"}, {"token_params", enginetest.Fields{"a": "b", "n": 5}, "[a n]"},
	} {
		b.Write("roles/r", enginetest.Fields{c.field: c.value})
		shown := c.field
		if shown == "token_params" {
			shown = "token_params_names"
		}
		if got := fmt.Sprint(b.Data("roles/r")[shown]); got != c.want {
			t.Errorf("%s=%v reads as %s, want %s", c.field, c.value, got, c.want)
		}
	}
	for want, forms := range map[string][]any{
		"[a.example *.b.example]": {"a.example,*.b.example", " a.example , *.b.example", []any{"a.example", "*.b.example"}},
		"[]":                      {"", []any{}},
	} {
		for _, value := range forms {
			b.Write("config", enginetest.Fields{"allowed_hosts": value})
			if got := fmt.Sprint(b.Data("config")["allowed_hosts"]); got != want {
				t.Errorf("allowed_hosts=%v reads as %s, want %s", value, got, want)
			}
		}
	}
}

// Over the plugin's connection JSON's numbers arrive as floats, of which the framework takes what is before the point.
func TestNumbersOfTheWireKeepTheirDigits(t *testing.T) {
	b := enginetest.NewMount(t)
	refresh := func(generation any) error {
		resp, err := b.HandleRequest(t.Context(), &logical.Request{
			Operation: enginetest.WriteOp, Path: "refresh/r", Storage: b.Storage, Data: map[string]any{"if_generation": generation},
		})
		if err == nil && resp.IsError() {
			return resp.Error()
		}
		return err
	}
	for _, bad := range []float64{1.5, 0.1, -1.5, 99999999999999999999, 1e300} {
		if err := refresh(bad); err == nil || !strings.Contains(err.Error(), "if_generation must be a whole number") {
			t.Errorf("%v: %v", bad, err)
		}
	}
	for _, good := range []float64{0, 1234567, 1 << 53} {
		if err := refresh(good); err != nil {
			t.Errorf("%v: %v", good, err)
		}
	}
}

// Whatever is shown takes no private key, by whichever path and in whichever form.
func TestWhatIsShownTakesNoPrivateKey(t *testing.T) {
	b := enginetest.NewMount(t)
	key := enginetest.NewClientCertificate(t, -time.Hour, time.Hour).Key
	text := string(clienttest.CAPEM()) + key + string(clienttest.CAPEM())
	for _, path := range []string{"config", "providers/test", "providers/new", "roles/r", "roles/new"} {
		for field, schema := range b.Route(path).Fields {
			var forms []any
			names := schema.DisplayAttrs != nil && schema.DisplayAttrs.Sensitive
			switch schema.Type {
			case framework.TypeString:
				if !names {
					forms = []any{text, key, strings.ReplaceAll(key, "PRIVATE", "ENCRYPTED PRIVATE"), strings.Join(strings.Fields(key), " ")}
				}
			case framework.TypeKVPairs:
				forms = []any{enginetest.Fields{"a": "b", text: "c"}}
				if !names {
					forms = append(forms, enginetest.Fields{"a": text}, []any{"a=" + text})
				}
			case framework.TypeCommaStringSlice:
				forms = []any{[]any{"a", text}, text}
			}
			for _, form := range forms {
				if field != "name" {
					b.Rejects(enginetest.WriteOp, path, enginetest.Fields{field: form}, field+" holds a private key")
				}
			}
		}
	}
}

// A ca_certificate is nothing but certificates, and one that v0.1.0 stored with a key goes on without showing it.
func TestAuthoritiesAreNothingButCertificates(t *testing.T) {
	b := enginetest.NewMount(t)
	ca := string(clienttest.CAPEM())
	for _, other := range []string{"EC PARAMETERS", "X509 CRL", "CERTIFICATE REQUEST", "PKCS12", "TRUSTED CERTIFICATE", ""} {
		block := "-----BEGIN " + other + "-----\nAAAA\n-----END " + other + "-----\n"
		for _, path := range []string{"config", "roles/r"} {
			b.Rejects(enginetest.WriteOp, path, enginetest.Fields{"ca_certificate": ca + block + ca}, "leave only the parts that begin with -----BEGIN CERTIFICATE-----")
		}
	}
	combined := ca + enginetest.NewClientCertificate(t, -time.Hour, time.Hour).Key
	r, err := role.Get(t.Context(), b.Storage, "r")
	c, err2 := provider.GetConfig(t.Context(), b.Storage)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	r.CACertificate, c.CACertificate = combined, combined
	if err := errors.Join(role.Put(t.Context(), b.Storage, "r", r), mount.Save(t.Context(), b.Storage, provider.ConfigKey, c)); err != nil {
		t.Fatal(err)
	}
	b.Write("refresh/r", nil)
	b.Write("roles/r", enginetest.Fields{"ttl": "1h"})
	b.Write("config", enginetest.Fields{"request_timeout": "20s"})
	for _, path := range []string{"config", "roles/r"} {
		if got := b.Data(path)["ca_certificate"]; got != ca {
			t.Errorf("%s shows %d bytes, want the certificate", path, len(got.(string)))
		}
	}
}
