package mount_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/framework"

	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// settings has one field of each type that an input reads.
type settings struct {
	Text     string
	Flag     bool
	Duration time.Duration
	List     []string
	Pairs    map[string]string
}

// fields are the rows of it.
func (s *settings) fields() mount.Fields {
	return mount.Fields{
		mount.Text("text", &s.Text, "").DefaultsTo("default"), mount.Boolean("flag", &s.Flag, "").DefaultsTo(true),
		mount.Seconds("duration", &s.Duration, "").DefaultsTo(30), mount.Texts("list", &s.List, ""), mount.Pairs("pairs", &s.Pairs, ""),
	}
}

func read(data map[string]any) settings {
	s := settings{"kept", true, time.Hour, []string{"kept"}, map[string]string{"kept": "x"}}
	s.fields().Read(mount.ReadInput(&framework.FieldData{Raw: data, Schema: s.fields().Schema()}))
	return s
}

func TestInputKeepsWhatIsNotNamed(t *testing.T) {
	s := read(nil)
	want := settings{"kept", true, time.Hour, []string{"kept"}, map[string]string{"kept": "x"}}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("%+v", s)
	}
}

func TestInputTakesWhatIsNamed(t *testing.T) {
	s := read(enginetest.ThroughJSON(enginetest.Fields{"text": "a\n", "flag": false, "duration": "90s", "list": "x,y", "pairs": []string{"c=d"}}))
	want := settings{"a\n", false, 90 * time.Second, []string{"x", "y"}, map[string]string{"c": "d"}}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("%+v", s)
	}
}

// Empty and null return to the default, which for a flag is not false.
func TestInputClears(t *testing.T) {
	want := fmt.Sprintf("%+v", settings{"default", true, 30 * time.Second, nil, nil})
	for _, empty := range []any{nil, ""} {
		data := map[string]any{}
		for _, field := range []string{"text", "flag", "duration", "list", "pairs"} {
			data[field] = empty
		}
		if got := fmt.Sprintf("%+v", read(data)); got != want {
			t.Errorf("%#v makes %s", empty, got)
		}
	}
}
