package oauthrefresh_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// One word for each state, and what goes with it.
func TestStatusOfEachState(t *testing.T) {
	never := func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {}
	read := func(answer clienttest.Answer) func(*testing.T, *enginetest.Mount, *clienttest.Server) {
		return func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
			server.Enqueue(answer.With("X-Request-Id", "id-1"))
			_, _ = b.Try(t.Context(), logical.ReadOperation, "creds/r", nil)
		}
	}
	for state, c := range map[string]struct {
		happens func(*testing.T, *enginetest.Mount, *clienttest.Server)
		want    map[string]any // nil for a field that must not be there
	}{
		"new": {never, map[string]any{"generation": int64(0), "last_success": nil, "next_step": nil, "token_id": nil, "expires_at": nil}},
		"ok": {read(clienttest.JSON(200, `{"access_token":"a1","expires_in":3600,"refresh_expires_in":86400}`)), map[string]any{
			"generation": int64(1), "last_success": "2000-01-01T00:00:00Z", "expires_at": "2000-01-01T01:00:00Z", "token_id": "f55ff16f66f4",
			"refresh_token_expires_at": "2000-01-02T00:00:00Z", "last_success_request_id": "id-1", "next_step": nil, "last_error_at": nil,
		}},
		"failing": {read(clienttest.JSON(401, `{"error":"invalid_client"}`)), map[string]any{
			"last_error_class": "client_refused", "last_error_code": "invalid_client", "last_error_status": 401, "last_error_request_id": "id-1",
			"last_error_at": "2000-01-01T00:00:00Z", "failures": 1, "outcome_unknown": false, "reauthorization_required": false,
		}},
		"unknown": {read(clienttest.Text(500, "text/plain", "oops")), map[string]any{
			"last_error_class": "outcome_unknown", "last_error_status": 500, "last_error_code": nil, "outcome_unknown": true,
			"outcome_unknown_since": "2000-01-01T00:00:00Z", "reauthorization_required": false,
		}},
		"dead": {read(enginetest.InvalidGrant), map[string]any{
			"last_error_class": "grant_refused", "last_error_code": "invalid_grant", "reauthorization_required": true, "outcome_unknown": false,
			"backing_off_until": nil,
		}},
		"unpersisted": {func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
			b.FailSecondPut(100)
			read(enginetest.TokenAnswer("a1", enginetest.Canary+"next"))(t, b, server)
		}, map[string]any{"unpersisted": true, "generation": int64(1)}},
	} {
		t.Run(state, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				c.happens(t, b, server)
				got := b.Data("status/r")
				c.want["state"], c.want["provider"], c.want["grant_type"] = state, "test", "refresh_token"
				for field, want := range c.want {
					if !reflect.DeepEqual(got[field], want) {
						t.Errorf("%s is %v (%[2]T), want %v", field, got[field], want)
					}
				}
				if step, _ := got["next_step"].(string); state == "unpersisted" && !strings.Contains(step, "repair storage") {
					t.Errorf("the next step is %q", step)
				}
				if until, _ := got["backing_off_until"].(string); (until != "") != (state == "failing" || state == "unknown") {
					t.Errorf("backing off until %q", until)
				}
				if strings.Contains(fmt.Sprint(got), enginetest.Canary) {
					t.Errorf("a secret: %v", got)
				}
				b.Storage.OnPut(nil)
			})
		})
	}
}

// An exchange that is under way is nothing to worry about.
func TestStatusDuringARefresh(t *testing.T) {
	m := enginetest.NewMidway(t, enginetest.TokenAnswer("a1", ""))
	if got := m.Data("status/r"); got["state"] != "new" || got["outcome_unknown"] != false || got["outcome_unknown_since"] != nil {
		t.Errorf("the status says %v", got)
	}
	m.Open()
	enginetest.Await(t, m.Reader)
}

// The mount at a glance names what needs somebody, and counts the rest.
func TestStatusOfTheMount(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		b.Delete("roles/r")
		empty := map[string]any{
			"roles": 0, "owners": 0, "orphaned": []string{}, "ok": 0, "never_refreshed": 0, "unauthorized": []string{}, "reauthorization_required": []string{}, "failing": []string{},
			"outcome_unknown": []string{}, "unpersisted": []string{}, "blocked": []string{}, "unreadable": []string{},
			"surveyed": 0, "states": map[string]int{}, "providers": map[string]any{}, "grants": []map[string]any{},
		}
		if got := b.Data("status"); !reflect.DeepEqual(got, empty) {
			t.Errorf("without roles: %v", got)
		}
		for name, answer := range map[string]clienttest.Answer{
			"ok-1": enginetest.TokenAnswer("a", ""), "ok-2": enginetest.TokenAnswer("a", ""), "dead": enginetest.InvalidGrant, "lost": {Drop: true}, "busy": enginetest.Busy,
		} {
			b.WriteRole(name)
			server.Enqueue(answer)
			_, _ = b.Try(t.Context(), logical.ReadOperation, "creds/"+name, nil)
		}
		b.WriteRole("new")
		b.Write("providers/gone", enginetest.Fields{"token_endpoint": server.URL() + "/token"})
		b.Write("roles/lost-provider", enginetest.RoleOf("gone"))
		b.Delete("providers/gone")
		if err := b.Grants.Over(b.Storage).Put(t.Context(), &logical.StorageEntry{Key: "role/damaged", Value: []byte("{")}); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{
			"roles": 8, "owners": 0, "orphaned": []string{}, "ok": 2, "never_refreshed": 1, "unauthorized": []string{}, "reauthorization_required": []string{"dead"}, "failing": []string{"busy"},
			"outcome_unknown": []string{"lost"}, "unpersisted": []string{}, "blocked": []string{"lost-provider"}, "unreadable": []string{"damaged"},
			"surveyed": 8, "states": map[string]int{"ok": 2, "new": 1, "dead": 1, "failing": 1, "unknown": 1, "blocked": 1, "unreadable": 1},
			"providers": map[string]any{"test": map[string]int{"ok": 2, "new": 1, "dead": 1, "failing": 1, "unknown": 1}, "gone": map[string]int{"blocked": 1}, "": map[string]int{"unreadable": 1}},
		}
		got := b.Data("status")
		named := got["grants"].([]map[string]any)
		delete(got, "grants")
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		var order []any
		for _, entry := range named {
			order = append(order, entry["name"])
			if entry["next_step"] == nil {
				t.Errorf("nothing to do for %v", entry)
			}
		}
		if fmt.Sprint(order) != "[dead busy damaged lost lost-provider]" {
			t.Errorf("named are %v", order)
		}
	})
}

// Vault makes a 404 of it.
func TestStatusOfNoRole(t *testing.T) {
	b := enginetest.New(t)
	if resp := b.Read("status/none"); resp != nil {
		t.Errorf("%v", resp)
	}
}

// A status asks nobody, however long ago the last answer was.
func TestStatusMakesNoRequest(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.NewGrant(server)
		b.Read("creds/r")
		enginetest.Pause(48 * time.Hour)
		before := b.Storage.Contents(t)
		b.Read("status/r")
		b.Read("status")
		if n := len(server.Requests()); n != 1 || !reflect.DeepEqual(b.Storage.Contents(t), before) {
			t.Errorf("%d requests", n)
		}
	})
}

// A refresh that can't even be tried is seen before a token has run out, with the way out.
func TestStatusNamesWhatBlocks(t *testing.T) {
	for what, c := range map[string]struct {
		path string
		f    enginetest.Fields // nil to delete
		want string
	}{
		"the provider is gone":  {"providers/test", nil, "the provider of this role does not exist"},
		"the endpoint moved":    {"providers/test", enginetest.Fields{"token_endpoint": "https://127.0.0.1:1/"}, "write the secrets of the role again"},
		"the host is forbidden": {"config", enginetest.Fields{"allowed_hosts": "other.example"}, "not among allowed_hosts"},
	} {
		t.Run(what, func(t *testing.T) {
			b := enginetest.New(t)
			enginetest.NewGrant(enginetest.NewEndpoint(t, b))
			b.WriteRole("r")
			b.Read("creds/r")
			if c.f == nil {
				b.Delete(c.path)
			} else {
				b.Write(c.path, c.f)
			}
			if got := b.Data("status/r"); got["state"] != "blocked" || !strings.Contains(got["next_step"].(string), c.want) {
				t.Errorf("%v: %v", got["state"], got["next_step"])
			}
			info := b.Do(logical.ListOperation, "roles/", nil).Data["key_info"].(map[string]any)
			if got := info["r"].(map[string]any)["state"]; got != "blocked" {
				t.Errorf("listed as %v", got)
			}
		})
	}
}
