package provider_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/provider"
	"vault-plugin-secrets-oauthrefresh/role"
)

// The issuer alone makes a definition that works; the answer and later reads show what it is, and
// nobody asks again.
func TestAnIssuerFillsInTheRest(t *testing.T) {
	b := enginetest.New(t)
	s := enginetest.NewIssuer(t, b)
	filled := enginetest.Fields{
		"token_endpoint": s.URL() + "/token", "revocation_endpoint": s.URL() + "/revoke", "token_endpoint_auth_method": "client_secret_post",
	}
	resp := b.Write("providers/mine", enginetest.Fields{"issuer": s.URL()})
	if enginetest.Plain(resp.Data) != enginetest.Plain(filled) || len(resp.Warnings) > 0 {
		t.Errorf("the answer is %v", resp)
	}
	got := b.Data("providers/mine")
	for field, want := range filled {
		if got[field] != want {
			t.Errorf("%s is %v", field, got[field])
		}
	}
	at, err := time.Parse(time.RFC3339, got["discovered_at"].(string))
	if err != nil || time.Since(at) > time.Minute || enginetest.Plain(got["discovered_fields"]) != "[token_endpoint revocation_endpoint token_endpoint_auth_method]" {
		t.Errorf("discovered %v at %v", got["discovered_fields"], got["discovered_at"])
	}
	b.WriteRole("r", enginetest.Fields{"provider": "mine"})
	b.Read("creds/r")
	if requests := s.Requests(); len(requests) != 2 || requests[0].Method != "GET" || requests[1].Path != "/token" {
		t.Errorf("%d requests", len(requests))
	}
}

// What the operator writes is the operator's own, whatever the metadata say.
func TestWrittenFieldsWinOverDiscovered(t *testing.T) {
	b := enginetest.New(t)
	s := enginetest.NewIssuer(t, b)
	own := "https://own.example.com/{tenant}/token"
	b.Write("providers/mine", enginetest.Fields{"issuer": s.URL(), "token_endpoint": own, "token_endpoint_auth_method": ""})
	want := func(field, want string) {
		t.Helper()
		if got := enginetest.Plain(b.Data("providers/mine")[field]); got != want {
			t.Errorf("%s is %s, want %s", field, got, want)
		}
	}
	want("token_endpoint", own)
	want("token_endpoint_auth_method", "client_secret_post")
	want("discovered_fields", "[revocation_endpoint token_endpoint_auth_method]")
	// Once more, with other metadata: still the operator's, and the rest is the server's.
	s.Publish(enginetest.With(s.Metadata(), enginetest.Fields{"revocation_endpoint": nil, "introspection_endpoint": s.URL() + "/introspect"}))
	b.Write("providers/mine", enginetest.Fields{"issuer": s.URL()})
	want("token_endpoint", own)
	want("revocation_endpoint", "<nil>")
	want("introspection_endpoint", s.URL()+"/introspect")
	// A later write makes a field the operator's, an empty one along with the issuer gives it back.
	b.Write("providers/mine", enginetest.Fields{"introspection_endpoint": ""})
	want("discovered_fields", "[token_endpoint_auth_method]")
	b.Write("providers/mine", enginetest.Fields{"issuer": s.URL(), "token_endpoint": ""})
	want("token_endpoint", s.URL()+"/token")
	want("introspection_endpoint", "<nil>")
	// Without an issuer, everything stays and is the operator's.
	b.Write("providers/mine", enginetest.Fields{"issuer": ""})
	want("token_endpoint", s.URL()+"/token")
	want("discovered_fields", "<nil>")
	want("discovered_at", "<nil>")
}

// Whoever writes every field needs no server to ask.
func TestNothingIsAskedWhenNothingIsLeft(t *testing.T) {
	b := enginetest.New(t)
	s := enginetest.NewIssuer(t, b)
	b.Write("providers/mine", enginetest.With(enginetest.EveryProviderField, enginetest.Fields{"issuer": s.URL()}))
	if s.Connections() > 0 || b.Data("providers/mine")["discovered_at"] != nil {
		t.Error("asked")
	}
}

// A server without metadata is no obstacle where the operator knows its token endpoint.
func TestAnIssuerWithoutMetadata(t *testing.T) {
	b := enginetest.New(t)
	s := enginetest.NewIssuer(t, b)
	s.Handle(func(*clienttest.Request) clienttest.Answer { return clienttest.Answer{Status: 404} })
	b.Rejects(enginetest.WriteOp, "providers/mine", enginetest.Fields{"issuer": s.URL()}, "the issuer publishes no metadata")
	definition := enginetest.Fields{"issuer": s.URL(), "token_endpoint": s.URL() + "/token"}
	for range 2 { // the stored one counts too
		if resp := b.Write("providers/mine", definition); len(resp.Warnings) != 1 || !strings.Contains(resp.Warnings[0], "nothing was filled in") {
			t.Errorf("%v", resp)
		}
		delete(definition, "token_endpoint")
	}
	got := b.Data("providers/mine")
	if got["issuer"] != s.URL() || got["token_endpoint"] != s.URL()+"/token" || got["discovered_at"] != nil {
		t.Errorf("%v", got)
	}
	b.Rejects(enginetest.WriteOp, "providers/mine", enginetest.Fields{"issuer": s.URL(), "basic_encoding": "zzz"}, "basic_encoding must be")
	// What was discovered once is not mixed with what nobody publishes any more.
	other := enginetest.NewIssuer(t, b)
	b.Write("providers/found", enginetest.Fields{"issuer": other.URL()})
	b.Rejects(enginetest.WriteOp, "providers/found", enginetest.Fields{"issuer": s.URL(), "token_endpoint": s.URL() + "/token"}, "the issuer publishes no metadata")
}

// Bad metadata: a sentence each, nothing stored, nothing lost, and nothing of theirs repeated.
func TestBadMetadataAreRefused(t *testing.T) {
	b := enginetest.New(t)
	s := enginetest.NewIssuer(t, b)
	b.Write("providers/mine", enginetest.Fields{"issuer": s.URL(), "docs": "https://docs.example.com"})
	const elsewhere = "https://" + enginetest.Canary + "host.example/token"
	for _, c := range []struct {
		doc  enginetest.Fields
		want string
	}{
		{enginetest.Fields{"issuer": "https://" + enginetest.Canary + "host.example"}, "name another one"},
		{enginetest.Fields{"issuer": s.URL() + "/"}, "slash at its end"},
		{enginetest.Fields{"issuer": nil}, "name another one"},
		{enginetest.Fields{"token_endpoint": elsewhere}, "token_endpoint in the issuer's metadata lies neither"},
		{enginetest.Fields{"revocation_endpoint": elsewhere}, "revocation_endpoint in the issuer's metadata lies neither"},
		{enginetest.Fields{"introspection_endpoint": elsewhere}, "introspection_endpoint in the issuer's metadata lies neither"},
		{enginetest.Fields{"mtls_endpoint_aliases": enginetest.Fields{"token_endpoint": elsewhere}}, "mtls_endpoint_aliases in the issuer's metadata lies neither"},
		{enginetest.Fields{"token_endpoint": "https://127.0.0.2/" + enginetest.Canary}, "token_endpoint in the issuer's metadata lies neither"},
		{enginetest.Fields{"token_endpoint": strings.Replace(s.URL(), "https", "http", 1) + "/" + enginetest.Canary}, "https://"},
		{enginetest.Fields{"token_endpoint": s.URL() + "/{" + enginetest.Canary + "}"}, "no usable URL"},
		{enginetest.Fields{"token_endpoint": s.URL() + "/{" + "tenant}"}, "no usable URL"},
		{enginetest.Fields{"token_endpoint": s.URL() + "/" + strings.Repeat(enginetest.Canary, 400)}, "token_endpoint: it is longer"},
		{enginetest.Fields{"token_endpoint": nil}, "name no token_endpoint"},
		{enginetest.Fields{"token_endpoint": 7}, "no valid document"},
		{enginetest.Fields{"token_endpoint_auth_methods_supported": []string{enginetest.Canary}}, "none of the ways to authenticate"},
	} {
		s.Publish(enginetest.With(s.Metadata(), c.doc))
		b.Rejects(enginetest.WriteOp, "providers/mine", enginetest.Fields{"issuer": s.URL()}, c.want)
		b.Rejects(enginetest.WriteOp, "providers/new", enginetest.Fields{"issuer": s.URL()}, c.want)
		for _, op := range []enginetest.Fields{nil, {"accept": "0123"}} {
			b.Rejects(enginetest.WriteOp, "providers/mine/rediscover", op, c.want)
		}
		if said := b.Refused(enginetest.WriteOp, "providers/new", enginetest.Fields{"issuer": s.URL()}); strings.Contains(said, enginetest.Canary) {
			t.Errorf("repeats the document: %s", said)
		}
	}
}

// An endpoint elsewhere is right for some (Google): who names it, or its host, has it.
func TestEndpointsElsewhereAreTakenFromTheOperator(t *testing.T) {
	b := enginetest.New(t)
	s := enginetest.NewIssuer(t, b, enginetest.Fields{"token_endpoint": "https://elsewhere.example/token"})
	b.Write("providers/named", enginetest.Fields{"issuer": s.URL(), "token_endpoint": "https://elsewhere.example/token"})
	b.Write("config", enginetest.Fields{"allowed_hosts": "127.0.0.1,elsewhere.example"})
	b.Write("providers/allowed", enginetest.Fields{"issuer": s.URL()})
	for _, name := range []string{"named", "allowed"} {
		if got := b.Data("providers/" + name)["token_endpoint"]; got != "https://elsewhere.example/token" {
			t.Errorf("%s: %v", name, got)
		}
	}
	b.Write("config", enginetest.Fields{"allowed_hosts": "elsewhere.example"})
	b.Rejects(enginetest.WriteOp, "providers/new", enginetest.Fields{"issuer": s.URL()}, "issuer: the endpoint's host is not among allowed_hosts")
}

// A server in trouble is a 503, so that whoever wrote tries again, and nothing was stored.
func TestAnIssuerInTrouble(t *testing.T) {
	b := enginetest.New(t)
	s := enginetest.NewIssuer(t, b)
	before := b.Storage.Contents(t)
	for _, answer := range []clienttest.Answer{{Status: 500}, {Status: 503}, {Drop: true}} {
		s.Enqueue(answer)
		if status, text := b.Failure(enginetest.WriteOp, "providers/mine", enginetest.Fields{"issuer": s.URL()}); status != 503 || !strings.Contains(text, "nothing was stored") {
			t.Errorf("%d %s", status, text)
		}
	}
	if !maps.Equal(b.Storage.Contents(t), before) {
		t.Error("stored")
	}
}

// A server that hangs holds the write up no longer than request_timeout, others not at all, and a
// caller who leaves takes nothing along.
func TestAnIssuerThatHangs(t *testing.T) {
	b := enginetest.New(t)
	s := enginetest.NewIssuer(t, b)
	b.Write("providers/mine", enginetest.Fields{"issuer": s.URL()})
	s.Handle(func(*clienttest.Request) clienttest.Answer { return clienttest.Answer{Gate: make(chan struct{})} })
	before := b.Storage.Contents(t)

	ctx, leave := context.WithCancel(t.Context())
	left := b.Start(ctx, enginetest.WriteOp, "providers/left", enginetest.Fields{"issuer": s.URL()})
	s.WaitFor(2)
	b.Read("providers/mine")
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if got := <-b.Start(short, enginetest.WriteOp, "providers/left", enginetest.Fields{"docs": ""}); enginetest.ErrStatus(got.Err) != 503 || !strings.Contains(got.Err.Error(), "this provider") {
		t.Errorf("%v", got)
	}
	b.Write("providers/other", enginetest.Fields{"token_endpoint": "https://other.example/"})
	b.Delete("providers/other")
	select {
	case got := <-left:
		t.Fatalf("over already, or others have waited for it: %v", got)
	default:
	}
	leave()
	if got := <-left; enginetest.ErrStatus(got.Err) != 503 {
		t.Errorf("%v", got)
	}
	after := b.Storage.Contents(t)
	delete(after, role.PinsPrefix+"other") // outlasts what was deleted
	if !maps.Equal(after, before) {
		t.Error("stored")
	}

	b.Write("config", enginetest.Fields{"request_timeout": "1s"})
	before = b.Storage.Contents(t)
	start := time.Now()
	for _, done := range []<-chan enginetest.Outcome{
		b.Start(t.Context(), enginetest.WriteOp, "providers/mine", enginetest.Fields{"issuer": s.URL()}),
		b.Start(t.Context(), enginetest.WriteOp, "providers/mine/rediscover", nil),
		b.Start(t.Context(), enginetest.WriteOp, "providers/new", enginetest.Fields{"issuer": s.URL()}),
	} {
		if got := <-done; enginetest.ErrStatus(got.Err) != 503 || !strings.Contains(got.Err.Error(), "request_timeout") {
			t.Errorf("%v", got)
		}
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("took %s", took)
	}
	if !maps.Equal(b.Storage.Contents(t), before) {
		t.Error("stored")
	}
}

// An entry that an earlier version wrote has no trace of a discovery.
func TestOlderDefinitionsLoad(t *testing.T) {
	b := enginetest.New(t)
	s := enginetest.NewIssuer(t, b, enginetest.Fields{"token_endpoint_auth_methods_supported": nil})
	if err := mount.Save(t.Context(), b.Storage, provider.Prefix+"old", &client.Provider{Issuer: s.URL(), TokenEndpoint: s.URL() + "/mine", SendScope: true}); err != nil {
		t.Fatal(err)
	}
	if got := b.Data("providers/old"); got["token_endpoint"] != s.URL()+"/mine" || got["discovered_at"] != nil {
		t.Errorf("%v", got)
	}
	resp := b.Write("providers/old/rediscover", nil)
	if got := fmt.Sprint(resp.Data["changes"]); strings.Contains(got, "token_endpoint") || !strings.Contains(got, "/revoke") {
		t.Errorf("%s", got)
	}
}
