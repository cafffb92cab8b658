package e2e

import "github.com/hashicorp/vault/api"

// person is somebody who has logged in to Vault by userpass, and is an entity there.
type person struct {
	caller
	name, token, entity string
}

// must fails the test, since what was asked of Vault is no part of it.
func (l *lab) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// allows writes a policy, for this test.
func (l *lab) allows(policy, rules string) {
	l.t.Helper()
	client := l.v.client()
	l.must(client.Sys().PutPolicy(policy, rules))
	l.t.Cleanup(func() { _ = client.Sys().DeletePolicy(policy) })
}

// accepts mounts an auth method at its own name, for this test, and returns its accessor.
func (l *lab) accepts(method string) (accessor string) {
	l.t.Helper()
	client := l.v.client()
	mounts, err := client.Sys().ListAuth()
	l.must(err)
	if mounted := mounts[method+"/"]; mounted != nil {
		return mounted.Accessor
	}
	l.must(client.Sys().EnableAuth(method, method, ""))
	l.t.Cleanup(func() { _ = client.Sys().DisableAuth(method) })
	return l.accepts(method)
}

// enters makes somebody of Vault who may do what policies say, and logs them in.
func (l *lab) enters(name string, policies ...string) person {
	l.t.Helper()
	l.accepts("userpass")
	canaries.add("password of "+name, passwordOf(name))
	_, err := l.v.client().Logical().Write("auth/userpass/users/"+name, map[string]any{"password": passwordOf(name), "token_policies": policies})
	l.must(err)
	return l.logsIn(name)
}

func passwordOf(name string) string { return "password-of-" + name + "-canary" }

// logsIn logs somebody in who has been in before.
func (l *lab) logsIn(name string) person {
	l.t.Helper()
	return l.comesAs(name, "auth/userpass/login/"+name, map[string]any{"password": passwordOf(name)})
}

// comesAs logs somebody in by any auth method. Vault makes an entity of whoever has none, for this test.
func (l *lab) comesAs(name, path string, fields map[string]any) person {
	l.t.Helper()
	client := l.v.client()
	got, err := client.Logical().Write(path, fields)
	l.must(err)
	l.t.Cleanup(func() { l.forgetsEntity(client, got.Auth.EntityID) })
	return person{caller: l.v.caller(l.t, got.Auth.ClientToken), name: name, token: got.Auth.ClientToken, entity: got.Auth.EntityID}
}

// forgetsEntity removes an entity, as far as there is one and the server lives.
func (l *lab) forgetsEntity(client *api.Client, id string) {
	_, _ = client.Logical().Delete("identity/entity/id/" + id)
}

// knows changes what Vault knows of an entity.
func (l *lab) knows(entity string, fields map[string]any) {
	l.t.Helper()
	_, err := l.v.client().Logical().Write("identity/entity/id/"+entity, fields)
	l.must(err)
}
