package oauthrefresh

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/framework"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

// settings has one field of each type that an input reads.
type settings struct {
	Text         string
	Secret       string
	Flag         bool
	Duration     time.Duration
	List         []string
	Pairs, Inner map[string]string
}

func read(data map[string]any) settings {
	s := settings{"kept", "kept", true, time.Hour, []string{"kept"}, map[string]string{"kept": "x"}, map[string]string{"kept": "x"}}
	secret, inner := client.NewSecret(s.Secret), role.WrapAll(s.Inner)
	w := role.Write{Input: mount.ReadInput(&framework.FieldData{Raw: data, Schema: map[string]*framework.FieldSchema{
		"text": {Type: framework.TypeString, Default: "default"}, "secret": {Type: framework.TypeString},
		"flag": {Type: framework.TypeBool, Default: true}, "duration": {Type: framework.TypeDurationSecond, Default: 30},
		"list": {Type: framework.TypeCommaStringSlice}, "pairs": {Type: framework.TypeKVPairs}, "inner": {Type: framework.TypeKVPairs},
	}})}
	w.Text("text", &s.Text)
	w.Secret("secret", &secret)
	w.Boolean("flag", &s.Flag)
	w.Duration("duration", &s.Duration)
	w.List("list", &s.List)
	w.Pairs("pairs", &s.Pairs)
	w.SecretPairs("inner", &inner)
	s.Secret, s.Inner = secret.Reveal(), role.RevealAll(inner)
	return s
}

func TestInputKeepsWhatIsNotNamed(t *testing.T) {
	s := read(nil)
	want := settings{"kept", "kept", true, time.Hour, []string{"kept"}, map[string]string{"kept": "x"}, map[string]string{"kept": "x"}}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("%+v", s)
	}
}

func TestInputTakesWhatIsNamed(t *testing.T) {
	s := read(throughJSON(fields{
		"text": "a\n", "secret": " b \r\n", "flag": false, "duration": "90s", "list": "x,y",
		"pairs": fields{"a": "b"}, "inner": []string{"c=d"},
	}))
	want := settings{"a\n", " b ", false, 90 * time.Second, []string{"x", "y"}, map[string]string{"a": "b"}, map[string]string{"c": "d"}}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("%+v", s)
	}
}

// Empty and null return to the default, which for a flag is not false.
func TestInputClears(t *testing.T) {
	want := fmt.Sprintf("%+v", settings{"default", "", true, 30 * time.Second, nil, nil, nil})
	for _, empty := range []any{nil, ""} {
		data := map[string]any{}
		for _, field := range []string{"text", "secret", "flag", "duration", "list", "pairs", "inner"} {
			data[field] = empty
		}
		if got := fmt.Sprintf("%+v", read(data)); got != want {
			t.Errorf("%#v makes %s", empty, got)
		}
	}
}
