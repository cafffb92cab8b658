package chaos

import (
	"cmp"
	"maps"
	"time"
)

// variant is what a provider does for a client that has lost an answer.
type variant struct {
	name, title string
	grace       time.Duration // how long a spent token may be presented again
	header      string        // of the idempotency key under which it may
	method      string        // how the client authenticates, "" for client_secret_post
	more        fields        // of the definition
}

var variants = []*variant{
	// The grace is long enough for a plugin process to start on a busy machine.
	{name: "grace", title: "A reuse grace", grace: time.Minute},
	{name: "idempotency", title: "An idempotency header", header: "Idempotency-Key"},
	{name: "neither", title: "Neither"},
}

// forgives tells whether a lost answer is no lost grant.
func (v *variant) forgives() bool { return v.grace > 0 || v.header != "" }

// definition is what an operator writes of the provider.
func (v *variant) definition(url string) fields {
	f := fields{
		"token_endpoint": url + "/token", "authorization_endpoint": url + "/authorize", "token_endpoint_auth_method": cmp.Or(v.method, "client_secret_post"),
		"refresh_token_rotation": "always",
	}
	if v.grace > 0 {
		f["reuse_grace"] = int(v.grace.Seconds())
	}
	if v.header != "" {
		f["idempotency_header"] = v.header
	}
	maps.Copy(f, v.more)
	return f
}
