package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// What is written is what the input says, whatever its form, under our names.
func TestInputsOfEveryForm(t *testing.T) {
	want := map[string]any{"provider": "salesforce", "client_id": `a "quoted", id`, "refresh_token": "canary-a\nb",
		"provider_params": map[string]any{"domain": "login.example.com"}, "token_params": map[string]any{"a.b": "canary-x"}}
	const csvText = "\xef\xbb\xbfconnection, client_id,refresh_token,provider_params.domain,token_params.a.b,scope,note\n" +
		"one,\"a \"\"quoted\"\", id\",\"canary-a\nb\",login.example.com,canary-x,,theirs\n"
	for form, text := range map[string]string{
		"CSV":                            csvText,
		"CSV, CRLF":                      strings.ReplaceAll(strings.ReplaceAll(csvText, "\n", "\r\n"), "a\r\nb", "a\nb"),
		"CSV, with empty lines of Excel": csvText + ",,,,,,\n\n,,,,,,\n",
		"JSON array":                     `[{"connection":"one","client_id":"a \"quoted\", id","refresh_token":"canary-a\nb","provider_params":{"domain":"login.example.com"},"token_params.a.b":"canary-x","scope":null,"note":1}]`,
		"JSON by name": `
			{"one":{"connection":"one","client_id":"a \"quoted\", id","refresh_token":"canary-a\nb","provider_params.domain":"login.example.com","token_params":{"a.b":"canary-x"},"scope":"","note":{}}}`,
	} {
		f := newFake(t)
		args := []string{"-mapping", "connection=name", "-mapping", "note=", "-set", "provider=@" + f.file("provider", "salesforce"), "-rate", "0", f.file("in", text)}
		if form == "JSON by name" {
			args[1] = "connection="
		}
		f.want(exitDone, []string{" one: written\n", "1 rows: 1 written\n"}, args...)
		if got := f.roles["one"]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: written was %q", form, got)
		}
		if got, err := os.ReadFile(filepath.Join(f.dir, "in")); err != nil || string(got) != text {
			t.Errorf("%s: the input has changed: %v", form, err)
		}
	}
}

func TestStandardInput(t *testing.T) {
	f := newFake(t)
	if code, said := f.do(t.Context(), grants("a"), "-"); code != exitRefused || !strings.Contains(said, "-journal") {
		t.Errorf("%d: %s", code, said)
	}
	if code, said := f.do(t.Context(), grants("a"), "-dry-run", "-"); code != exitDone || !strings.Contains(said, "a: to be written") {
		t.Errorf("%d: %s", code, said)
	}
	if code, said := f.do(t.Context(), grants("a"), "-journal", filepath.Join(f.dir, "j"), "-"); code != exitDone {
		t.Errorf("%d: %s", code, said)
	}
	f.wantPosts("a")
	f.wantNoSecrets("j")
}

// A file that others may read is read, and its owner is told.
func TestReadableInput(t *testing.T) {
	f := newFake(t)
	in := f.file("in.csv", grants("a"))
	if err := os.Chmod(in, 0o644); err != nil {
		t.Fatal(err)
	}
	f.want(exitDone, []string{"chmod 600"}, in)
}
