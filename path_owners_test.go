package oauthrefresh_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// Who has a grant of a role is listed in pages, with what is known of each and without any secret.
func TestOwnersAreListed(t *testing.T) {
	p := enginetest.NewPerPerson(t)
	for n := range 25 {
		p.Brings(fmt.Sprintf("people/owner-%02d", n), fmt.Sprint(n))
	}
	p.Write("revoke/people/owner-03", nil)
	list := func(f enginetest.Fields) (keys []string, info map[string]any) {
		t.Helper()
		data := p.Do(logical.ListOperation, "status/people/", f).Data
		keys, _ = data["keys"].([]string)
		info, _ = data["key_info"].(map[string]any)
		return keys, info
	}
	all, info := list(nil)
	if len(all) != 25 || len(info) != 25 || !slices.IsSorted(all) {
		t.Errorf("%d owners, %d of them known: %q", len(all), len(info), all)
	}
	if got := fmt.Sprint(info["owner-03"], info["owner-04"]); got != "map[state:dead] map[state:ok]" {
		t.Error(got)
	}
	var paged []string
	for after := ""; ; after = paged[len(paged)-1] {
		page, info := list(enginetest.Fields{"after": after, "limit": "10"})
		if len(page) != len(info) || len(page) > 10 {
			t.Errorf("%d owners, %d of them known", len(page), len(info))
		}
		if len(page) == 0 {
			break
		}
		paged = append(paged, page...)
	}
	if !slices.Equal(paged, all) {
		t.Errorf("in pages they are %q", paged)
	}
	if page, _ := list(enginetest.Fields{"after": "owner-0", "limit": 1}); !slices.Equal(page, []string{"owner-00"}) { // nobody's name
		t.Errorf("%q", page)
	}
	for _, limit := range []any{0, -1, 1001, "zzz", "1.50000007"} {
		p.Rejects(logical.ListOperation, "status/people/", enginetest.Fields{"limit": limit}, "limit must be a whole number")
	}
	if keys, _ := list(enginetest.Fields{"after": "zzz"}); len(keys) != 0 {
		t.Errorf("behind the last are %q", keys)
	}
	got := p.Data("status")
	if got["owners"] != 25 || got["ok"] != 24 || fmt.Sprint(got["reauthorization_required"]) != "[people/owner-03]" {
		t.Errorf("%v", got)
	}
	if listed := p.Do(logical.ListOperation, "roles/", nil).Data["key_info"].(map[string]any)["people"]; fmt.Sprint(listed) != "map[grant_owner:entity provider:test]" {
		t.Errorf("%v", listed)
	}
}

// A broker such as Warden reads <mount>/creds/<name>, where the name holds a slash, and takes the access token and when it
// ends, from the answer or from the lease.
func TestABrokerReadsAnOwnersToken(t *testing.T) {
	p := enginetest.NewPerPerson(t)
	p.Brings("people/carol", "carol")
	resp := p.Read("creds/" + "people/carol")
	text, err := json.Marshal(logical.LogicalResponseToHTTPResponse(resp))
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		LeaseDuration int `json:"lease_duration"`
		Data          struct {
			AccessToken string    `json:"access_token"`
			ExpiresAt   time.Time `json:"expires_at"`
		} `json:"data"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatal(err)
	}
	if left := time.Until(answer.Data.ExpiresAt); !strings.Contains(answer.Data.AccessToken, "~carol~") || left < 50*time.Minute || answer.LeaseDuration < 3000 || answer.LeaseDuration > 3600 {
		t.Errorf("%s", text)
	}
}
