package oauthrefresh

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/role"
)

// knownClient lets in whom the function knows, to a rotating grant; others hear invalid_client.
func knownClient(server *clienttest.Server, knows func(*clienttest.Request) bool) *clienttest.Rotation {
	rotation := clienttest.NewRotation(firstToken)
	letIn(server, rotation, knows)
	return rotation
}

func letIn(server *clienttest.Server, rotation *clienttest.Rotation, knows func(*clienttest.Request) bool) {
	server.Handle(func(r *clienttest.Request) clienttest.Answer {
		switch {
		case !knows(r):
			return clienttest.JSON(401, `{"error":"invalid_client"}`)
		case strings.HasSuffix(r.Path, "/revoke"):
			return clienttest.Answer{Status: 200}
		}
		return rotation.Answer(r)
	})
}

func bySecret(secret string) func(*clienttest.Request) bool {
	return func(r *clienttest.Request) bool { return r.Form.Get("client_secret") == secret }
}

// The whole life of a change: the next secret waits while the old one works, is tried when the provider
// refuses that, takes its place, and is the first one from then on, also at the revocation endpoint.
func TestTheNextSecretTakesOver(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	rotation := knownClient(server, bySecret(canary+"secret"))
	b.writeRole("r", fields{"next_client_secret": canary + "next"})
	b.read("creds/r")
	b.write("refresh/r", nil)
	if got := b.data("status/r"); len(server.Requests()) != 2 || got["client_secret_in_use"] != "client_secret" || got["client_secret_in_use_since"] == nil {
		t.Fatalf("%d requests while the old one works; status %v", len(server.Requests()), got)
	}
	letIn(server, rotation, bySecret(canary+"next"))
	b.write("refresh/r", nil)
	b.write("refresh/r", nil)
	b.write("revoke/r", nil)
	if n := len(server.Requests()); n != 2+2+1+1 {
		t.Errorf("%d requests, want two for the first refresh after the change and one for all others", n)
	}
	if b.data("roles/r")["next_client_secret_set"] != nil || strings.Contains(b.storage.contents(t)["role/r"], canary+"secret") {
		t.Error("the old secret is kept, or the new one still to come")
	}
	if rotation.Reused() {
		t.Error("a refresh token was replayed")
	}
}

// After any other error the refresh token may be spent: no second exchange is made.
func TestNextCredentialsAreForARefusedClientOnly(t *testing.T) {
	next := newClientCertificate(t, -time.Hour, time.Hour)
	for name, answer := range map[string]clienttest.Answer{
		"invalid_grant":       clienttest.JSON(400, `{"error":"invalid_grant"}`),
		"unauthorized_client": clienttest.JSON(400, `{"error":"unauthorized_client"}`),
		"invalid_request":     clienttest.JSON(400, `{"error":"invalid_request"}`),
		"access_denied":       clienttest.JSON(403, `{"error":"access_denied"}`),
		"401 without a word":  clienttest.Text(401, "text/html", "who are you"),
		"an error page":       clienttest.Text(500, "text/html", "oops"),
		"busy":                clienttest.Text(503, "text/plain", "busy"),
		"no answer":           {Drop: true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newTestBackend(t)
			server := newEndpoint(t, b)
			b.writeRole("r", fields{
				"client_certificate": next.certificate, "client_private_key": next.key, "next_client_secret": canary + "next",
				"next_pfx": newClientCertificate(t, -time.Hour, time.Hour).pfx, "next_pfx_password": certificatePassword,
			})
			server.Enqueue(answer)
			b.failure(logical.ReadOperation, "creds/r", nil)
			if n := len(server.Requests()); n != 1 {
				t.Errorf("%d exchanges", n)
			}
		})
	}
}

// Not before its date, however often the provider refuses.
func TestNextFrom(t *testing.T) {
	withClock(t, func(t *testing.T, b *testBackend, server *clienttest.Server) {
		knownClient(server, bySecret(canary+"next"))
		from := time.Now().Add(time.Hour)
		b.write("roles/r", fields{"next_client_secret": canary + "next", "next_from": from.Format(time.RFC3339)})
		b.noCreds("r", 400)
		if n := len(server.Requests()); n != 1 {
			t.Errorf("%d requests before the date", n)
		}
		if got := b.data("status/r")["next_from"]; got != from.UTC().Format(time.RFC3339) {
			t.Errorf("next_from %v", got)
		}
		pause(time.Hour)
		b.read("creds/r")
	})
}

// The TLS layer refuses a certificate before any request is read, so nothing is spent: in both versions.
func TestTheNextCertificateTakesOver(t *testing.T) {
	accepted, stranger := acceptedCertificate(t), newClientCertificate(t, -time.Hour, time.Hour)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for name, next := range map[string]fields{
			"PFX": {"next_pfx": accepted.pfx, "next_pfx_password": certificatePassword},
			"PEM": {"next_client_certificate": accepted.certificate, "next_client_private_key": accepted.encryptedKey, "next_client_private_key_password": certificatePassword},
		} {
			t.Run(tls.VersionName(version)+" "+name, func(t *testing.T) {
				b := newTestBackend(t)
				server := clienttest.New(t, clienttest.Options{RequireClientCertificate: true, MaxTLSVersion: version})
				rotation := newGrant(server)
				b.write("config", fields{"ca_certificate": string(clienttest.CAPEM())})
				b.write("providers/test", fields{"token_endpoint": server.URL() + "/token", "token_endpoint_auth_method": "client_secret_post"})
				b.writeRole("r", next, fields{"client_certificate": stranger.certificate, "client_private_key": stranger.key})
				b.read("creds/r")
				connections := server.Connections()
				b.write("refresh/r", nil)
				if server.Connections() != connections+1 || rotation.Refreshes() != 2 {
					t.Errorf("%d connections for the second refresh", server.Connections()-connections)
				}
				if !bySecret(canary + "secret")(server.Requests()[0]) {
					t.Error("the secret is not the one in use any more")
				}
				got := b.data("status/r")
				if got["client_certificate_in_use"] != "client_certificate" || b.data("roles/r")["next_client_certificate_set"] != nil {
					t.Errorf("status %v", got)
				}
				checkCertificateShown(t, b, accepted)
			})
		}
	}
}

// Where the certificate is the authentication, and where a key signs, invalid_client is about these; and a
// JWT bearer grant has no other word than invalid_grant for a key that is not the registered one.
func TestNextCertificatesAndKeysByMethod(t *testing.T) {
	one, two := newClientCertificate(t, -time.Hour, time.Hour), newClientCertificate(t, -time.Hour, time.Hour)
	shows := func(r *clienttest.Request) bool {
		block, _ := pem.Decode([]byte(two.certificate))
		return len(r.PeerCertificates) > 0 && r.PeerCertificates[0].Equal(mustParse(t, block.Bytes))
	}
	for name, c := range map[string]struct {
		f      fields
		knows  func(*clienttest.Request) bool
		answer string
	}{
		"self_signed_tls_client_auth": {fields{
			"client_secret": nil, "token_endpoint_auth_method": "self_signed_tls_client_auth", "pfx": one.pfx, "pfx_password": certificatePassword,
			"next_pfx": two.pfx, "next_pfx_password": certificatePassword,
		}, shows, "invalid_client"},
		"private_key_jwt": {fields{
			"client_secret": nil, "token_endpoint_auth_method": "private_key_jwt", "assertion_private_key": one.key, "assertion_key_id": "k1",
			"next_assertion_private_key": two.encryptedKey, "next_assertion_private_key_password": certificatePassword, "next_assertion_key_id": "k2",
		}, func(r *clienttest.Request) bool { return verifies(t, r.Form.Get("client_assertion"), two, "k2") }, "invalid_client"},
		"private_key_jwt with the certificate's key": {fields{
			"client_secret": nil, "token_endpoint_auth_method": "private_key_jwt", "pfx": one.pfx, "pfx_password": certificatePassword,
			"next_pfx": two.pfx, "next_pfx_password": certificatePassword,
		}, func(r *clienttest.Request) bool { return verifies(t, r.Form.Get("client_assertion"), two, "x5t#S256") }, "invalid_client"},
		"jwt-bearer": {fields{
			"client_secret": nil, "refresh_token": nil, "grant_type": "jwt-bearer", "assertion_private_key": one.key,
			"next_assertion_private_key": two.key, "next_assertion_key_id": "k2",
		}, func(r *clienttest.Request) bool { return verifies(t, r.Form.Get("assertion"), two, "k2") }, "invalid_grant"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newTestBackend(t)
			server := clienttest.New(t, clienttest.Options{AskForClientCertificate: true})
			b.write("config", fields{"ca_certificate": string(clienttest.CAPEM())})
			b.write("providers/test", fields{"token_endpoint": server.URL() + "/token"})
			server.Handle(func(r *clienttest.Request) clienttest.Answer {
				if !c.knows(r) {
					return clienttest.JSON(400, `{"error":"`+c.answer+`"}`)
				}
				return tokenAnswer("a", "")
			})
			b.writeRole("r", c.f)
			b.read("creds/r")
			b.write("refresh/r", nil)
			if n := len(server.Requests()); n != 3 {
				t.Errorf("%d requests, want two and one", n)
			}
		})
	}
}

func mustParse(t *testing.T, der []byte) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// verifies tells whether a JWT was signed with the certificate's key, and its header says so.
func verifies(t *testing.T, token string, c *clientCertificate, said string) bool {
	header, _, _ := strings.Cut(token, ".")
	return signedBy(token, c.certificate) && strings.Contains(decoded(t, header), said)
}

// The write to the role that follows a success may fail: the token's state says which credentials work, to
// this process and to the next one, and the next refresh makes up for it.
func TestPromotionSurvivesFailingStorage(t *testing.T) {
	for name, then := range map[string]func(b *testBackend){
		"the next refresh makes up for it": func(*testBackend) {},
		// Whoever clears what is to come by then does not clear what is in use.
		"a write makes up for it": func(b *testBackend) { b.write("roles/r", fields{"next_client_secret": ""}) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newTestBackend(t)
			server := newEndpoint(t, b)
			rotation := knownClient(server, bySecret(canary+"next"))
			b.writeRole("r", fields{"next_client_secret": canary + "next"})
			b.storage.failPuts("role/r", errors.New("no"), func(int) bool { return true })
			b.read("creds/r")
			if got := b.data("status/r"); got["client_secret_in_use"] != "next_client_secret" || got["client_secret_in_use_since"] == nil {
				t.Errorf("status %v", got)
			}
			b.storage.onPut(nil)
			then(b)
			again := newTestBackendOn(t, b.storage)
			again.write("refresh/r", nil)
			if n := len(server.Requests()); n != 3 || rotation.Refreshes() != 2 {
				t.Errorf("%d requests, want two and one", n)
			}
			if got := again.data("status/r")["client_secret_in_use"]; got != "client_secret" {
				t.Errorf("in use: %v", got)
			}
		})
	}
}

// Some servers spend the refresh token before they look at the client. Then it is gone, and said so.
func TestServersThatSpendFirst(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	b.writeRole("r", fields{"next_client_secret": canary + "next"})
	server.Enqueue(clienttest.JSON(401, `{"error":"invalid_client"}`), clienttest.JSON(400, `{"error":"invalid_grant"}`))
	if got := b.noCreds("r", 400); !strings.Contains(got, "has probably spent the refresh token before it looked at the first: authorize again") {
		t.Error(got)
	}
	if got := b.data("status/r"); got["reauthorization_required"] != true || !strings.Contains(got["next_step"].(string), "authorize again") {
		t.Errorf("status %v", got)
	}
	if got := b.data("roles/r")["next_client_secret_set"]; got != true {
		t.Error("the next secret is gone, though nothing has proven it")
	}
}

// An edit while the exchange is under way is the operator's word, and stays.
func TestPromotionLeavesEditsAlone(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	b.writeRole("r", fields{"next_client_secret": canary + "next"})
	answer, open := gated(tokenAnswer("a", ""))
	server.Enqueue(clienttest.JSON(401, `{"error":"invalid_client"}`), answer)
	done := b.startRead(t.Context(), "r")
	server.WaitFor(2)
	b.write("roles/r", fields{"client_secret": canary + "third", "next_client_secret": canary + "fourth"})
	open()
	await(t, done)
	knownClient(server, bySecret(canary+"third"))
	b.write("refresh/r", nil)
	if got := b.data("roles/r")["next_client_secret_set"]; got != true || len(server.Requests()) != 3 {
		t.Errorf("next set: %v, %d requests", got, len(server.Requests()))
	}
}

// Terraform writes what it was told once, again and again. After the change that is the old secret and the
// next one: the one that works stays.
func TestNextCredentialsWrittenAgain(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	knownClient(server, bySecret(canary+"next"))
	one, two := newClientCertificate(t, -time.Hour, time.Hour), newClientCertificate(t, -time.Hour, time.Hour)
	same := roleOf("test", fields{
		"next_client_secret": canary + "next", "pfx": one.pfx, "pfx_password": certificatePassword,
		"next_pfx": two.pfx, "next_pfx_password": certificatePassword,
	})
	b.write("roles/r", same)
	b.read("creds/r")
	if resp := b.write("roles/r", same); !strings.Contains(strings.Join(warningsOf(resp), "\n"), "client_secret was not taken") ||
		!strings.Contains(strings.Join(warningsOf(resp), "\n"), "next_client_secret is the one in use already") {
		t.Errorf("%v", warningsOf(resp))
	}
	b.write("refresh/r", nil)
	if n := len(server.Requests()); n != 3 {
		t.Errorf("%d requests, want two and one", n)
	}
	if got := b.data("roles/r"); got["next_client_secret_set"] != false || got["next_client_certificate_set"] != true {
		t.Errorf("%v", got)
	}
}

// Each is refused in a sentence, and what was there goes on.
func TestBadNextCredentials(t *testing.T) {
	b := newTestBackend(t)
	newGrant(newEndpoint(t, b))
	c, ended := newClientCertificate(t, -time.Hour, time.Hour), newClientCertificate(t, -2*time.Hour, -time.Hour)
	b.writeRole("secret")
	b.writeRole("signed", signed(c.key))
	for _, r := range []struct {
		role string
		f    fields
		want string
	}{
		{"secret", fields{"pfx": c.pfx, "pfx_password": certificatePassword, "next_pfx": ended.pfx, "next_pfx_password": certificatePassword}, "next_pfx or next_client_certificate: the client certificate expired"},
		{"secret", fields{"next_pfx": c.pfx, "next_pfx_password": certificatePassword}, "no certificate that a next one could follow"},
		{"secret", fields{"pfx": c.pfx, "pfx_password": certificatePassword, "next_pfx": c.pfx, "next_pfx_password": "zzzzzz"}, "next_pfx_password"},
		{"secret", fields{"next_pfx": c.pfx, "next_client_certificate": c.certificate}, "give either next_pfx, or next_client_certificate and next_client_private_key"},
		{"secret", fields{"next_client_certificate": c.certificate}, "next_client_certificate needs its next_client_private_key"},
		{"secret", fields{"next_assertion_private_key": c.key}, "next_assertion_private_key would never be used"},
		{"secret", fields{"next_client_secret": "zz\nzz"}, "next_client_secret holds a line break"},
		{"secret", fields{"next_from": "2099-01-01"}, "next_from needs what it is for"},
		{"secret", fields{"next_client_secret": "zzzzzz", "next_from": "tomorrow"}, "next_from must be a date such as"},
		{"secret", fields{"next_assertion_key_id": "zzzzzz"}, "next_assertion_key_id needs its key"},
		{"secret", fields{"next_client_secret": "zzzzzz", "next_assertion_key_id": "zzzzzz"}, "next_assertion_key_id needs its key"},
		{"secret", fields{"next_client_secret": strings.Repeat("zzz", 30<<10)}, "next_client_secret is longer than 64 KiB"},
		{"secret", fields{"next_client_certificate": c.certificate, "next_client_private_key": ended.key}, "next credentials: the private key belongs to none"},
		{"signed", fields{"next_client_secret": "zzzzzz"}, "next_client_secret would never be used"},
		{"signed", fields{"next_assertion_private_key": c.certificate}, "next_assertion_private_key has no private part"},
		{"signed", fields{"next_assertion_private_key": ended.key + ended.certificate}, "the certificate of next_assertion_private_key has expired"},
		{"signed", fields{"next_assertion_private_key": fixture(t, "rsa.key"), "token_endpoint_auth_signing_alg": "ES256"}, "next_assertion_private_key: token_endpoint_auth_signing_alg is not for this kind of key"},
		{"signed", fields{"next_assertion_private_key": c.encryptedKey}, "next_assertion_private_key_password"},
	} {
		before := b.storage.contents(t)
		got := b.refused(writeOp, "roles/"+r.role, r.f)
		if !strings.Contains(got, r.want) || strings.Contains(got, "zzz") || strings.Contains(got, "next_next") || strings.Contains(got, "tomorrow") {
			t.Errorf("%s, want %s", got, r.want)
		}
		if plain(b.storage.contents(t)) != plain(before) {
			t.Errorf("%s: storage has changed", r.want)
		}
	}
}

// What an operator writes while an exchange with the next secret is under way is what counts: the exchange has
// proven the next one, but not that it may take the place of something that was written since.
func TestPromotionDoesNotUndoAnEdit(t *testing.T) {
	for name, edit := range map[string]fields{
		"a new secret":   {"client_secret": canary + "third"},
		"another client": {"client_id": "other", "refresh_token": canary + "others"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newTestBackend(t)
			server := newEndpoint(t, b)
			b.writeRole("r", fields{"next_client_secret": canary + "next"})
			answer, open := gated(tokenAnswer("a", ""))
			server.Enqueue(clienttest.JSON(401, `{"error":"invalid_client"}`), answer)
			done := b.startRead(t.Context(), "r")
			server.WaitFor(2)
			b.write("roles/r", edit)
			open()
			await(t, done)
			r, err := role.Get(t.Context(), b.storage, "r")
			if err != nil {
				t.Fatal(err)
			}
			want := canary + "secret"
			if edit["client_secret"] != nil {
				want = canary + "third"
			}
			secretIs(t, "the secret in use", r.ClientSecret, want)
			secretIs(t, "the next one", r.Next.ClientSecret, canary+"next")
		})
	}
}

// A gateway says nothing of what was done behind it, and half an answer may have lost the other half.
func TestNextCredentialsNeedTheProvidersOwnWord(t *testing.T) {
	for name, answer := range map[string]clienttest.Answer{
		"502":           clienttest.JSON(502, `{"error":"invalid_client"}`),
		"503":           clienttest.JSON(503, `{"errors":[{"code":"invalid_client"}]}`),
		"500":           clienttest.JSON(500, `{"error":"invalid_client"}`),
		"half of a 200": {Status: 200, Body: `{"error":"invalid_client","refresh_token":"the next one"}`, CutAfter: 40},
		"half of a 400": {Status: 400, Body: `{"error":"invalid_client","error_description":"cut off"}`, CutAfter: 40},
		"a 200":         clienttest.JSON(200, `{"error":"invalid_client","access_token":"a"}`),
	} {
		b := newTestBackend(t)
		server := newEndpoint(t, b)
		b.writeRole("r", fields{"next_client_secret": canary + "next", "previous_client_secret": canary + "previous"})
		server.Enqueue(answer)
		b.failure(logical.ReadOperation, "creds/r", nil)
		if n := len(server.Requests()); n != 1 {
			t.Errorf("%s: %d exchanges", name, n)
		}
	}
}

// A secret that is there twice is presented once, and the one that worked last first.
func TestEachSecretIsTriedOnce(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	knownClient(server, bySecret("nobody's"))
	b.writeRole("r", fields{"next_client_secret": canary + "secret", "previous_client_secret": canary + "secret"})
	b.noCreds("r", 400)
	if n := len(server.Requests()); n != 1 {
		t.Errorf("%d exchanges with one secret", n)
	}
}

// The way out when something has leaked, and the end of a lease, must not wait for the next refresh.
func TestRevocationTriesTheNextSecret(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	knownClient(server, bySecret(canary+"secret"))
	b.writeRole("r", fields{"next_client_secret": canary + "next"})
	b.read("creds/r")
	knownClient(server, bySecret(canary+"next"))
	b.write("revoke/r", nil)
	if got := b.data("status/r")["state"]; got != grant.StateDead {
		t.Errorf("state %v", got)
	}
}

// Terraform names the certificate that has ended beside the one that has taken its place.
func TestTheSameConfigurationAfterTheFirstCertificateHasEnded(t *testing.T) {
	ended, live := newClientCertificate(t, -2*time.Hour, -time.Hour), newClientCertificate(t, -time.Hour, time.Hour)
	b := newTestBackend(t)
	newEndpoint(t, b)
	b.writeRole("r", fields{"pfx": live.pfx, "pfx_password": certificatePassword})
	b.write("roles/r", fields{
		"pfx": ended.pfx, "pfx_password": certificatePassword, "next_pfx": live.pfx, "next_pfx_password": certificatePassword,
	})
	checkCertificateShown(t, b, live)
	b.rejects(writeOp, "roles/r", fields{"pfx": ended.pfx, "pfx_password": certificatePassword}, "expired")
}

// The id of a key goes with it: the old one's would name the wrong key.
func TestKeyIDsFollowTheirKeys(t *testing.T) {
	b := newTestBackend(t)
	server := newEndpoint(t, b)
	one, two := newClientCertificate(t, -time.Hour, time.Hour), newClientCertificate(t, -time.Hour, time.Hour)
	server.Handle(func(r *clienttest.Request) clienttest.Answer {
		if !signedBy(r.Form.Get("client_assertion"), two.certificate) {
			return clienttest.JSON(401, `{"error":"invalid_client"}`)
		}
		return tokenAnswer("a", "")
	})
	b.writeRole("r", signed("", fields{
		"assertion_private_key": "", "pfx": one.pfx, "pfx_password": certificatePassword, "assertion_key_id": "first",
		"next_pfx": two.pfx, "next_pfx_password": certificatePassword,
	}))
	b.read("creds/r")
	if got := b.data("roles/r")["assertion_key_id"]; got != "" {
		t.Errorf("the key of the next certificate goes by %v", got)
	}
	b.writeRole("s", signed(one.key, fields{"assertion_key_id": "first"}))
	if got := strings.Join(warningsOf(b.write("roles/s", fields{"assertion_private_key": two.key})), "\n"); !strings.Contains(got, "assertion_key_id was kept") {
		t.Errorf("warned of %q", got)
	}
}
