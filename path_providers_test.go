package oauthrefresh_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/provider"
)

func TestProviderReadsAsItWasWritten(t *testing.T) {
	b := enginetest.New(t)
	if len(enginetest.EveryProviderField) != len(provider.Fields(new(client.Provider)))-1 {
		t.Error("not every field is tested")
	}
	b.Write("providers/mine", enginetest.EveryProviderField)
	got := b.Data("providers/mine")
	for field, want := range enginetest.EveryProviderField {
		if enginetest.Plain(got[field]) != enginetest.Plain(want) {
			t.Errorf("%s reads as %v, want %v", field, got[field], want)
		}
	}
	// One field of it alone leaves the others as they are, and an empty one returns to its default.
	b.Write("providers/mine", enginetest.Fields{"docs": "https://example.com/other"})
	b.Write("providers/mine", enginetest.Fields{"basic_encoding": "", "send_scope": "", "refresh_window": "", "extra_fields": "", "token_params": ""})
	got = b.Data("providers/mine")
	changed := enginetest.Fields{
		"docs": "https://example.com/other", "basic_encoding": "rfc6749", "send_scope": true,
		"refresh_window": nil, "extra_fields": nil, "token_params": nil,
	}
	for field := range enginetest.EveryProviderField {
		want, ok := changed[field]
		if !ok {
			want = enginetest.EveryProviderField[field]
		}
		if enginetest.Plain(got[field]) != enginetest.Plain(want) {
			t.Errorf("%s reads as %v, want %v", field, got[field], want)
		}
	}
}

// Whoever reads a definition can write it back, and a built-in one is an example to begin with.
func TestProviderReadsWriteBack(t *testing.T) {
	b := enginetest.New(t)
	b.Write("providers/mine", enginetest.EveryProviderField)
	for _, name := range append(provider.Builtins(), "mine") {
		want := b.Data("providers/" + name)
		if _, builtin := provider.Builtin(name); want["builtin"] != builtin {
			t.Errorf("%s: builtin is %v", name, want["builtin"])
		}
		delete(want, "builtin")
		b.Write("providers/copy", enginetest.Fields(want))
		got := b.Data("providers/copy")
		delete(got, "builtin")
		if enginetest.Plain(got) != enginetest.Plain(want) {
			t.Errorf("%s was\n%v\nand is\n%v", name, want, got)
		}
		b.Delete("providers/copy")
	}
}

func TestBuiltinProvidersStay(t *testing.T) {
	b := enginetest.New(t)
	for _, name := range provider.Builtins() {
		want := b.Data("providers/" + name)
		b.Rejects(enginetest.WriteOp, "providers/"+name, enginetest.EveryProviderField, "built-in and can't be changed")
		b.Rejects(enginetest.DeleteOp, "providers/"+name, nil, "built-in and can't be deleted")
		if got := b.Data("providers/" + name); !reflect.DeepEqual(got, want) {
			t.Errorf("%s is now %v", name, got)
		}
	}
}

func TestProvidersAreListedAndDeleted(t *testing.T) {
	b := enginetest.New(t)
	b.Write("providers/aaa", enginetest.EveryProviderField)
	b.Write("providers/zzz", enginetest.EveryProviderField)
	want := append(append([]string{"aaa"}, provider.Builtins()...), "zzz")
	if got := b.List("providers/"); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	b.Delete("providers/aaa")
	b.Delete("providers/aaa")
	if got := b.List("providers"); !slices.Equal(got, want[1:]) {
		t.Errorf("%q", got)
	}
	if b.Read("providers/aaa") != nil {
		t.Error("it is still there")
	}
}

// Whoever deletes a provider hears which roles are left without.
func TestDeletingAProviderInUseIsTold(t *testing.T) {
	b := enginetest.New(t)
	enginetest.NewEndpoint(t, b)
	if resp := b.Do(logical.DeleteOperation, "providers/none", nil); resp != nil {
		t.Errorf("one that nobody has: %v", resp)
	}
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		b.WriteRole(name)
	}
	b.Write("providers/other", enginetest.Fields{"token_endpoint": "https://other.example.com/"})
	if resp := b.Do(logical.DeleteOperation, "providers/other", nil); resp != nil {
		t.Errorf("one that no role names: %v", resp)
	}
	resp := b.Do(logical.DeleteOperation, "providers/test", nil)
	if resp == nil || len(resp.Warnings) != 1 || !strings.Contains(resp.Warnings[0], "roles of this provider: 6 (a, b, c, d, e, ...)") {
		t.Fatalf("%v", resp)
	}
	if got := b.Data("status/a"); got["state"] != "blocked" || !strings.Contains(got["next_step"].(string), "provider of this role does not exist") {
		t.Errorf("the status says %v", got)
	}
}
