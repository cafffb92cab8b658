package role

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// samples is a value for each type of field, which is none's default.
var samples = map[framework.FieldType]any{
	framework.TypeString: "x", framework.TypeBool: true, framework.TypeDurationSecond: 90, framework.TypeInt: 48, framework.TypeKVPairs: map[string]any{"a": "x"}, framework.TypeCommaStringSlice: []any{"x"},
}

// written is a role, and what else a write brings, after a write of one field.
func written(field string, value any) (*Role, *brought) {
	r, b := &Role{Next: NextCredentials{ID: "id"}}, new(brought)
	in := mount.ReadInput(&framework.FieldData{Raw: map[string]any{field: value}, Schema: Fields().Schema()})
	fields(r, b).Read(in)
	nextFields(&r.Next, &b.next).Read(in)
	return r, b
}

// stored is a role as storage has it.
func stored(t *testing.T, r *Role) (entry map[string]any) {
	t.Helper()
	s := new(logical.InmemStorage)
	if err := Put(t.Context(), s, "r", r); err != nil {
		t.Fatal(err)
	}
	e, err := s.Get(t.Context(), Prefix+"r")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(e.Value, &entry); err != nil {
		t.Fatal(err)
	}
	return entry
}

// A field that is stored as it comes is stored under its own name, that of the credentials to come among those.
func TestEveryFieldIsReadIntoItsOwn(t *testing.T) {
	elsewhere := map[string]bool{ // these are looked at first, or are no part of the role
		"name": true, "verify": true, "next_from": true, "refresh_token": true, "client_secret_expires_at": true, "grant_expires_at": true,
		"pfx": true, "client_certificate": true, "client_private_key": true, "assertion_private_key": true,
		"pfx_password": true, "client_private_key_password": true, "assertion_private_key_password": true,
	}
	nothing, none := written("", nil)
	before := stored(t, nothing)
	brings := map[string]*brought{"nothing": none}
	for field, schema := range Fields().Schema() {
		value := samples[schema.Type]
		r, b := written(field, value)
		after := stored(t, r)
		name, next := strings.CutPrefix(field, NextPrefix)
		if elsewhere[field] || elsewhere[name] {
			if !reflect.DeepEqual(after, before) {
				t.Errorf("%s is stored at once", field)
			}
			if field == "name" || field == "verify" || field == "next_from" || strings.HasSuffix(field, "_expires_at") {
				continue
			}
			for other, brought := range brings {
				if reflect.DeepEqual(b, brought) {
					t.Errorf("%s brings the same as %s", field, other)
				}
			}
			brings[field] = b
			continue
		}
		was, is := before, after
		if next {
			was, is = was["next"].(map[string]any), is["next"].(map[string]any)
		}
		if reflect.DeepEqual(is[name], was[name]) {
			t.Errorf("%s is not stored", field)
		}
		is[name] = was[name]
		if was[name] == nil {
			delete(is, name)
		}
		if !reflect.DeepEqual(after, before) {
			t.Errorf("%s is stored elsewhere too: %v", field, after)
		}
	}
}

// What a read shows of a field stands under the field's name when it is what was written, and under another when not.
func TestEveryFieldIsShownAsItIs(t *testing.T) {
	shown := func(r *Role) map[string]any { return r.Response().Data }
	nothing, _ := written("", nil)
	before := shown(nothing)
	for field, schema := range Fields().Schema() {
		value := samples[schema.Type]
		if field == "refresh_window" && before[field] != nil {
			t.Error("a refresh_window of none is shown")
		}
		r, _ := written(field, value)
		r.RefreshToken, r.AssertionKey, r.CertificateChain = client.NewSecret("x"), client.NewSecret("x"), "x"
		r.Next.AssertionKey, r.Next.PrivateKey = client.NewSecret("x"), client.NewSecret("x")
		after := shown(r)
		switch name := strings.TrimPrefix(field, NextPrefix); {
		case field == "name" || field == "verify" || field == "next_from" || strings.HasSuffix(name, "_expires_at") || strings.HasSuffix(name, "pfx") || strings.HasSuffix(name, "password") || name == "client_private_key":
			if after[field] != nil || after[field+"_set"] != nil {
				t.Errorf("%s is shown", field)
			}
		case schema.Type == framework.TypeKVPairs && schema.DisplayAttrs != nil:
			if after[field] != nil || fmt.Sprint(after[field+"_names"]) != "[a]" {
				t.Errorf("%s is shown as %v, by name as %v", field, after[field], after[field+"_names"])
			}
		case schema.DisplayAttrs != nil || name == "client_certificate":
			if after[field] != nil || before[field+"_set"] != false || after[field+"_set"] != true {
				t.Errorf("%s is shown as %v, as set %v and then %v", field, after[field], before[field+"_set"], after[field+"_set"])
			}
		case fmt.Sprint(after[field]) != fmt.Sprint(map[string]any{"s": value}["s"]):
			t.Errorf("%s is shown as %v, was written as %v", field, after[field], value)
		}
	}
}

// A secret's line ends are those of its file.
func TestSecretsAreReadWithoutTheLineEndsAroundThem(t *testing.T) {
	for text, want := range map[string]string{" b \r\n": " b ", "\n\nb\n": "b", "b": "b", "": "", "\n": ""} {
		if r, _ := written("client_secret", text); r.ClientSecret.Reveal() != want || r.ClientSecret.IsSet() != (want != "") {
			t.Errorf("%q is read as %q", text, r.ClientSecret.Reveal())
		}
	}
}
