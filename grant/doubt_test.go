package grant_test

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	xgrant "vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// The handshake with the certificate in use is cut, the next one gets through, the server does its work, and the
// answer is lost: what counts is the exchange that was sent.
func TestALostAnswerOfTheNextCertificateStaysUnknown(t *testing.T) {
	b, server, next := certified(t, clienttest.Options{MaxTLSVersion: tls.VersionTLS12})
	server.CutHandshakeUnless(enginetest.MustParse(t, enginetest.DerOf(next.Certificate)))
	server.Handle(func(*clienttest.Request) clienttest.Answer { return clienttest.Answer{Drop: true} })
	text := b.NoCreds("r", 502)
	if n := len(server.Requests()); n != 1 {
		t.Fatalf("%d requests", n)
	}
	if strings.Contains(text, "unspent") {
		t.Error(text)
	}
	if b.Stored("r").Intent == nil {
		t.Errorf("the intent is gone: %s", text)
	}
}

// The same after an ambiguous 401 for the secret in use.
func TestALostAnswerAfterAnAmbiguousRefusalStaysUnknown(t *testing.T) {
	for name, answer := range map[string]clienttest.Answer{"reset": {Drop: true}, "page": clienttest.Text(403, "text/html", "<p>no</p>")} {
		t.Run(name, func(t *testing.T) {
			c := enginetest.NewClientCertificate(t, -time.Hour, time.Hour)
			b := enginetest.New(t)
			server := clienttest.New(t, clienttest.Options{AskForClientCertificate: true})
			b.Write("config", enginetest.Fields{"ca_certificate": string(clienttest.CAPEM())})
			b.Write("providers/test", enginetest.Fields{"token_endpoint": server.URL() + "/token", "token_endpoint_auth_method": "client_secret_post"})
			b.WriteRole("r", enginetest.Fields{"pfx": c.Pfx, "pfx_password": enginetest.CertificatePassword, "next_client_secret": enginetest.Canary + "next"})
			server.Enqueue(clienttest.JSON(401, `{"error":"unauthorized_client"}`), answer)
			_, text := b.Failure(enginetest.ReadOp, "creds/r", nil)
			if n := len(server.Requests()); n != 2 {
				t.Fatalf("%d requests", n)
			}
			if b.Stored("r").Intent == nil {
				t.Errorf("the intent is gone: %s", text)
			}
		})
	}
}

// And then the refresh token is not presented again while the token at hand is good.
func TestALostAnswerOfTheNextCertificateWaitsForTheTokensEnd(t *testing.T) {
	b, server, next := certified(t, clienttest.Options{MaxTLSVersion: tls.VersionTLS12})
	grant := clienttest.NewRotation(enginetest.FirstToken)
	server.Handle(grant.Answer)
	b.Read("creds/r")
	server.CutHandshakeUnless(enginetest.MustParse(t, enginetest.DerOf(next.Certificate)))
	server.Handle(func(r *clienttest.Request) clienttest.Answer { grant.Answer(r); return clienttest.Answer{Drop: true} })
	_, _ = b.Try(t.Context(), enginetest.WriteOp, "refresh/r", nil)
	server.CutHandshakeUnless(nil)
	server.Handle(grant.Answer)
	b.Age("r", func(tok *xgrant.State) {
		if tok.Fault != nil {
			tok.Fault.At, tok.Fault.Until = tok.Fault.At.Add(-time.Minute), tok.Fault.Until.Add(-time.Minute)
		}
		tok.ExpiresAt, tok.ObtainedAt = time.Now().Add(10*time.Minute), time.Now().Add(-50*time.Minute)
	})
	_, _ = b.Try(t.Context(), enginetest.ReadOp, "creds/r", nil)
	if grant.Reused() {
		t.Error("the spent refresh token was presented again while the token at hand was good for ten minutes")
	}
}

// An answer was lost; the next try finds the secret refused in ambiguous words, and with the next one the grant.
func TestALostAnswerIsNamedThoughASecretWasSwapped(t *testing.T) {
	for name, refusal := range map[string]clienttest.Answer{
		"invalid_client":      clienttest.JSON(401, `{"error":"invalid_client"}`),
		"unauthorized_client": clienttest.JSON(401, `{"error":"unauthorized_client"}`),
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				server.Enqueue(clienttest.Answer{Drop: true})
				b.NoCreds("r", 502)
				b.Write("roles/r", enginetest.Fields{"next_client_secret": enginetest.Canary + "next"})
				enginetest.Pause(time.Minute)
				server.Enqueue(refusal, enginetest.InvalidGrant)
				text := b.NoCreds("r", 400)
				if !strings.Contains(text, "the answer to an earlier refresh was lost") {
					t.Error(text)
				}
			})
		})
	}
}

// Nothing was sent in the handshake that was cut: the provider can't have spent anything in it.
func TestAHandshakeThatWasCutHasSpentNothing(t *testing.T) {
	b, server, next := certified(t, clienttest.Options{MaxTLSVersion: tls.VersionTLS12})
	server.CutHandshakeUnless(enginetest.MustParse(t, enginetest.DerOf(next.Certificate)))
	server.Handle(enginetest.Always(enginetest.InvalidGrant))
	if text := b.NoCreds("r", 400); strings.Contains(text, "has probably spent the refresh token") {
		t.Error(text)
	}
}

// The next certificate is let in, and the provider says that it is the client that it does not know.
func TestTheProvidersOwnWordIsNotHidden(t *testing.T) {
	for name, first := range map[string]clienttest.Answer{"page": clienttest.Text(403, "text/html", "<p>no</p>")} {
		t.Run(name, func(t *testing.T) {
			one, two := enginetest.NewClientCertificate(t, -time.Hour, time.Hour), enginetest.NewClientCertificate(t, -time.Hour, time.Hour)
			b := enginetest.New(t)
			server := clienttest.New(t, clienttest.Options{AskForClientCertificate: true})
			b.Write("config", enginetest.Fields{"ca_certificate": string(clienttest.CAPEM())})
			b.Write("providers/test", enginetest.Fields{"token_endpoint": server.URL() + "/token", "token_endpoint_auth_method": "client_secret_post"})
			b.WriteRole("r", enginetest.Fields{"pfx": one.Pfx, "pfx_password": enginetest.CertificatePassword, "next_pfx": two.Pfx, "next_pfx_password": enginetest.CertificatePassword})
			server.Enqueue(first, clienttest.JSON(401, `{"error":"invalid_client"}`))
			code, text := b.Failure(enginetest.ReadOp, "creds/r", nil)
			if strings.Contains(text, "the certificate that waits in this role was tried and is refused too") || !strings.Contains(text, "invalid_client") {
				t.Error(code, text)
			}
		})
	}
}

func askingEverybody(t *testing.T, others ...enginetest.Fields) (*enginetest.Mount, *clienttest.Server) {
	b := enginetest.New(t)
	server := clienttest.New(t, clienttest.Options{AskForClientCertificate: true})
	b.Write("config", enginetest.Fields{"ca_certificate": string(clienttest.CAPEM())})
	b.Write("providers/test", enginetest.Fields{"token_endpoint": server.URL() + "/token", "token_endpoint_auth_method": "client_secret_post"})
	b.WriteRole("r", others...)
	return b, server
}

// Two refusals without a word, at a server that asks everybody for a certificate: no answer was lost.
func TestTwoRefusalsWithoutAWordLoseNoAnswer(t *testing.T) {
	b, server := askingEverybody(t)
	server.Handle(enginetest.Always(clienttest.Answer{Status: 400}))
	_, first := b.Failure(enginetest.ReadOp, "creds/r", nil)
	overIt(b)
	_, second := b.Failure(enginetest.ReadOp, "creds/r", nil)
	if got := b.Data("status/r"); got["probably_gone"] != nil || strings.Contains(second, "lost") {
		t.Errorf("%s\n%s\n%v", first, second, got)
	}
}

// After a lost answer it is probably the grant; with a certificate too.
func TestALostAnswerThenARefusalWithoutAWord(t *testing.T) {
	c := enginetest.NewClientCertificate(t, -time.Hour, time.Hour)
	b, server := askingEverybody(t, enginetest.Fields{"pfx": c.Pfx, "pfx_password": enginetest.CertificatePassword})
	server.Enqueue(clienttest.Answer{Drop: true}, clienttest.Answer{Status: 400})
	b.NoCreds("r", 502)
	overIt(b)
	_, text := b.Failure(enginetest.ReadOp, "creds/r", nil)
	if n := len(server.Requests()); n != 2 {
		t.Fatalf("%d requests", n)
	}
	if got := b.Data("status/r"); got["probably_gone"] != true {
		t.Errorf("%s; the status says %v", text, got)
	}
}

// An unrelated write lifts the pause, and not what holds a second use off: the status does not promise one.
func TestTheStatusPromisesNoSecondUseAfterAWrite(t *testing.T) {
	for path, f := range corrections {
		enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
			server.Enqueue(clienttest.JSON(200, `{"access_token":"a1","expires_in":3600}`), clienttest.Answer{Drop: true})
			b.Read("creds/r")
			enginetest.Pause(45 * time.Minute)
			b.Read("creds/r")
			b.Write(path, f)
			step, would := b.Data("status/r")["next_step"].(string), b.Data("explain/r")["would"]
			n := len(server.Requests())
			_, _ = b.Try(t.Context(), enginetest.ReadOp, "creds/r", nil)
			if promised, tried := strings.Contains(step, "the next read tries it"), len(server.Requests()) > n; promised != tried {
				t.Errorf("%s: the next read tries it: %t; the status: %s; explain: %v", path, tried, step, would)
			}
		})
	}
}

// The token endpoint's own refusal without a word may be of the secret, and that is said, whoever asks for certificates.
func TestARefusalWithoutAWordNamesTheSecret(t *testing.T) {
	c := enginetest.NewClientCertificate(t, -time.Hour, time.Hour)
	for name, f := range map[string]enginetest.Fields{"none": nil, "one": {"pfx": c.Pfx, "pfx_password": enginetest.CertificatePassword}} {
		for what, answer := range map[string]clienttest.Answer{"400 and an object": clienttest.JSON(400, `{}`), "a sentence": clienttest.Text(401, "text/plain", "Invalid client secret")} {
			b, server := askingEverybody(t, f)
			server.Enqueue(answer)
			if _, text := b.Failure(enginetest.ReadOp, "creds/r", nil); !strings.Contains(text, "client_secret") {
				t.Errorf("certificate %s, %s: %s", name, what, text)
			}
		}
	}
}

// A sentence about the refresh token is not about the certificate: nothing is sent twice.
func TestASentenceAboutTheRefreshTokenIsNotAboutTheCertificate(t *testing.T) {
	for _, body := range []string{`{"message":"Refresh token expired"}`, `{"error_description":"The refresh token has already been used"}`} {
		b, server, _ := certified(t, clienttest.Options{})
		server.Handle(enginetest.Always(clienttest.JSON(400, body)))
		_, text := b.Failure(enginetest.ReadOp, "creds/r", nil)
		if n := len(server.Requests()); n != 1 || strings.Contains(text, "asked for the client certificate") {
			t.Errorf("%d requests: %s", n, text)
		}
	}
}

// What one run of an attempt doubted is settled by its success.
func TestADoubtEndsWithASuccess(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		b.Write("roles/r", enginetest.Fields{"next_client_secret": enginetest.Canary + "next"})
		server.Enqueue(clienttest.Answer{Drop: true}, clienttest.Answer{Drop: true})
		b.NoCreds("r", 502)
		enginetest.Pause(20 * time.Minute)
		server.Enqueue(clienttest.JSON(401, `{"error":"unauthorized_client"}`), clienttest.JSON(200, `{"access_token":"a1","refresh_token":"`+enginetest.Canary+`r1","expires_in":600}`),
			clienttest.JSON(401, `{"error":"invalid_client"}`))
		_, text := b.Failure(enginetest.ReadOp, "creds/r", nil)
		if n := len(server.Requests()); n != 5 {
			t.Fatalf("%d requests: %s", n, text)
		}
		if !strings.Contains(text, "invalid_client") {
			t.Error(text)
		}
	}, enginetest.Fields{"idempotency_header": keyHeader})
}

// overIt ends the pause after the last failure.
func overIt(b *enginetest.Mount) {
	b.Age("r", func(tok *xgrant.State) {
		tok.Fault.At, tok.Fault.Until = tok.Fault.At.Add(-time.Hour), tok.Fault.Until.Add(-time.Hour)
	})
}

// An answer was lost under a key, and then the certificate is refused by a gateway, until somebody writes another. The
// provider never saw these requests: what it answered is still to be had under the key.
func TestTheKeyOutlivesARefusedCertificate(t *testing.T) {
	for name, refusal := range map[string]clienttest.Answer{"a page": refusedByPage["nginx"], "a gateway's JSON": refusedByPage["gateway"]} {
		t.Run(name, func(t *testing.T) {
			b, server, next := certified(t, clienttest.Options{}, enginetest.Fields{"next_pfx": nil, "next_pfx_password": nil})
			b.Write("providers/test", enginetest.Fields{"idempotency_header": keyHeader})
			server.Enqueue(clienttest.Answer{Drop: true}, clienttest.Answer{Drop: true})
			b.NoCreds("r", 502)
			server.Handle(enginetest.Always(refusal))
			for range 3 {
				overIt(b)
				_, _ = b.Failure(enginetest.ReadOp, "creds/r", nil)
			}
			server.Handle(enginetest.Always(enginetest.TokenAnswer("a1", enginetest.Canary+"r1")))
			b.Write("roles/r", enginetest.Fields{"pfx": next.Pfx, "pfx_password": enginetest.CertificatePassword})
			b.Read("creds/r")
			keys := idempotencyKeys(server)
			if first, last := keys[0], keys[len(keys)-1]; first != last {
				t.Errorf("%d requests; the last has another key than the one whose answer was lost: %v", len(keys), keys)
			}
		})
	}
}

// In one attempt too.
func TestTheKeyOutlivesOneAttemptWithTwoCertificates(t *testing.T) {
	b, server, _ := certified(t, clienttest.Options{})
	b.Write("providers/test", enginetest.Fields{"idempotency_header": keyHeader})
	server.Enqueue(clienttest.Answer{Drop: true}, clienttest.Answer{Status: 500}, refusedByPage["gateway"], refusedByPage["gateway"])
	b.NoCreds("r", 502)
	overIt(b)
	_, _ = b.Failure(enginetest.ReadOp, "creds/r", nil)
	overIt(b)
	server.Handle(enginetest.Always(enginetest.TokenAnswer("a1", enginetest.Canary+"r1")))
	_, _ = b.Try(t.Context(), enginetest.ReadOp, "creds/r", nil)
	keys := idempotencyKeys(server)
	if first, last := keys[0], keys[len(keys)-1]; first != last {
		t.Errorf("%d requests: %v", len(keys), keys)
	}
}

// A lost answer, a refused client, a correction, and a token that is good: nothing is left to correct.
func TestNothingIsLeftToCorrect(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		server.Enqueue(clienttest.JSON(200, `{"access_token":"a1","expires_in":3600}`), clienttest.Answer{Drop: true}, clienttest.JSON(401, `{"error":"invalid_client"}`))
		b.Read("creds/r")
		enginetest.Pause(45 * time.Minute)
		b.Read("creds/r")
		enginetest.Pause(time.Minute)
		_, _ = b.Try(t.Context(), enginetest.WriteOp, "refresh/r", nil)
		b.Write("roles/r", enginetest.Fields{"client_secret": enginetest.Canary + "other"})
		if text := b.Data("status/r")["next_step"].(string); strings.Contains(text, "correct roles/") || !strings.Contains(text, "when the token at hand has ended") {
			t.Error(text)
		}
	})
}
