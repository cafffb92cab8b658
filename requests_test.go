package oauthrefresh

import (
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// A token of an hour can be asked for nine tenths of it: more would refresh with every read.
func TestTooMuchIsAskedOfAToken(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	newGrant(server)
	b.writeRole("r")
	b.read("creds/r")
	for _, r := range []request{{readOp, "creds/r"}, {writeOp, "creds/r"}} {
		for _, value := range []any{"3241s", 3600, "61m", "24h", "87600h"} {
			b.rejects(r.op, r.path, fields{"min_ttl": value}, "ask for at most 54m")
		}
		for _, value := range []any{-1, "-1s", "87601h", "zzz"} {
			b.rejects(r.op, r.path, fields{"min_ttl": value}, "min_ttl must be")
		}
		for _, value := range []any{"", "0", 0, "54m"} {
			b.do(r.op, r.path, fields{"min_ttl": value})
		}
	}
	if n := len(server.Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// What can't work says so before anything is sent.
func TestRequestsThatCantWork(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	newGrant(server)
	b.writeRole("machine", fields{"grant_type": "client_credentials", "refresh_token": nil})
	b.rejects(writeOp, "revoke/machine", nil, "this role holds no token to revoke")
	b.writeRole("r")
	b.rejects(writeOp, "refresh/r", fields{"if_generation": "zzz"}, "if_generation must be a whole number")
	b.write("providers/test", fields{"revocation_endpoint": ""})
	b.rejects(writeOp, "revoke/r", nil, "this provider has no revocation_endpoint")
	b.delete("providers/test")
	for _, r := range []request{{readOp, "creds/r"}, {writeOp, "creds/r"}, {writeOp, "refresh/r"}, {writeOp, "revoke/r"}} {
		b.rejects(r.op, r.path, nil, "the provider of this role does not exist")
	}
	b.rejects(writeOp, "roles/r", fields{"scope": "zzz"}, "the provider of this role does not exist")
	if n := len(server.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// A definition that goes away takes no token from those who need it.
func TestTokensOutliveTheirProvider(t *testing.T) {
	b := newTestBackend(t)
	newGrant(newEndpoint(t, b))
	b.writeRole("r")
	b.read("creds/r")
	b.delete("providers/test")
	if got := b.data("creds/r")["generation"]; got != int64(1) {
		t.Errorf("generation %v", got)
	}
	b.rejects(writeOp, "refresh/r", nil, "the provider of this role does not exist")
}

// Where a revocation is refused, nothing is forgotten.
func TestRefusedRevocationsForgetNothing(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	newGrant(server)
	b.writeRole("r")
	b.read("creds/r")
	before := b.storage.contents(t)
	server.Enqueue(clienttest.JSON(400, `{"error":"invalid_client","error_description":"canary-echo"}`))
	b.rejects(writeOp, "revoke/r", nil, "nothing was forgotten")
	server.Enqueue(clienttest.JSON(503, `canary-echo`))
	if _, err := b.try(t.Context(), writeOp, "revoke/r", nil); errStatus(err) != 502 {
		t.Errorf("%v", err)
	}
	if got := b.storage.contents(t); got["token/r"] != before["token/r"] || got["role/r"] != before["role/r"] {
		t.Error("storage has changed")
	}
}
