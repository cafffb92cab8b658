package main

import (
	"errors"
	"os"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/mount"
)

// Whatever is wrong is said before anything is written, in a sentence without a value.
func TestEverythingIsCheckedFirst(t *testing.T) {
	good := "z,salesforce,z-client,canary-s,canary-z\n"
	const header = "name,provider,client_id,client_secret,refresh_token"
	for _, c := range []struct {
		in, says string
		args     []string
	}{
		{in: "", says: "the input is empty"},
		{in: header + "\n", says: "the input has no rows"},
		{in: "canary-a,canary-b\ncanary-c,canary-d\n", says: "no row has a name"},
		{in: header + "\n" + good + ",salesforce,x,canary-s,canary-y\n", says: "line 3 has no name"},
		{in: header + "\n" + good + "canary-/x,salesforce,x,,canary-y\n", says: "line 3 has a name that no role can have"},
		{in: header + "\n" + good + "z,salesforce,x,,canary-y\n", says: "line 2 and line 3 have the same name, z"},
		{in: header + "\n" + good + "y,salesforce,x,,canary-z\n", says: "line 2 (z) and line 3 (y) have the same refresh token"},
		{in: `{"a":{"refresh_token":"canary-z"},"b":{"refresh_token":"canary-z\n"}}`, says: "entry 1 (a) and entry 2 (b) have the same refresh token"},
		{in: `{"a":{"scope":"x"},"a":{"scope":"y"}}`, says: "entry 1 and entry 2 have the same name, a"},
		{in: `[{"name":"a/","refresh_token":"canary-z"},{"name":"b","refresh_token":"canary-z"}]`, says: "entry 1 and entry 2 (b) have the same refresh token"},
		{in: header + ",expires\n" + "z,salesforce,x,,canary-z,1\ny,salesforce,x,,canary-y,2\n", says: "a role has no field expires (line 2, 2 rows in all)"},
		{in: header + ",scope.x\nz,salesforce,x,,canary-z,1\n", says: "a role has no field scope.x"},
		{in: header + ",verify\nz,salesforce,x,,canary-z,true\n", says: "verify refreshes at once, and an import spends nothing"},
		{in: header + "\n" + good, args: []string{"-set", "verify=true"}, says: "verify refreshes at once"},
		{in: header + "\n" + good, args: []string{"-set", "provider=pingone"}, says: "line 2 has a provider of its own"},
		{in: header + "\n" + good, args: []string{"-mapping", "typo=scope"}, says: "-mapping names a column typo that no row has"},
		{in: header + "\n" + good, args: []string{"-mapping", "client_id=name"}, says: "two columns are name"},
		{in: header + "\n" + good, args: []string{"-mapping", "x"}, says: "no name before a ="},
		{in: header + "\nz,salesforce\n", says: "wrong number of fields"},
		{in: header + "\nz,\"canary-\"x,,,\n", says: "not CSV as in RFC 4180"},
		{in: "name,\nz,x\n", says: "column 2 of the first line has no name"},
		{in: "name,name\nz,x\n", says: "columns 1 and 2 of the first line have the same name"},
		{in: `[{"name":"a","token_params":{"a":"canary-"},"token_params.b":"canary-"}]`, says: "entry 1 has token_params and a column for a part of it"},
		{in: "name;provider\nz;canary-x\n", says: "separate them by commas"},
		{in: "connection;provider;scope\nz;canary-x;a,b\n", args: []string{"-mapping", "connection=name"}, says: "separate them by commas"},
		{in: "\"name\";\"provider\"\r\nz;canary-x\r\n", says: "separate them by commas"},
		{in: "name\tprovider\nz\tcanary-x\n", says: "separate them by commas"},
		{in: "name\tsays; and so on,provider\nz\tcanary-x\n", says: "separate them by commas"},
		{in: "connection,of;us\nz,canary-x\n", args: []string{"-mapping", "connection=name"}, says: "a role has no field of;us"},
		{in: "\xff\xfen\x00a\x00m\x00e\x00", says: "is UTF-16: save it as UTF-8"},
		{in: "\xfe\xff\x00n\x00a\x00m\x00e", says: "is UTF-16: save it as UTF-8"},
		{in: header + "\n,,,,\n,,,,\n", says: "the input has no rows"},
		{in: `[{"name":"a"},{"name":"b","canary-k":"canary-x","canary-k":"canary-y"}]`, says: "entry 2 has two fields with the same name"},
		{in: `{"a":{"token_params":{"canary-k":"canary-x","scope":["x",{}],"canary-k":"canary-x"}}}`, says: "entry 1 has two fields with the same name"},
		{in: `[{"name":"a","scope":[{"x":"canary-x","x":""}]}]`, says: "entry 1 has two fields with the same name"},
		{in: `{"name":"a","refresh_token":"canary-x"}`, says: "entry 1 is no JSON object"},
		{in: `{"a":{"name":"b"}}`, says: "entry 1 stands under one name and has another"},
		{in: `[{"name":"a"}`, says: "not JSON at byte"},
		{in: `[{"name":"a"}] [{"name":"b"}]`, says: "more JSON behind"},
		{in: `["canary-x"]`, says: "entry 1 is no JSON object"},
	} {
		f := newFake(t)
		f.want(exitRefused, []string{c.says}, append(c.args, f.file("in", c.in))...)
		f.wantPosts()
	}
}

// All that is wrong is said at once: who has thousands of rows does not want to hear of one at a time.
func TestAllFaultsAreSaid(t *testing.T) {
	f := newFake(t)
	f.want(exitRefused, []string{"line 3 has no name", "same name, a", "no field expires", "verify refreshes"},
		f.file("in", "name,expires,verify\na,1,\n,1,true\na,1,\n"))
}

func TestNamesAreThoseOfTheMount(t *testing.T) {
	for _, name := range []string{"", "a", "a/b", "..", "a..b", ".a", "-a", "a@b.c", "+1", "a b", "ä", "a:b", "a%2fb", strings.Repeat("a", 128), strings.Repeat("a", 129)} {
		if isName(name) != mount.IsName(name) {
			t.Errorf("isName(%q) is %v", name, isName(name))
		}
	}
}

func TestTheInputIsNotWrittenOver(t *testing.T) {
	f := newFake(t)
	in := f.file("in", grants("a"))
	for _, flag := range []string{"-journal", "-report"} {
		f.want(exitRefused, []string{"must not be the input"}, flag, in, in)
	}
	f.wantPosts()
}

// One file can't be the journal and the report, by whatever names, there or not.
func TestTheJournalIsNotWrittenOver(t *testing.T) {
	f := newFake(t)
	in := f.file("in", grants("a"))
	t.Chdir(f.dir)
	if err := errors.Join(os.Mkdir("d", 0o700), os.Symlink("d", "l")); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"-report", in + ".journal", in}, {"-report", "in.journal", in}, {"-report", "d/../j", "-journal", "./j", in},
		{"-report", "l/j", "-journal", "d/j", in}, {"-report", "j", "-journal", "j", "-"},
	} {
		f.want(exitRefused, []string{"the report must not be the journal"}, args...)
	}
	f.wantPosts()
	f.wantFiles("d", "in", "l")

	f.want(exitDone, nil, in)
	if err := os.Link("in.journal", "other"); err != nil {
		t.Fatal(err)
	}
	f.want(exitRefused, []string{"the report must not be the journal"}, "-report", "other", in)
}
