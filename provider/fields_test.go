package provider

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// Each field is read into the one of the same name in the definition's JSON and into no other, and shown as that.
func TestEveryFieldIsReadIntoItsOwn(t *testing.T) {
	samples := map[framework.FieldType]any{
		framework.TypeString: "x", framework.TypeBool: true, framework.TypeDurationSecond: 90, framework.TypeInt: 48,
		framework.TypeKVPairs: map[string]any{"a": "x"}, framework.TypeCommaStringSlice: []any{"x"},
	}
	document := func(p *client.Provider) (doc map[string]any) {
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		return doc
	}
	before := document(new(client.Provider))
	for field, schema := range Fields(new(client.Provider)).Schema() {
		p, value := new(client.Provider), samples[schema.Type]
		Fields(p).Read(mount.ReadInput(&framework.FieldData{Raw: map[string]any{field: value}, Schema: Fields(p).Schema()}))
		after := document(p)
		if field != "name" && reflect.DeepEqual(after[field], before[field]) {
			t.Errorf("%s is not read", field)
		}
		if got := Data(p)[field]; field != "name" && fmt.Sprint(got) != fmt.Sprint(value) {
			t.Errorf("%s is shown as %v, was written as %v", field, got, value)
		}
		if after[field] = before[field]; before[field] == nil {
			delete(after, field)
		}
		if !reflect.DeepEqual(after, before) {
			t.Errorf("%s is read into more than that: %v", field, after)
		}
	}
}

// What is not set is not shown, but for what a definition can't do without.
func TestWhatIsNotSetIsNotShown(t *testing.T) {
	got := Data(new(client.Provider))
	want := map[string]any{"token_endpoint": "", "token_endpoint_auth_method": "", "send_scope": false}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("nothing is shown as %v", got)
	}
}
