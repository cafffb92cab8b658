package role_test

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/role"
)

// The whole life of a change: the next secret waits while the old one works, is tried when the provider
// refuses that, takes its place, and is the first one from then on, also at the revocation endpoint.
func TestTheNextSecretTakesOver(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	rotation := enginetest.KnownClient(server, enginetest.BySecret(enginetest.Canary+"secret"))
	b.WriteRole("r", enginetest.Fields{"next_client_secret": enginetest.Canary + "next"})
	b.Read("creds/r")
	b.Write("refresh/r", nil)
	if got := b.Data("status/r"); len(server.Requests()) != 2 || got["client_secret_in_use"] != "client_secret" || got["client_secret_in_use_since"] == nil {
		t.Fatalf("%d requests while the old one works; status %v", len(server.Requests()), got)
	}
	enginetest.LetIn(server, rotation, enginetest.BySecret(enginetest.Canary+"next"))
	b.Write("refresh/r", nil)
	b.Write("refresh/r", nil)
	b.Write("revoke/r", nil)
	if n := len(server.Requests()); n != 2+2+1+1 {
		t.Errorf("%d requests, want two for the first refresh after the change and one for all others", n)
	}
	if b.Data("roles/r")["next_client_secret_set"] != nil || strings.Contains(b.Storage.Contents(t)["role/r"], enginetest.Canary+"secret") {
		t.Error("the old secret is kept, or the new one still to come")
	}
	if rotation.Reused() {
		t.Error("a refresh token was replayed")
	}
}

// After any other error the refresh token may be spent: no second exchange is made.
func TestNextCredentialsAreForARefusedClientOnly(t *testing.T) {
	next := enginetest.NewClientCertificate(t, -time.Hour, time.Hour)
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
			b := enginetest.New(t)
			server := enginetest.NewEndpoint(t, b)
			b.WriteRole("r", enginetest.Fields{
				"client_certificate": next.Certificate, "client_private_key": next.Key, "next_client_secret": enginetest.Canary + "next",
				"next_pfx": enginetest.NewClientCertificate(t, -time.Hour, time.Hour).Pfx, "next_pfx_password": enginetest.CertificatePassword,
			})
			server.Enqueue(answer)
			b.Failure(logical.ReadOperation, "creds/r", nil)
			if n := len(server.Requests()); n != 1 {
				t.Errorf("%d exchanges", n)
			}
		})
	}
}

// Not before its date, however often the provider refuses.
func TestNextFrom(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.KnownClient(server, enginetest.BySecret(enginetest.Canary+"next"))
		from := time.Now().Add(time.Hour)
		b.Write("roles/r", enginetest.Fields{"next_client_secret": enginetest.Canary + "next", "next_from": from.Unix()})
		b.NoCreds("r", 400)
		if n := len(server.Requests()); n != 1 {
			t.Errorf("%d requests before the date", n)
		}
		if got := b.Data("status/r")["next_from"]; got != from.UTC().Format(time.RFC3339) {
			t.Errorf("next_from %v", got)
		}
		enginetest.Pause(time.Hour)
		b.Read("creds/r")
	})
}

// The TLS layer refuses a certificate before any request is read, so nothing is spent: in both versions.
func TestTheNextCertificateTakesOver(t *testing.T) {
	accepted, stranger := enginetest.AcceptedCertificate(t), enginetest.NewClientCertificate(t, -time.Hour, time.Hour)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for name, next := range map[string]enginetest.Fields{
			"PFX": {"next_pfx": accepted.Pfx, "next_pfx_password": enginetest.CertificatePassword},
			"PEM": {"next_client_certificate": accepted.Certificate, "next_client_private_key": accepted.EncryptedKey, "next_client_private_key_password": enginetest.CertificatePassword},
		} {
			t.Run(tls.VersionName(version)+" "+name, func(t *testing.T) {
				b := enginetest.New(t)
				server := clienttest.New(t, clienttest.Options{RequireClientCertificate: true, MaxTLSVersion: version})
				rotation := enginetest.NewGrant(server)
				b.Write("config", enginetest.Fields{"ca_certificate": string(clienttest.CAPEM())})
				b.Write("providers/test", enginetest.Fields{"token_endpoint": server.URL() + "/token", "token_endpoint_auth_method": "client_secret_post"})
				b.WriteRole("r", next, enginetest.Fields{"client_certificate": stranger.Certificate, "client_private_key": stranger.Key})
				b.Read("creds/r")
				connections := server.Connections()
				b.Write("refresh/r", nil)
				if server.Connections() != connections+1 || rotation.Refreshes() != 2 {
					t.Errorf("%d connections for the second refresh", server.Connections()-connections)
				}
				if !enginetest.BySecret(enginetest.Canary + "secret")(server.Requests()[0]) {
					t.Error("the secret is not the one in use any more")
				}
				got := b.Data("status/r")
				if got["client_certificate_in_use"] != "client_certificate" || b.Data("roles/r")["next_client_certificate_set"] != nil {
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
	one, two := enginetest.NewClientCertificate(t, -time.Hour, time.Hour), enginetest.NewClientCertificate(t, -time.Hour, time.Hour)
	shows := func(r *clienttest.Request) bool {
		block, _ := pem.Decode([]byte(two.Certificate))
		return len(r.PeerCertificates) > 0 && r.PeerCertificates[0].Equal(enginetest.MustParse(t, block.Bytes))
	}
	for name, c := range map[string]struct {
		f      enginetest.Fields
		knows  func(*clienttest.Request) bool
		answer string
	}{
		"self_signed_tls_client_auth": {enginetest.Fields{
			"client_secret": nil, "token_endpoint_auth_method": "self_signed_tls_client_auth", "pfx": one.Pfx, "pfx_password": enginetest.CertificatePassword,
			"next_pfx": two.Pfx, "next_pfx_password": enginetest.CertificatePassword,
		}, shows, "invalid_client"},
		"private_key_jwt": {enginetest.Fields{
			"client_secret": nil, "token_endpoint_auth_method": "private_key_jwt", "assertion_private_key": one.Key, "assertion_key_id": "k1",
			"next_assertion_private_key": two.EncryptedKey, "next_assertion_private_key_password": enginetest.CertificatePassword, "next_assertion_key_id": "k2",
		}, func(r *clienttest.Request) bool { return verifies(t, r.Form.Get("client_assertion"), two, "k2") }, "invalid_client"},
		"private_key_jwt with the certificate's key": {enginetest.Fields{
			"client_secret": nil, "token_endpoint_auth_method": "private_key_jwt", "pfx": one.Pfx, "pfx_password": enginetest.CertificatePassword,
			"next_pfx": two.Pfx, "next_pfx_password": enginetest.CertificatePassword,
		}, func(r *clienttest.Request) bool { return verifies(t, r.Form.Get("client_assertion"), two, "x5t#S256") }, "invalid_client"},
		"jwt-bearer": {enginetest.Fields{
			"client_secret": nil, "refresh_token": nil, "grant_type": "jwt-bearer", "assertion_private_key": one.Key,
			"next_assertion_private_key": two.Key, "next_assertion_key_id": "k2",
		}, func(r *clienttest.Request) bool { return verifies(t, r.Form.Get("assertion"), two, "k2") }, "invalid_grant"},
	} {
		t.Run(name, func(t *testing.T) {
			b := enginetest.New(t)
			server := clienttest.New(t, clienttest.Options{AskForClientCertificate: true})
			b.Write("config", enginetest.Fields{"ca_certificate": string(clienttest.CAPEM())})
			b.Write("providers/test", enginetest.Fields{"token_endpoint": server.URL() + "/token"})
			server.Handle(func(r *clienttest.Request) clienttest.Answer {
				if !c.knows(r) {
					return clienttest.JSON(400, `{"error":"`+c.answer+`"}`)
				}
				return enginetest.TokenAnswer("a", "")
			})
			b.WriteRole("r", c.f)
			b.Read("creds/r")
			b.Write("refresh/r", nil)
			if n := len(server.Requests()); n != 3 {
				t.Errorf("%d requests, want two and one", n)
			}
		})
	}
}

// verifies tells whether a JWT was signed with the certificate's key, and its header says so.
func verifies(t *testing.T, token string, c *enginetest.ClientCertificate, said string) bool {
	header, _, _ := strings.Cut(token, ".")
	return signedBy(token, c.Certificate) && strings.Contains(enginetest.Decoded(t, header), said)
}

// The write to the role that follows a success may fail: the token's state says which credentials work, to
// this process and to the next one, and the next refresh makes up for it.
func TestPromotionSurvivesFailingStorage(t *testing.T) {
	for name, then := range map[string]func(b *enginetest.Mount){
		"the next refresh makes up for it": func(*enginetest.Mount) {},
		// Whoever clears what is to come by then does not clear what is in use.
		"a write makes up for it": func(b *enginetest.Mount) { b.Write("roles/r", enginetest.Fields{"next_client_secret": ""}) },
	} {
		t.Run(name, func(t *testing.T) {
			b := enginetest.New(t)
			server := enginetest.NewEndpoint(t, b)
			rotation := enginetest.KnownClient(server, enginetest.BySecret(enginetest.Canary+"next"))
			b.WriteRole("r", enginetest.Fields{"next_client_secret": enginetest.Canary + "next"})
			b.Storage.FailPuts("role/r", errors.New("no"), func(int) bool { return true })
			b.Read("creds/r")
			if got := b.Data("status/r"); got["client_secret_in_use"] != "next_client_secret" || got["client_secret_in_use_since"] == nil {
				t.Errorf("status %v", got)
			}
			b.Storage.OnPut(nil)
			then(b)
			again := enginetest.NewOn(t, b.Storage)
			again.Write("refresh/r", nil)
			if n := len(server.Requests()); n != 3 || rotation.Refreshes() != 2 {
				t.Errorf("%d requests, want two and one", n)
			}
			if got := again.Data("status/r")["client_secret_in_use"]; got != "client_secret" {
				t.Errorf("in use: %v", got)
			}
		})
	}
}

// Some servers spend the refresh token before they look at the client. Then it is gone, and said so.
func TestServersThatSpendFirst(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	b.WriteRole("r", enginetest.Fields{"next_client_secret": enginetest.Canary + "next"})
	server.Enqueue(clienttest.JSON(401, `{"error":"invalid_client"}`), clienttest.JSON(400, `{"error":"invalid_grant"}`))
	if got := b.NoCreds("r", 400); !strings.Contains(got, "has probably spent the refresh token before it looked at the first: authorize again") {
		t.Error(got)
	}
	if got := b.Data("status/r"); got["reauthorization_required"] != true || !strings.Contains(got["next_step"].(string), "authorize again") {
		t.Errorf("status %v", got)
	}
	if got := b.Data("roles/r")["next_client_secret_set"]; got != true {
		t.Error("the next secret is gone, though nothing has proven it")
	}
}

// An edit while the exchange is under way is the operator's word, and stays.
func TestPromotionLeavesEditsAlone(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	b.WriteRole("r", enginetest.Fields{"next_client_secret": enginetest.Canary + "next"})
	answer, open := enginetest.Gated(enginetest.TokenAnswer("a", ""))
	server.Enqueue(clienttest.JSON(401, `{"error":"invalid_client"}`), answer)
	done := b.StartRead(t.Context(), "r")
	server.WaitFor(2)
	b.Write("roles/r", enginetest.Fields{"client_secret": enginetest.Canary + "third", "next_client_secret": enginetest.Canary + "fourth"})
	open()
	enginetest.Await(t, done)
	enginetest.KnownClient(server, enginetest.BySecret(enginetest.Canary+"third"))
	b.Write("refresh/r", nil)
	if got := b.Data("roles/r")["next_client_secret_set"]; got != true || len(server.Requests()) != 3 {
		t.Errorf("next set: %v, %d requests", got, len(server.Requests()))
	}
}

// Terraform writes what it was told once, again and again. After the change that is the old secret and the
// next one: the one that works stays.
func TestNextCredentialsWrittenAgain(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	enginetest.KnownClient(server, enginetest.BySecret(enginetest.Canary+"next"))
	one, two := enginetest.NewClientCertificate(t, -time.Hour, time.Hour), enginetest.NewClientCertificate(t, -time.Hour, time.Hour)
	same := enginetest.RoleOf("test", enginetest.Fields{
		"next_client_secret": enginetest.Canary + "next", "pfx": one.Pfx, "pfx_password": enginetest.CertificatePassword,
		"next_pfx": two.Pfx, "next_pfx_password": enginetest.CertificatePassword,
	})
	b.Write("roles/r", same)
	b.Read("creds/r")
	if resp := b.Write("roles/r", same); !strings.Contains(strings.Join(warningsOf(resp), "\n"), "client_secret was not taken") ||
		!strings.Contains(strings.Join(warningsOf(resp), "\n"), "next_client_secret is the one in use already") {
		t.Errorf("%v", warningsOf(resp))
	}
	b.Write("refresh/r", nil)
	if n := len(server.Requests()); n != 3 {
		t.Errorf("%d requests, want two and one", n)
	}
	if got := b.Data("roles/r"); got["next_client_secret_set"] != false || got["next_client_certificate_set"] != true {
		t.Errorf("%v", got)
	}
}

// Each is refused in a sentence, and what was there goes on.
func TestBadNextCredentials(t *testing.T) {
	b := enginetest.New(t)
	enginetest.NewGrant(enginetest.NewEndpoint(t, b))
	c, ended := enginetest.NewClientCertificate(t, -time.Hour, time.Hour), enginetest.NewClientCertificate(t, -2*time.Hour, -time.Hour)
	b.WriteRole("secret")
	b.WriteRole("signed", enginetest.Signed(c.Key))
	for _, r := range []struct {
		role string
		f    enginetest.Fields
		want string
	}{
		{"secret", enginetest.Fields{"pfx": c.Pfx, "pfx_password": enginetest.CertificatePassword, "next_pfx": ended.Pfx, "next_pfx_password": enginetest.CertificatePassword}, "next_pfx or next_client_certificate: the client certificate expired"},
		{"secret", enginetest.Fields{"next_pfx": c.Pfx, "next_pfx_password": enginetest.CertificatePassword}, "no certificate that a next one could follow"},
		{"secret", enginetest.Fields{"pfx": c.Pfx, "pfx_password": enginetest.CertificatePassword, "next_pfx": c.Pfx, "next_pfx_password": "zzzzzz"}, "next_pfx_password"},
		{"secret", enginetest.Fields{"next_pfx": c.Pfx, "next_client_certificate": c.Certificate}, "give either next_pfx, or next_client_certificate and next_client_private_key"},
		{"secret", enginetest.Fields{"next_client_certificate": c.Certificate}, "next_client_certificate needs its next_client_private_key"},
		{"secret", enginetest.Fields{"next_assertion_private_key": c.Key}, "next_assertion_private_key would never be used"},
		{"secret", enginetest.Fields{"next_client_secret": "zz\nzz"}, "next_client_secret holds a line break"},
		{"secret", enginetest.Fields{"next_from": "2099-01-01"}, "next_from needs what it is for"},
		{"secret", enginetest.Fields{"next_client_secret": "zzzzzz", "next_from": "tomorrow"}, "next_from must be a date such as"},
		{"secret", enginetest.Fields{"next_assertion_key_id": "zzzzzz"}, "next_assertion_key_id needs its key"},
		{"secret", enginetest.Fields{"next_client_secret": "zzzzzz", "next_assertion_key_id": "zzzzzz"}, "next_assertion_key_id needs its key"},
		{"secret", enginetest.Fields{"next_client_secret": strings.Repeat("zzz", 30<<10)}, "next_client_secret is longer than 64 KiB"},
		{"secret", enginetest.Fields{"next_client_certificate": c.Certificate, "next_client_private_key": ended.Key}, "next credentials: the private key belongs to none"},
		{"signed", enginetest.Fields{"next_client_secret": "zzzzzz"}, "next_client_secret would never be used"},
		{"signed", enginetest.Fields{"next_assertion_private_key": c.Certificate}, "next_assertion_private_key has no private part"},
		{"signed", enginetest.Fields{"next_assertion_private_key": ended.Key + ended.Certificate}, "the certificate of next_assertion_private_key has expired"},
		{"signed", enginetest.Fields{"next_assertion_private_key": enginetest.Fixture(t, "rsa.key"), "token_endpoint_auth_signing_alg": "ES256"}, "next_assertion_private_key: token_endpoint_auth_signing_alg is not for this kind of key"},
		{"signed", enginetest.Fields{"next_assertion_private_key": c.EncryptedKey}, "next_assertion_private_key_password"},
	} {
		before := b.Storage.Contents(t)
		got := b.Refused(enginetest.WriteOp, "roles/"+r.role, r.f)
		if !strings.Contains(got, r.want) || strings.Contains(got, "zzz") || strings.Contains(got, "next_next") || strings.Contains(got, "tomorrow") {
			t.Errorf("%s, want %s", got, r.want)
		}
		if enginetest.Plain(b.Storage.Contents(t)) != enginetest.Plain(before) {
			t.Errorf("%s: storage has changed", r.want)
		}
	}
}

// What an operator writes while an exchange with the next secret is under way is what counts: the exchange has
// proven the next one, but not that it may take the place of something that was written since.
func TestPromotionDoesNotUndoAnEdit(t *testing.T) {
	for name, edit := range map[string]enginetest.Fields{
		"a new secret":   {"client_secret": enginetest.Canary + "third"},
		"another client": {"client_id": "other", "refresh_token": enginetest.Canary + "others"},
	} {
		t.Run(name, func(t *testing.T) {
			b := enginetest.New(t)
			server := enginetest.NewEndpoint(t, b)
			b.WriteRole("r", enginetest.Fields{"next_client_secret": enginetest.Canary + "next"})
			answer, open := enginetest.Gated(enginetest.TokenAnswer("a", ""))
			server.Enqueue(clienttest.JSON(401, `{"error":"invalid_client"}`), answer)
			done := b.StartRead(t.Context(), "r")
			server.WaitFor(2)
			b.Write("roles/r", edit)
			open()
			enginetest.Await(t, done)
			r, err := role.Get(t.Context(), b.Storage, "r")
			if err != nil {
				t.Fatal(err)
			}
			want := enginetest.Canary + "secret"
			if edit["client_secret"] != nil {
				want = enginetest.Canary + "third"
			}
			enginetest.SecretIs(t, "the secret in use", r.ClientSecret, want)
			enginetest.SecretIs(t, "the next one", r.Next.ClientSecret, enginetest.Canary+"next")
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
		b := enginetest.New(t)
		server := enginetest.NewEndpoint(t, b)
		b.WriteRole("r", enginetest.Fields{"next_client_secret": enginetest.Canary + "next", "previous_client_secret": enginetest.Canary + "previous"})
		server.Enqueue(answer)
		b.Failure(logical.ReadOperation, "creds/r", nil)
		if n := len(server.Requests()); n != 1 {
			t.Errorf("%s: %d exchanges", name, n)
		}
	}
}

// A secret that is there twice is presented once, and the one that worked last first.
func TestEachSecretIsTriedOnce(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	enginetest.KnownClient(server, enginetest.BySecret("nobody's"))
	b.WriteRole("r", enginetest.Fields{"next_client_secret": enginetest.Canary + "secret", "previous_client_secret": enginetest.Canary + "secret"})
	b.NoCreds("r", 400)
	if n := len(server.Requests()); n != 1 {
		t.Errorf("%d exchanges with one secret", n)
	}
}

// The way out when something has leaked, and the end of a lease, must not wait for the next refresh.
func TestRevocationTriesTheNextSecret(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	enginetest.KnownClient(server, enginetest.BySecret(enginetest.Canary+"secret"))
	b.WriteRole("r", enginetest.Fields{"next_client_secret": enginetest.Canary + "next"})
	b.Read("creds/r")
	enginetest.KnownClient(server, enginetest.BySecret(enginetest.Canary+"next"))
	b.Write("revoke/r", nil)
	if got := b.Data("status/r")["state"]; got != grant.StateDead {
		t.Errorf("state %v", got)
	}
}

// Terraform names the certificate that has ended beside the one that has taken its place.
func TestTheSameConfigurationAfterTheFirstCertificateHasEnded(t *testing.T) {
	ended, live := enginetest.NewClientCertificate(t, -2*time.Hour, -time.Hour), enginetest.NewClientCertificate(t, -time.Hour, time.Hour)
	b := enginetest.New(t)
	enginetest.NewEndpoint(t, b)
	b.WriteRole("r", enginetest.Fields{"pfx": live.Pfx, "pfx_password": enginetest.CertificatePassword})
	b.Write("roles/r", enginetest.Fields{
		"pfx": ended.Pfx, "pfx_password": enginetest.CertificatePassword, "next_pfx": live.Pfx, "next_pfx_password": enginetest.CertificatePassword,
	})
	checkCertificateShown(t, b, live)
	b.Rejects(enginetest.WriteOp, "roles/r", enginetest.Fields{"pfx": ended.Pfx, "pfx_password": enginetest.CertificatePassword}, "expired")
}

// The id of a key goes with it: the old one's would name the wrong key.
func TestKeyIDsFollowTheirKeys(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	one, two := enginetest.NewClientCertificate(t, -time.Hour, time.Hour), enginetest.NewClientCertificate(t, -time.Hour, time.Hour)
	server.Handle(func(r *clienttest.Request) clienttest.Answer {
		if !signedBy(r.Form.Get("client_assertion"), two.Certificate) {
			return clienttest.JSON(401, `{"error":"invalid_client"}`)
		}
		return enginetest.TokenAnswer("a", "")
	})
	b.WriteRole("r", enginetest.Signed("", enginetest.Fields{
		"assertion_private_key": "", "pfx": one.Pfx, "pfx_password": enginetest.CertificatePassword, "assertion_key_id": "first",
		"next_pfx": two.Pfx, "next_pfx_password": enginetest.CertificatePassword,
	}))
	b.Read("creds/r")
	if got := b.Data("roles/r")["assertion_key_id"]; got != "" {
		t.Errorf("the key of the next certificate goes by %v", got)
	}
	b.WriteRole("s", enginetest.Signed(one.Key, enginetest.Fields{"assertion_key_id": "first"}))
	if got := strings.Join(warningsOf(b.Write("roles/s", enginetest.Fields{"assertion_private_key": two.Key})), "\n"); !strings.Contains(got, "assertion_key_id was kept") {
		t.Errorf("warned of %q", got)
	}
}
