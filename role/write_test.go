package role

import (
	"testing"

	"github.com/hashicorp/vault/sdk/framework"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// Which refresh tokens begin a new grant, and which are the grant's own. a is what it began with.
func TestWhatAWrittenRefreshTokenIsToTheGrant(t *testing.T) {
	for name, c := range map[string]struct {
		first, current string // current is another one after a rotation
		dead           bool
		names          bool
		token          string
		want           relation
	}{
		"none named":                          {first: "a", current: "b", want: unchanged},
		"none named, dead":                    {first: "a", current: "b", dead: true, want: unchanged},
		"the first, before any rotation":      {first: "a", current: "a", names: true, token: "a", want: unchanged},
		"the first, replaced since":           {first: "a", current: "b", names: true, token: "a", want: replaced},
		"the first, replaced since, dead":     {first: "a", current: "b", dead: true, names: true, token: "a", want: replaced},
		"the first, not replaced, dead":       {first: "a", current: "a", dead: true, names: true, token: "a", want: another},
		"the current one":                     {first: "a", current: "b", names: true, token: "b", want: unchanged},
		"the current one, dead":               {first: "a", current: "b", dead: true, names: true, token: "b", want: another},
		"a new one":                           {first: "a", current: "b", names: true, token: "c", want: another},
		"empty, with one to forget":           {first: "a", current: "b", names: true, want: another},
		"empty, with none":                    {names: true, want: unchanged},
		"empty, where only the machine's was": {current: "b", names: true, want: another},
	} {
		old := &Role{Settings: Settings{GrantID: "grant", GrantType: client.GrantRefreshToken}, RefreshToken: client.NewSecret(c.first)}
		w := &Write{Old: old, State: Standing{Generation: 1, RefreshToken: client.NewSecret(c.current), Dead: c.dead}}
		data := map[string]any{}
		if w.brought.refreshToken = old.RefreshToken; c.names {
			data["refresh_token"], w.brought.refreshToken = c.token, client.NewSecret(c.token)
		}
		w.Input = mount.ReadInput(&framework.FieldData{Raw: data})
		if got := w.written(new(*old)); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		own := new(*old)
		own.GrantType = client.GrantClientCredentials
		if got := w.written(own); c.dead && got != another {
			t.Errorf("%s: what has killed the grant holds back the client's own", name)
		}
	}
	if got := new(Write).written(new(Role)); got != another {
		t.Errorf("a new role's is %v", got)
	}
}
