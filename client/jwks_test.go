package client

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// That the keys do not come says nothing of the token: it is looked at again later.
func TestKeysThatDoNotCome(t *testing.T) {
	elsewhere := clienttest.New(t, clienttest.Options{})
	s := clienttest.New(t, clienttest.Options{})
	set := `{"keys":[` + publicJWK(t, "k", testRSA()) + `]}`
	token := signed(t, jose.RS256, testRSA(), "k", rightClaims(nil))
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		answer clienttest.Answer
		want   string
	}{
		"redirect":   {clienttest.JSON(302, set).With("Location", elsewhere.URL()), "jwks_uri"},
		"missing":    {clienttest.JSON(404, `canary`), "check jwks_uri"},
		"in trouble": {clienttest.JSON(500, `canary`), "try again"},
		"page":       {clienttest.Text(200, "text/html", "<html>canary"), "no keys"},
		"empty":      {clienttest.JSON(200, `{"keys":[]}`), "no keys"},
		"a list":     {clienttest.JSON(200, `["canary"]`), "no keys"},
		"keys, text": {clienttest.JSON(200, `{"keys":"canary"}`), "no keys"},
		"short":      {clienttest.JSON(200, `{"keys":[`+publicJWK(t, "k", short)+`]}`), "no keys"},
		"encryption": {clienttest.JSON(200, strings.Replace(set, `"kid"`, `"use":"enc","kid"`, 1)), "no keys"},
		"secret":     {clienttest.JSON(200, `{"keys":[{"kty":"oct","k":"Y2FuYXJ5"}]}`), "no keys"},
		"many":       {clienttest.JSON(200, `{"keys":[`+strings.Repeat("{},", maxKeys)+set[len(`{"keys":[`):]), "no keys"},
		"giant":      {clienttest.JSON(200, set+strings.Repeat(" ", maxBody)), "512 KiB"},
		"bomb":       {clienttest.Answer{Status: 200, Body: set + strings.Repeat(" ", 10*maxBody), Gzip: true}, "512 KiB"},
		"broken off": {clienttest.Answer{Status: 200, Body: set, CutAfter: 20}, "broke off"},
		"hangs up":   {clienttest.Answer{Drop: true}, "key server"},
	} {
		s.Enqueue(c.answer)
		claims, err := VerifyIDToken(t.Context(), trusting(), idTokenRequest(s, token))
		e := asError(t, err)
		if claims != nil || e.Class != NotProcessed || !strings.Contains(e.Reason, c.want) || strings.Contains(fmt.Sprintf("%+v", e), "canary") || strings.Contains(e.Reason, "{") {
			t.Errorf("%s: %+v", name, e)
		}
	}
	if elsewhere.Connections() > 0 {
		t.Error("a redirect was followed")
	}
	before := s.Connections()
	o := trusting()
	o.AllowedHosts = []string{"a.example"}
	for want, r := range map[string]IDTokenRequest{
		"allowed_hosts": idTokenRequest(s, token),
		"https://":      {Issuer: "https://issuer.example", JWKSURI: "http://a.example/keys", ClientID: "the-client", Nonce: "the-nonce", Token: token},
	} {
		if _, err := VerifyIDToken(t.Context(), o, r); asError(t, err).Class != NotProcessed || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	hanging := clienttest.New(t, clienttest.Options{})
	hanging.Enqueue(clienttest.Answer{Gate: make(chan struct{})})
	o = Options{RootCAs: clienttest.Pool(), Timeout: 100 * time.Millisecond}
	if _, err := VerifyIDToken(t.Context(), o, idTokenRequest(hanging, token)); asError(t, err).Class != NotProcessed || !strings.Contains(err.Error(), "request_timeout") {
		t.Errorf("%v", err)
	}
	if s.Connections() != before {
		t.Error("something was sent that may not be")
	}
}
