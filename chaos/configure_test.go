package chaos

import (
	"context"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// configure starts the provider and writes what an operator would: it in its variants, and a role
// for each grant, or for those of all owners of a variant, who agree then.
func (l *lane) configure() {
	l.t.Helper()
	server := clienttest.New(l.t, clienttest.Options{})
	server.Handle(func(r *clienttest.Request) clienttest.Answer {
		l.serving.RLock()
		defer l.serving.RUnlock()
		g := l.of(r.Form)
		if code := r.Form.Get("code"); code != "" {
			return g.exchange(code)
		}
		return g.answer(r)
	})
	l.write(logical.CreateOperation, "config", fields{"ca_certificate": string(clienttest.CAPEM())})
	l.server = server
	for _, v := range l.kinds {
		l.write(logical.CreateOperation, "providers/"+v.name, v.definition(server.URL()))
		l.people(v)
	}
	for _, g := range l.grants {
		if g.owner != "" {
			l.agree(g)
			continue
		}
		l.write(logical.CreateOperation, "roles/"+g.role, fields{
			"provider": g.variant.name, "client_id": g.role, "client_secret": canary + "secret-that-is-long-enough-to-sign", "refresh_token": g.renew(),
		})
	}
}

func (l *lane) write(op logical.Operation, path string, f fields) {
	l.t.Helper()
	if _, err := l.process.request(context.Background(), op, path, f); err != nil {
		l.t.Fatalf("writing %s: %v", path, err)
	}
}

// reauthorize gives a role, or an owner, whose grant is lost a new one.
func (l *lane) reauthorize(g *grant) {
	l.t.Helper()
	if g.owner != "" {
		l.agree(g)
		return
	}
	l.write(logical.UpdateOperation, "roles/"+g.role, fields{"refresh_token": g.renew()})
}
