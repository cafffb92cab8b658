package oauthrefresh

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/provider"
	"vault-plugin-secrets-oauthrefresh/role"
)

// The issuer alone makes a definition that works; the answer and later reads show what it is, and
// nobody asks again.
func TestAnIssuerFillsInTheRest(t *testing.T) {
	b := newTestBackend(t)
	s := newIssuer(t, b)
	filled := fields{
		"token_endpoint": s.URL() + "/token", "revocation_endpoint": s.URL() + "/revoke", "token_endpoint_auth_method": "client_secret_post",
	}
	resp := b.write("providers/mine", fields{"issuer": s.URL()})
	if plain(resp.Data) != plain(filled) || len(resp.Warnings) > 0 {
		t.Errorf("the answer is %v", resp)
	}
	got := b.data("providers/mine")
	for field, want := range filled {
		if got[field] != want {
			t.Errorf("%s is %v", field, got[field])
		}
	}
	at, err := time.Parse(time.RFC3339, got["discovered_at"].(string))
	if err != nil || time.Since(at) > time.Minute || plain(got["discovered_fields"]) != "[token_endpoint revocation_endpoint token_endpoint_auth_method]" {
		t.Errorf("discovered %v at %v", got["discovered_fields"], got["discovered_at"])
	}
	b.writeRole("r", fields{"provider": "mine"})
	b.read("creds/r")
	if requests := s.Requests(); len(requests) != 2 || requests[0].Method != "GET" || requests[1].Path != "/token" {
		t.Errorf("%d requests", len(requests))
	}
}

// What the operator writes is the operator's own, whatever the metadata say.
func TestWrittenFieldsWinOverDiscovered(t *testing.T) {
	b := newTestBackend(t)
	s := newIssuer(t, b)
	own := "https://own.example.com/{tenant}/token"
	b.write("providers/mine", fields{"issuer": s.URL(), "token_endpoint": own, "token_endpoint_auth_method": ""})
	want := func(field, want string) {
		t.Helper()
		if got := plain(b.data("providers/mine")[field]); got != want {
			t.Errorf("%s is %s, want %s", field, got, want)
		}
	}
	want("token_endpoint", own)
	want("token_endpoint_auth_method", "client_secret_post")
	want("discovered_fields", "[revocation_endpoint token_endpoint_auth_method]")
	// Once more, with other metadata: still the operator's, and the rest is the server's.
	s.publish(with(s.metadata(), fields{"revocation_endpoint": nil, "introspection_endpoint": s.URL() + "/introspect"}))
	b.write("providers/mine", fields{"issuer": s.URL()})
	want("token_endpoint", own)
	want("revocation_endpoint", "<nil>")
	want("introspection_endpoint", s.URL()+"/introspect")
	// A later write makes a field the operator's, an empty one along with the issuer gives it back.
	b.write("providers/mine", fields{"introspection_endpoint": ""})
	want("discovered_fields", "[token_endpoint_auth_method]")
	b.write("providers/mine", fields{"issuer": s.URL(), "token_endpoint": ""})
	want("token_endpoint", s.URL()+"/token")
	want("introspection_endpoint", "<nil>")
	// Without an issuer, everything stays and is the operator's.
	b.write("providers/mine", fields{"issuer": ""})
	want("token_endpoint", s.URL()+"/token")
	want("discovered_fields", "<nil>")
	want("discovered_at", "<nil>")
}

// Whoever writes every field needs no server to ask.
func TestNothingIsAskedWhenNothingIsLeft(t *testing.T) {
	b := newTestBackend(t)
	s := newIssuer(t, b)
	b.write("providers/mine", with(everyProviderField, fields{"issuer": s.URL()}))
	if s.Connections() > 0 || b.data("providers/mine")["discovered_at"] != nil {
		t.Error("asked")
	}
}

// A server without metadata is no obstacle where the operator knows its token endpoint.
func TestAnIssuerWithoutMetadata(t *testing.T) {
	b := newTestBackend(t)
	s := newIssuer(t, b)
	s.Handle(func(*clienttest.Request) clienttest.Answer { return clienttest.Answer{Status: 404} })
	b.rejects(writeOp, "providers/mine", fields{"issuer": s.URL()}, "the issuer publishes no metadata")
	definition := fields{"issuer": s.URL(), "token_endpoint": s.URL() + "/token"}
	for range 2 { // the stored one counts too
		if resp := b.write("providers/mine", definition); len(resp.Warnings) != 1 || !strings.Contains(resp.Warnings[0], "nothing was filled in") {
			t.Errorf("%v", resp)
		}
		delete(definition, "token_endpoint")
	}
	got := b.data("providers/mine")
	if got["issuer"] != s.URL() || got["token_endpoint"] != s.URL()+"/token" || got["discovered_at"] != nil {
		t.Errorf("%v", got)
	}
	b.rejects(writeOp, "providers/mine", fields{"issuer": s.URL(), "basic_encoding": "zzz"}, "basic_encoding must be")
	// What was discovered once is not mixed with what nobody publishes any more.
	other := newIssuer(t, b)
	b.write("providers/found", fields{"issuer": other.URL()})
	b.rejects(writeOp, "providers/found", fields{"issuer": s.URL(), "token_endpoint": s.URL() + "/token"}, "the issuer publishes no metadata")
}

// Bad metadata: a sentence each, nothing stored, nothing lost, and nothing of theirs repeated.
func TestBadMetadataAreRefused(t *testing.T) {
	b := newTestBackend(t)
	s := newIssuer(t, b)
	b.write("providers/mine", fields{"issuer": s.URL(), "docs": "https://docs.example.com"})
	const elsewhere = "https://" + canary + "host.example/token"
	for _, c := range []struct {
		doc  fields
		want string
	}{
		{fields{"issuer": "https://" + canary + "host.example"}, "name another one"},
		{fields{"issuer": s.URL() + "/"}, "slash at its end"},
		{fields{"issuer": nil}, "name another one"},
		{fields{"token_endpoint": elsewhere}, "token_endpoint in the issuer's metadata lies neither"},
		{fields{"revocation_endpoint": elsewhere}, "revocation_endpoint in the issuer's metadata lies neither"},
		{fields{"introspection_endpoint": elsewhere}, "introspection_endpoint in the issuer's metadata lies neither"},
		{fields{"mtls_endpoint_aliases": fields{"token_endpoint": elsewhere}}, "mtls_endpoint_aliases in the issuer's metadata lies neither"},
		{fields{"token_endpoint": "https://127.0.0.2/" + canary}, "token_endpoint in the issuer's metadata lies neither"},
		{fields{"token_endpoint": strings.Replace(s.URL(), "https", "http", 1) + "/" + canary}, "https://"},
		{fields{"token_endpoint": s.URL() + "/{" + canary + "}"}, "no usable URL"},
		{fields{"token_endpoint": s.URL() + "/{" + "tenant}"}, "no usable URL"},
		{fields{"token_endpoint": s.URL() + "/" + strings.Repeat(canary, 400)}, "token_endpoint: it is longer"},
		{fields{"token_endpoint": nil}, "name no token_endpoint"},
		{fields{"token_endpoint": 7}, "no valid document"},
		{fields{"token_endpoint_auth_methods_supported": []string{canary}}, "none of the ways to authenticate"},
	} {
		s.publish(with(s.metadata(), c.doc))
		b.rejects(writeOp, "providers/mine", fields{"issuer": s.URL()}, c.want)
		b.rejects(writeOp, "providers/new", fields{"issuer": s.URL()}, c.want)
		for _, op := range []fields{nil, {"accept": "0123"}} {
			b.rejects(writeOp, "providers/mine/rediscover", op, c.want)
		}
		if said := b.refused(writeOp, "providers/new", fields{"issuer": s.URL()}); strings.Contains(said, canary) {
			t.Errorf("repeats the document: %s", said)
		}
	}
}

// An endpoint elsewhere is right for some (Google): who names it, or its host, has it.
func TestEndpointsElsewhereAreTakenFromTheOperator(t *testing.T) {
	b := newTestBackend(t)
	s := newIssuer(t, b, fields{"token_endpoint": "https://elsewhere.example/token"})
	b.write("providers/named", fields{"issuer": s.URL(), "token_endpoint": "https://elsewhere.example/token"})
	b.write("config", fields{"allowed_hosts": "127.0.0.1,elsewhere.example"})
	b.write("providers/allowed", fields{"issuer": s.URL()})
	for _, name := range []string{"named", "allowed"} {
		if got := b.data("providers/" + name)["token_endpoint"]; got != "https://elsewhere.example/token" {
			t.Errorf("%s: %v", name, got)
		}
	}
	b.write("config", fields{"allowed_hosts": "elsewhere.example"})
	b.rejects(writeOp, "providers/new", fields{"issuer": s.URL()}, "issuer: the endpoint's host is not among allowed_hosts")
}

// A server in trouble is a 503, so that whoever wrote tries again, and nothing was stored.
func TestAnIssuerInTrouble(t *testing.T) {
	b := newTestBackend(t)
	s := newIssuer(t, b)
	before := b.storage.contents(t)
	for _, answer := range []clienttest.Answer{{Status: 500}, {Status: 503}, {Drop: true}} {
		s.Enqueue(answer)
		if status, text := b.failure(writeOp, "providers/mine", fields{"issuer": s.URL()}); status != 503 || !strings.Contains(text, "nothing was stored") {
			t.Errorf("%d %s", status, text)
		}
	}
	if !maps.Equal(b.storage.contents(t), before) {
		t.Error("stored")
	}
}

// A server that hangs holds the write up no longer than request_timeout, others not at all, and a
// caller who leaves takes nothing along.
func TestAnIssuerThatHangs(t *testing.T) {
	b := newTestBackend(t)
	s := newIssuer(t, b)
	b.write("providers/mine", fields{"issuer": s.URL()})
	s.Handle(func(*clienttest.Request) clienttest.Answer { return clienttest.Answer{Gate: make(chan struct{})} })
	before := b.storage.contents(t)

	ctx, leave := context.WithCancel(t.Context())
	left := b.start(ctx, writeOp, "providers/left", fields{"issuer": s.URL()})
	s.WaitFor(2)
	b.read("providers/mine")
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if got := <-b.start(short, writeOp, "providers/left", fields{"docs": ""}); errStatus(got.err) != 503 || !strings.Contains(got.err.Error(), "this provider") {
		t.Errorf("%v", got)
	}
	b.write("providers/other", fields{"token_endpoint": "https://other.example/"})
	b.delete("providers/other")
	select {
	case got := <-left:
		t.Fatalf("over already, or others have waited for it: %v", got)
	default:
	}
	leave()
	if got := <-left; errStatus(got.err) != 503 {
		t.Errorf("%v", got)
	}
	after := b.storage.contents(t)
	delete(after, role.PinsPrefix+"other") // outlasts what was deleted
	if !maps.Equal(after, before) {
		t.Error("stored")
	}

	b.write("config", fields{"request_timeout": "1s"})
	before = b.storage.contents(t)
	start := time.Now()
	for _, done := range []<-chan outcome{
		b.start(t.Context(), writeOp, "providers/mine", fields{"issuer": s.URL()}),
		b.start(t.Context(), writeOp, "providers/mine/rediscover", nil),
		b.start(t.Context(), writeOp, "providers/new", fields{"issuer": s.URL()}),
	} {
		if got := <-done; errStatus(got.err) != 503 || !strings.Contains(got.err.Error(), "request_timeout") {
			t.Errorf("%v", got)
		}
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("took %s", took)
	}
	if !maps.Equal(b.storage.contents(t), before) {
		t.Error("stored")
	}
}

// An entry that an earlier version wrote has no trace of a discovery.
func TestOlderDefinitionsLoad(t *testing.T) {
	b := newTestBackend(t)
	s := newIssuer(t, b, fields{"token_endpoint_auth_methods_supported": nil})
	if err := mount.Save(t.Context(), b.storage, provider.Prefix+"old", &client.Provider{Issuer: s.URL(), TokenEndpoint: s.URL() + "/mine", SendScope: true}); err != nil {
		t.Fatal(err)
	}
	if got := b.data("providers/old"); got["token_endpoint"] != s.URL()+"/mine" || got["discovered_at"] != nil {
		t.Errorf("%v", got)
	}
	resp := b.write("providers/old/rediscover", nil)
	if got := fmt.Sprint(resp.Data["changes"]); strings.Contains(got, "token_endpoint") || !strings.Contains(got, "/revoke") {
		t.Errorf("%s", got)
	}
}
