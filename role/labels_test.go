package role_test

import (
	"fmt"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/role"
)

func TestLabelsThatCannotBe(t *testing.T) {
	b := enginetest.New(t)
	enginetest.NewEndpoint(t, b)
	many := enginetest.Fields{}
	for i := range 17 {
		many[fmt.Sprint("zzz", i)] = "zzz"
	}
	b.WriteRole("r", enginetest.Fields{"labels": enginetest.Fields{"team": "payments"}})
	before := b.Data("roles/r")
	for _, c := range []struct {
		labels enginetest.Fields
		want   string
	}{
		{enginetest.Fields{"": "a"}, "labels: the name of a label is"},
		{enginetest.Fields{"1zzz": "a"}, "labels: the name of a label is"},
		{enginetest.Fields{"zzz zzz": "a"}, "labels: the name of a label is"},
		{enginetest.Fields{"zzz\n": "a"}, "labels: the name of a label is"},
		{enginetest.Fields{strings.Repeat("z", 64): "a"}, "labels: the name of a label is"},
		{enginetest.Fields{"team": "zzz\nzzz"}, "labels: the value of team holds a line break"},
		{enginetest.Fields{"team": "zzz\u2028"}, "labels: the value of team holds a line break"},
		{enginetest.Fields{"team": strings.Repeat("z", 129)}, "labels: the value of team is longer than 128 characters"},
		{many, "labels are at most 16"},
	} {
		for _, others := range []enginetest.Fields{nil, {"ttl": "1h"}} {
			b.Rejects(enginetest.WriteOp, "roles/r", enginetest.With(enginetest.Fields{"labels": c.labels}, others), c.want)
			b.Rejects(enginetest.PatchOp, "roles/r", enginetest.With(enginetest.Fields{"labels": c.labels}, others), c.want)
		}
		b.RefusedNewRole(enginetest.Fields{"labels": c.labels}, c.want)
	}
	if got := b.Data("roles/r"); enginetest.Plain(got) != enginetest.Plain(before) {
		t.Errorf("refused writes make\n%v of\n%v", got, before)
	}
	delete(many, "zzz0")
	for _, good := range []enginetest.Fields{many, {"_a.b-C9": strings.Repeat("ü", 128), strings.Repeat("z", 63): ""}} {
		b.Write("roles/r", enginetest.Fields{"labels": good})
		if got := b.Data("roles/r")["labels"]; enginetest.Plain(got) != enginetest.Plain(good) {
			t.Errorf("labels read as %v, want %v", got, good)
		}
	}
}

// Labels are for finding a role. Whoever writes none but these has mended nothing, so what has failed is not tried again
// before its time, and a definition that has changed is not accepted by it.
func TestLabelsLeaveTheGrantAsItIs(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Handle(enginetest.Always(clienttest.Answer{Status: 503}))
		b.WriteRole("r")
		b.NoCreds("r", 502)
		sent, stored := len(server.Requests()), b.TargetOf("r").Role
		edited := b.Grants.Edited
		b.Grants.Edited = nil // which a write that may mend something calls
		b.Write("roles/r", enginetest.Fields{"labels": enginetest.Fields{"team": "payments"}})
		b.Patch("roles/r", enginetest.Fields{"labels": enginetest.Fields{"ticket": "OPS-12"}})
		b.Grants.Edited = edited
		b.NoCreds("r", 502)
		if n := len(server.Requests()); n != sent {
			t.Errorf("%d requests after labels were written, %d before", n, sent)
		}
		r := b.TargetOf("r").Role
		if got := fmt.Sprint(r.Labels); got != "map[ticket:OPS-12]" {
			t.Errorf("labels %s, a write replaces all of them", got)
		}
		if r.Labels = nil; enginetest.Plain(r) != enginetest.Plain(stored) {
			t.Errorf("with labels the role is\n%v\nand was\n%v", r, stored)
		}
		// Any other write is another attempt.
		b.Write("roles/r", enginetest.Fields{"labels": enginetest.Fields{}, "ttl": "1h"})
		b.NoCreds("r", 502)
		if n := len(server.Requests()); n != sent+1 {
			t.Errorf("%d requests after the role was written, %d before", n, sent)
		}
	})
}

// Labels can be written where the provider is gone, which is when one looks for whose role it is.
func TestLabelsOfARoleWithoutProvider(t *testing.T) {
	b := enginetest.New(t)
	enginetest.NewEndpoint(t, b)
	b.WriteRole("r")
	b.Delete("providers/test")
	b.Write("roles/r", enginetest.Fields{"labels": "team=payments"})
	if got := fmt.Sprint(b.Data("roles/r")["labels"]); got != "map[team:payments]" {
		t.Errorf("labels %s", got)
	}
}

func TestParseLabel(t *testing.T) {
	for text, want := range map[string][2]string{
		"team=payments": {"team", "payments"}, "a=b=c": {"a", "b=c"}, "_x.y-z=": {"_x.y-z", ""},
	} {
		if name, value, err := role.ParseLabel(text); err != nil || name != want[0] || value != want[1] {
			t.Errorf("%s: %q, %q, %v", text, name, value, err)
		}
	}
	for text, want := range map[string]string{
		"": "is name=value", "zzz": "is name=value", "=zzz": "the name of a label", "zzz zzz=a": "the name of a label", "1zzz=a": "the name of a label",
	} {
		if _, _, err := role.ParseLabel(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "zzz") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
