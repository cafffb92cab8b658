package oauthrefresh_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// names are those of the grants that a status names.
func names(data map[string]any) (names []string) {
	for _, g := range data["grants"].([]map[string]any) {
		names = append(names, g["name"].(string))
	}
	return names
}

// A status is asked for by page and by what grants have in common, and names the soonest death first.
func TestStatusByPageAndFilter(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		b.Delete("roles/r")
		b.Write("providers/other", enginetest.Fields{"token_endpoint": server.URL() + "/token", "token_endpoint_auth_method": "client_secret_post"})
		write := func(name, provider, team, ends string) {
			b.Write("roles/"+name, enginetest.RoleOf(provider, enginetest.Fields{"labels": enginetest.Fields{"team": team, "who": name}, "grant_expires_at": ends}))
		}
		write("c-late", "test", "a", "2000-03-01")
		write("b-soon", "test", "b", "2000-01-03")
		write("d-dead", "other", "a", "")
		write("a-fails", "other", "a", "2000-01-09")
		write("e-new", "test", "a", "")
		server.Handle(enginetest.Always(enginetest.InvalidGrant))
		_, _ = b.Try(t.Context(), logical.ReadOperation, "creds/d-dead", nil)
		server.Handle(enginetest.Always(enginetest.Busy))
		_, _ = b.Try(t.Context(), logical.ReadOperation, "creds/a-fails", nil)
		status := func(f enginetest.Fields) map[string]any {
			return b.Do(logical.ReadOperation, "status", f).Data
		}
		for ask, want := range map[string]string{
			"":                                       "d-dead b-soon a-fails",
			"horizon=2d":                             "d-dead a-fails",
			"horizon=100d":                           "d-dead b-soon a-fails c-late",
			"state=new":                              "b-soon c-late e-new",
			"state=new label=team=a":                 "c-late e-new",
			"state=new label=team=a label=who=e-new": "e-new",
			"provider=other":                         "d-dead a-fails",
			"label=team=b":                           "b-soon",
			"label=team=c":                           "",
			"limit=2":                                "d-dead b-soon",
			"limit=2 after=b-soon":                   "a-fails",
			"limit=2 after=2000-01-03T00:00:00Z,b-soon": "a-fails",
			"limit=2 after=2000-01-03T00:00:00Z,b-gone": "b-soon a-fails",
			"limit=1 after=dead,d-dead":                 "b-soon",
			"after=a-fails":                             "",
		} {
			f := enginetest.Fields{}
			var labels []any
			for _, part := range strings.Fields(ask) {
				key, value, _ := strings.Cut(part, "=")
				if f[key] = value; key == "label" {
					labels = append(labels, value)
					f[key] = labels
				}
			}
			resp := b.Do(logical.ReadOperation, "status", f)
			if got := strings.Join(names(resp.Data), " "); got != want {
				t.Errorf("%s: named are %q, want %q", ask, got, want)
			}
			if last := fmt.Sprint(resp.Warnings); strings.HasPrefix(ask, "after=") != strings.Contains(last, "this was the last page") || (ask == "limit=2" || ask == "limit=1 after=dead,d-dead") != strings.Contains(last, "1 more follow") {
				t.Errorf("%s: it warns of %v", ask, resp.Warnings)
			}
			if next, _ := resp.Data["next"].(string); strings.Contains(fmt.Sprint(resp.Warnings), "1 more follow") != (next == "2000-01-03T00:00:00Z,b-soon") {
				t.Errorf("%s: next is %q", ask, next)
			}
		}
		got := status(enginetest.Fields{"provider": "other"})
		if fmt.Sprint(got["roles"], got["states"], got["providers"]) != "2 map[dead:1 failing:1] map[other:map[dead:1 failing:1]]" {
			t.Errorf("counted are %v, %v and %v", got["roles"], got["states"], got["providers"])
		}
		for field, wrong := range map[string][]any{
			"limit": {0, 1001, -1, "zzz"}, "horizon": {"59m", "367d", "zzz", -1}, "state": {"zzz", "OK"}, "label": {"zzz", "1zzz=x", "=zzz", "z z=c"}, "after": {"zzz", "e-new"},
		} {
			for _, value := range wrong {
				b.Rejects(logical.ReadOperation, "status", enginetest.Fields{field: value}, "")
			}
		}
	})
}

// A list of roles is in the order of names, by page, and knows how each stands, also of a mount that has just begun.
func TestRolesByPageAndFilter(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, _ *clienttest.Server) {
		for i := range 30 {
			b.WriteRole(fmt.Sprintf("many-%02d", i), enginetest.Fields{"labels": enginetest.Fields{"even": fmt.Sprint(i%2 == 0)}})
		}
		b = enginetest.NewOn(t, b.Storage)
		list := func(f enginetest.Fields) ([]string, map[string]any) {
			data := b.Do(logical.ListOperation, "roles/", f).Data
			keys, _ := data["keys"].([]string)
			info, _ := data["key_info"].(map[string]any)
			return keys, info
		}
		all, info := list(nil)
		if len(all) != 31 || !slices.IsSorted(all) || len(info) != 31 {
			t.Fatalf("%d names, %d known", len(all), len(info))
		}
		var pages []string
		for after := ""; ; {
			page, info := list(enginetest.Fields{"limit": 7, "after": after})
			if len(page) == 0 {
				break
			}
			if len(info) != len(page) || info[page[0]].(map[string]any)["state"] != "new" {
				t.Errorf("known are %v", info)
			}
			pages, after = append(pages, page...), page[len(page)-1]
		}
		if !slices.Equal(pages, all) {
			t.Errorf("the pages have %v", pages)
		}
		if even, _ := list(enginetest.Fields{"label": "even=true", "limit": 20}); len(even) != 15 {
			t.Errorf("%d have the label", len(even))
		}
		for _, none := range []enginetest.Fields{{"state": "dead"}, {"after": "zzz"}} {
			if resp := b.Do(logical.ListOperation, "roles/", none); len(resp.Data) != 0 || !strings.Contains(fmt.Sprint(resp.Warnings), "begin again without after") {
				t.Errorf("%v: %v %v", none, resp.Data, resp.Warnings)
			}
		}
	})
}

// A mount with more roles than can be looked at in a moment says of how many it speaks, and of all of them once it knows.
func TestStatusSaysHowFarItIs(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, _ *clienttest.Server) {
		for i := range 50 {
			b.WriteRole(fmt.Sprint("many", i))
		}
		b = enginetest.NewOn(t, b.Storage)
		t.Cleanup(enginetest.PutRight)
		b.Storage.OnGet(func(string) error { clock.Step(100 * time.Millisecond); return nil }) // as long as each read takes
		resp := b.Read("status")
		if n := resp.Data["surveyed"].(int); n == 0 || n >= 51 || resp.Data["roles"] != 51 || !strings.Contains(fmt.Sprint(resp.Warnings), fmt.Sprintf("%d of 51 roles were looked at", n)) {
			t.Errorf("surveyed %v of %v: %v", n, resp.Data["roles"], resp.Warnings)
		}
		b.Storage.OnGet(nil)
		b.StartBackground()
		enginetest.Pause(time.Minute)
		if resp := b.Read("status"); resp.Data["surveyed"] != 51 || len(resp.Warnings) > 0 {
			t.Errorf("surveyed %v: %v", resp.Data["surveyed"], resp.Warnings)
		}
	})
}
