package chaos

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// owned makes every other grant of each variant one of an owner's, all of one role, which keeps one for each: in turn of an
// entity, who asks for its own, and of an owner whom a broker names.
func (l *lane) owned() {
	for i, g := range l.grants {
		if i%2 == 0 {
			continue
		}
		delete(l.storage.grants, g.key())
		g.role, g.owner = "people-"+g.variant.name, "owner-"+g.name
		if i%4 == 1 {
			g.owner, g.entity = enginetest.EntityID(g.name), enginetest.EntityID(g.name)
		}
		l.storage.grants[g.key()] = g
	}
}

// key is where the grant's state is stored.
func (g *grant) key() string {
	if g.owner == "" {
		return g.role
	}
	return g.role + "/" + g.owner
}

// path is what follows creds/ and its like. An entity never names itself.
func (g *grant) path() string {
	if g.entity != "" {
		return g.role
	}
	return g.key()
}

// ask makes a request about a grant, as whoever may: creds/<path> and its like.
func (p *process) ask(ctx context.Context, op logical.Operation, what string, g *grant, f fields) (*logical.Response, error) {
	return p.requestAs(ctx, g.entity, op, what+"/"+g.path(), f)
}

// of is the grant that a token request is about: by the client where that is one grant's, else by what is presented.
func (l *lane) of(form url.Values) *grant {
	if g := l.storage.grants[form.Get("client_id")]; g != nil {
		return g
	}
	presented := strings.TrimPrefix(form.Get("refresh_token")+form.Get("code"), canary)
	name, _, _ := strings.Cut(presented, ".")
	for _, g := range l.grants {
		if g.name == name && g.owner != "" {
			return g
		}
	}
	return nil
}

// people writes the role of the owners of a variant, where it has any.
func (l *lane) people(v *variant) {
	l.t.Helper()
	for _, g := range l.grants {
		if g.variant == v && g.owner != "" {
			l.write(logical.CreateOperation, "roles/"+g.role, fields{
				"provider": v.name, "client_id": g.role, "client_secret": canary + "secret-that-is-long-enough-to-sign", "grant_owner": "entity",
			})
			return
		}
	}
}

// agree brings an owner a new grant.
func (l *lane) agree(g *grant) {
	l.t.Helper()
	f := fields{"authorization_code": g.renew(), "redirect_uri": "http://127.0.0.1:1/"}
	if _, err := l.process.ask(context.Background(), logical.UpdateOperation, "confirm", g, f); err != nil {
		l.t.Fatalf("confirm/%s: %v", g.path(), err)
	}
}

// exchange takes the code of a new grant, which is written like its first refresh token.
func (g *grant) exchange(code string) clienttest.Answer {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.renewed = time.Now()
	return clienttest.JSON(200, fmt.Sprintf(`{"access_token":%q,"token_type":"Bearer","expires_in":%d,"refresh_token":%q}`,
		clienttest.AccessToken(code, 0), g.lifetime, code))
}

// anonymous is a text about a grant that could be about any.
func (g *grant) anonymous(text string) string {
	path := "/<role>"
	if g.path() != g.role {
		path += "/<owner>"
	}
	return strings.ReplaceAll(text, "/"+g.path(), path)
}
