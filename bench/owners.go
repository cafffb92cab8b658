package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/hashicorp/vault/api"
)

// owners compares warm reads of grants that belong to a role's owners with those of a role's grant. All are read with the
// same token, of somebody who is logged in: what a person's policies and entity cost Vault is no difference then.
func owners(t *table) error {
	p := startProvider(false, 0)
	defer p.Close()
	return withVault("inmem", func(v *vault) error {
		if err := v.define("bench", p); err != nil {
			return err
		}
		person, err := v.login()
		if err != nil {
			return err
		}
		if err := v.grant("bare", 1, "bench", false, map[string]any{"lease": false}); err != nil {
			return err
		}
		if err := v.people(person); err != nil {
			return err
		}
		return v.owners(t, person.Token())
	})
}

func (v *vault) owners(t *table, token string) error {
	by := func(name string, path func(int) string) *contender {
		return &contender{name: name, readers: 16, token: token, path: path}
	}
	one := func(path string) func(int) string { return func(int) string { return path } }
	random := func(int) string { return fmt.Sprint("oauth/creds/people/owner", rand.IntN(crowd)) }
	shared := by("a role's grant", one("oauth/creds/bare0"))
	own, named := by("a person's own grant", one("oauth/creds/people")), by("a named owner's grant", one("oauth/creds/people/owner0"))
	many := by(fmt.Sprintf("grants of %d owners at random", crowd), random)
	if err := v.interleave(*rounds, *turn, shared, own, named, many); err != nil {
		return err
	}
	compare(t, "inmem", own, shared, "≥ 0.95")
	compare(t, "inmem", named, shared, "≥ 0.95")
	compare(t, "inmem", many, shared, "≥ 0.9")
	return nil
}

// login makes a person who may do what people and brokers may, and logs in.
func (v *vault) login() (*api.Client, error) {
	if err := v.Sys().EnableAuthWithOptions("userpass", &api.EnableAuthOptions{Type: "userpass"}); err != nil {
		return nil, err
	}
	if err := v.Sys().PutPolicy("people", `path "oauth/*" { capabilities = ["create", "read", "update"] }`); err != nil {
		return nil, err
	}
	const password = "a-password-of-this-run-only"
	if _, err := v.Logical().Write("auth/userpass/users/alice", map[string]any{"password": password, "token_policies": "people"}); err != nil {
		return nil, err
	}
	in, err := v.Logical().Write("auth/userpass/login/alice", map[string]any{"password": password})
	if err != nil {
		return nil, err
	}
	person, err := v.Clone()
	if err != nil {
		return nil, err
	}
	person.SetToken(in.Auth.ClientToken)
	return person, nil
}

// people writes a role that keeps a grant for each owner, and brings that of the person and those of a crowd, all read
// since.
func (v *vault) people(person *api.Client) error {
	_, err := v.Logical().Write("oauth/roles/people", map[string]any{
		"provider": "bench", "client_id": "bench", "client_secret": "secret of bench", "grant_owner": "entity", "lease": false,
	})
	if err != nil {
		return err
	}
	agree := func(path string) error {
		_, err := person.Logical().Write("oauth/confirm/"+path, map[string]any{"authorization_code": "code", "redirect_uri": "http://127.0.0.1:1/"})
		if err == nil {
			_, err = person.Logical().Read("oauth/creds/" + path)
		}
		return err
	}
	if err := agree("people"); err != nil {
		return err
	}
	return each(crowd, func(i int) error { return agree(fmt.Sprint("people/owner", i)) })
}
