package grant_test

import (
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// A token of an hour can be asked for nine tenths of it: more would refresh with every read.
func TestTooMuchIsAskedOfAToken(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	enginetest.NewGrant(server)
	b.WriteRole("r")
	b.Read("creds/r")
	for _, r := range []enginetest.Request{{Op: enginetest.ReadOp, Path: "creds/r"}, {Op: enginetest.WriteOp, Path: "creds/r"}} {
		for _, value := range []any{"3241s", 3600, "61m", "24h", "87600h"} {
			b.Rejects(r.Op, r.Path, enginetest.Fields{"min_ttl": value}, "ask for at most 54m")
		}
		for _, value := range []any{-1, "-1s", "87601h", "zzz"} {
			b.Rejects(r.Op, r.Path, enginetest.Fields{"min_ttl": value}, "min_ttl must be")
		}
		for _, value := range []any{"", "0", 0, "54m"} {
			b.Do(r.Op, r.Path, enginetest.Fields{"min_ttl": value})
		}
	}
	if n := len(server.Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// What can't work says so before anything is sent.
func TestRequestsThatCantWork(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	enginetest.NewGrant(server)
	b.WriteRole("machine", enginetest.Fields{"grant_type": "client_credentials", "refresh_token": nil})
	b.Rejects(enginetest.WriteOp, "revoke/machine", nil, "this role holds no token to revoke")
	b.WriteRole("r")
	b.Rejects(enginetest.WriteOp, "refresh/r", enginetest.Fields{"if_generation": "zzz"}, "if_generation must be a whole number")
	b.Write("providers/test", enginetest.Fields{"revocation_endpoint": ""})
	b.Rejects(enginetest.WriteOp, "revoke/r", nil, "this provider has no revocation_endpoint")
	b.Delete("providers/test")
	for _, r := range []enginetest.Request{{Op: enginetest.ReadOp, Path: "creds/r"}, {Op: enginetest.WriteOp, Path: "creds/r"}, {Op: enginetest.WriteOp, Path: "refresh/r"}, {Op: enginetest.WriteOp, Path: "revoke/r"}} {
		b.Rejects(r.Op, r.Path, nil, "the provider of this role does not exist")
	}
	b.Rejects(enginetest.WriteOp, "roles/r", enginetest.Fields{"scope": "zzz"}, "the provider of this role does not exist")
	if n := len(server.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// A definition that goes away takes no token from those who need it.
func TestTokensOutliveTheirProvider(t *testing.T) {
	b := enginetest.New(t)
	enginetest.NewGrant(enginetest.NewEndpoint(t, b))
	b.WriteRole("r")
	b.Read("creds/r")
	b.Delete("providers/test")
	if got := b.Data("creds/r")["generation"]; got != int64(1) {
		t.Errorf("generation %v", got)
	}
	b.Rejects(enginetest.WriteOp, "refresh/r", nil, "the provider of this role does not exist")
}

// Where a revocation is refused, nothing is forgotten.
func TestRefusedRevocationsForgetNothing(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	enginetest.NewGrant(server)
	b.WriteRole("r")
	b.Read("creds/r")
	before := b.Storage.Contents(t)
	server.Enqueue(clienttest.JSON(400, `{"error":"invalid_client","error_description":"canary-echo"}`))
	b.Rejects(enginetest.WriteOp, "revoke/r", nil, "nothing was forgotten")
	server.Enqueue(clienttest.JSON(503, `canary-echo`))
	if _, err := b.Try(t.Context(), enginetest.WriteOp, "revoke/r", nil); enginetest.ErrStatus(err) != 502 {
		t.Errorf("%v", err)
	}
	if got := b.Storage.Contents(t); got["token/r"] != before["token/r"] || got["role/r"] != before["role/r"] {
		t.Error("storage has changed")
	}
}
