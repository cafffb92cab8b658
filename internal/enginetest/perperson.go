package enginetest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// PerPerson is a provider whose tokens say whose they are, and the mount with a role that keeps a grant for each.
type PerPerson struct {
	*Mount
	Server  *clienttest.Server
	Answers func(*clienttest.Request) clienttest.Answer // what the server does
}

// NewPerPerson starts both. The provider gives owner's first tokens for the code code-<owner>, and the next ones for each
// refresh token, which it rotates.
func NewPerPerson(t testing.TB, others ...Fields) *PerPerson {
	t.Helper()
	p := &PerPerson{Mount: New(t), Server: clienttest.New(t, clienttest.Options{})}
	p.Answers = func(r *clienttest.Request) clienttest.Answer {
		if r.Path == "/revoke" {
			return clienttest.Answer{Status: 200}
		}
		owner, n := strings.TrimPrefix(r.Form.Get("code"), "code-"), 0
		if presented := r.Form.Get("refresh_token"); presented != "" {
			part := strings.Split(presented, "~")
			owner = part[1]
			n, _ = strconv.Atoi(part[2])
		}
		return clienttest.JSON(200, fmt.Sprintf(`{"access_token":"%[1]saccess~%[2]s~%[3]d","token_type":"Bearer","expires_in":3600,"refresh_token":"%[1]srefresh~%[2]s~%[3]d"}`,
			Canary, owner, n+1))
	}
	p.Server.Handle(p.Answers)
	p.Write("config", Fields{"ca_certificate": string(clienttest.CAPEM()), "external_url": ExternalURL})
	p.Write("providers/test", Fields{
		"token_endpoint": p.Server.URL() + "/token", "authorization_endpoint": p.Server.URL() + "/authorize", "revocation_endpoint": p.Server.URL() + "/revoke",
		"refresh_token_rotation": "always", "token_endpoint_auth_method": "client_secret_post",
	})
	p.WriteRole("people", append([]Fields{{"refresh_token": nil, "grant_owner": "entity"}}, others...)...)
	return p
}

// Agrees brings an owner's grant, as whoever makes the requests: the owner that the path names, or the caller.
func (p *PerPerson) Agrees(path, owner string) error {
	resp, err := p.Try(p.T.Context(), logical.UpdateOperation, "confirm/"+path, Fields{
		"authorization_code": "code-" + owner, "redirect_uri": "http://127.0.0.1:1/",
	})
	if err == nil && resp.IsError() {
		err = resp.Error()
	}
	return err
}

// By is the same mount for somebody who is logged in.
func (p *PerPerson) By(name string) *PerPerson { return &PerPerson{p.As(name), p.Server, p.Answers} }

// Brings is Agrees where it must succeed.
func (p *PerPerson) Brings(path, owner string) {
	p.T.Helper()
	if err := p.Agrees(path, owner); err != nil {
		p.T.Fatalf("confirm/%s: %v", path, err)
	}
}

// Token is the access token that creds/<path> answers with, without its canary: <owner>~<n>.
func (p *PerPerson) Token(path string) string {
	p.T.Helper()
	return strings.TrimPrefix(p.Data("creds/" + path)["access_token"].(string), Canary+"access~")
}
