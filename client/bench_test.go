package client

import (
	"encoding/base64"
	"net/http"
	"testing"
	"time"
)

// The parts of an exchange that are not the network's.

func BenchmarkRequest(b *testing.B) {
	p := builtin(b, "pingone")
	r := &Request{
		Provider: p, GrantType: GrantRefreshToken, ClientID: "client", ClientSecret: NewSecret("secret of the client"),
		RefreshToken: NewSecret("a refresh token of the usual length, which is some forty bytes"), Scope: "read write",
	}
	for b.Loop() {
		params, err := r.tokenParams(time.Now())
		if err != nil {
			b.Fatal(err)
		}
		encode(r.Provider.RequestFormat, params, r.IdempotencyKey)
		r.tokenHeaders()
	}
}

func BenchmarkAnswer(b *testing.B) {
	p := builtin(b, "salesforce")
	r := &Request{Provider: p, RefreshToken: NewSecret("sent")}
	a := &answer{status: 200, header: http.Header{}, body: []byte(`{"access_token":"00D5g000004Sandbox!AQ4AQkyopnMfZfZHKuod1rcEin4C","refresh_token":"5Aep861",` +
		`"signature":"eOdC1qXp3J9XbZPYBdAhai8YkwEJmHzAvtdsC3kTFrY=","scope":"refresh_token openid api","instance_url":"https://acme.my.salesforce.com",` +
		`"id":"https://login.salesforce.com/id/00D5g000004SandboxEAA/0055g00000SandboxAAA","token_type":"Bearer","issued_at":"1795243193843"}`)}
	for b.Loop() {
		if _, err := a.token(r, time.Now()); err != nil {
			b.Fatal(err)
		}
	}
}

// A PFX is decoded once, when a role is written.
func BenchmarkParsePFX(b *testing.B) {
	for _, name := range []string{"p256", "legacy"} {
		text := base64.StdEncoding.EncodeToString([]byte(identityFile(b, name+".pfx")))
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := ParsePFX(text, NewSecret(identityPassword)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
