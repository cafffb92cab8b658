package grant

import (
	"testing"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/role"
)

// What a failed exchange means for the refresh token that it has presented, by the promises of the classes.
func TestWhatAFailureMeans(t *testing.T) {
	brought := client.NewSecret("canary-next")
	several := []client.Found{{Pointer: "/a", Token: brought}, {Pointer: "/b", Token: brought}}
	seen := map[outcome]bool{}
	for name, c := range map[string]struct {
		grantType string
		rotation  string
		dead      bool
		err       client.Error
		want      outcome
	}{
		"a refused grant is over":                      {err: client.Error{Class: client.GrantRefused}, want: refused},
		"a dead one that is refused once more":         {dead: true, err: client.Error{Class: client.GrantRefused}, want: refused},
		"no answer may have spent it":                  {err: client.Error{Class: client.OutcomeUnknown}, want: unknown},
		"nor one for a dead grant":                     {dead: true, err: client.Error{Class: client.OutcomeUnknown}, want: unknown},
		"a refused client has spent nothing":           {err: client.Error{Class: client.ClientRefused}, want: unspent},
		"an answer before any processing neither":      {err: client.Error{Class: client.NotProcessed}, want: unspent},
		"a refused client says nothing of a dead one":  {dead: true, err: client.Error{Class: client.ClientRefused}, want: stillDead},
		"nor does a server in trouble":                 {dead: true, err: client.Error{Class: client.NotProcessed}, want: stillDead},
		"a refresh token without an access token":      {err: client.Error{Class: client.OutcomeUnknown, RefreshToken: brought}, want: salvaged},
		"several that may be one":                      {err: client.Error{Class: client.OutcomeUnknown, Candidates: several}, want: salvaged},
		"one that a refusal brought":                   {err: client.Error{Class: client.GrantRefused, RefreshToken: brought}, want: salvaged},
		"one for a dead grant":                         {dead: true, err: client.Error{Class: client.NotProcessed, RefreshToken: brought}, want: salvaged},
		"one elsewhere, where it may change":           {err: client.Error{Class: client.OutcomeUnknown, RefreshToken: brought, FoundAt: "/x"}, want: salvaged},
		"one elsewhere, where it never changes":        {rotation: client.RotationNever, err: client.Error{Class: client.OutcomeUnknown, RefreshToken: brought, FoundAt: "/x"}, want: unknown},
		"one in its place, where it never changes":     {rotation: client.RotationNever, err: client.Error{Class: client.OutcomeUnknown, RefreshToken: brought}, want: salvaged},
		"no answer to a client on its own":             {grantType: client.GrantClientCredentials, err: client.Error{Class: client.OutcomeUnknown}, want: unspent},
		"a client on its own that is refused":          {grantType: client.GrantClientCredentials, err: client.Error{Class: client.ClientRefused}, want: unspent},
		"what a client on its own was sent by mistake": {grantType: client.GrantClientCredentials, err: client.Error{Class: client.OutcomeUnknown, RefreshToken: brought}, want: unspent},
		"a client on its own, of a dead grant":         {grantType: client.GrantClientCredentials, dead: true, err: client.Error{Class: client.NotProcessed}, want: unspent},
	} {
		t.Run(name, func(t *testing.T) {
			if c.grantType == "" {
				c.grantType = client.GrantRefreshToken
			}
			g := &Grant{Role: &role.Role{Settings: role.Settings{GrantType: c.grantType}}, Provider: &client.Provider{RefreshTokenRotation: c.rotation}, State: new(State)}
			if c.dead {
				g.State.Fault = &Fault{Reauthorize: true}
			}
			got := judge(&c.err, g)
			if seen[got] = true; got != c.want {
				t.Errorf("outcome %d, want %d", got, c.want)
			}
		})
	}
	for o := unspent; o <= stillDead; o++ {
		if !seen[o] {
			t.Errorf("outcome %d never occurs", o)
		}
	}
}
