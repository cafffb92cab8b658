package grant_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// wrongSecret are the ways in which servers say that a client secret is wrong.
var wrongSecret = map[string]clienttest.Answer{
	"Keycloak":  clienttest.JSON(401, `{"error":"unauthorized_client","error_description":"Invalid client or Invalid client credentials"}`),
	"Atlassian": clienttest.JSON(401, `{"error":"access_denied","error_description":"Unauthorized"}`),
	"Slack":     clienttest.JSON(200, `{"ok":false,"error":"bad_client_secret"}`),
	"GitHub":    clienttest.JSON(200, `{"error":"incorrect_client_credentials"}`),
	"a form":    clienttest.Text(200, "application/x-www-form-urlencoded", "error=incorrect_client_credentials&error_description=x"),
	"UAA":       clienttest.JSON(401, `{"error":"unauthorized","error_description":"Bad credentials"}`),
	"Spring":    clienttest.JSON(401, `{"timestamp":"x","status":401,"error":"Unauthorized","path":"/token"}`),
}

// Whatever the provider calls a wrong secret, the one that waits is tried, takes its place, and costs the grant nothing.
func TestAWrongSecretInEachProvidersWords(t *testing.T) {
	for name, answer := range wrongSecret {
		t.Run(name, func(t *testing.T) {
			b := enginetest.New(t)
			server := enginetest.NewEndpoint(t, b)
			grant := clienttest.NewRotation(enginetest.FirstToken)
			server.Handle(func(r *clienttest.Request) clienttest.Answer {
				if !enginetest.BySecret(enginetest.Canary + "next")(r) {
					return answer
				}
				return grant.Answer(r)
			})
			b.WriteRole("r", enginetest.Fields{"next_client_secret": enginetest.Canary + "next"})
			b.Read("creds/r")
			b.Write("refresh/r", nil)
			if n := len(server.Requests()); n != 3 || grant.Reused() || b.Data("roles/r")["next_client_secret_set"] != nil {
				t.Errorf("%d requests, want two and one; reused %t; %v", n, grant.Reused(), b.Data("roles/r")["next_client_secret_set"])
			}
		})
	}
}

// A used refresh token in the same words: the successor is tried once, nothing is promoted, and the sentence names
// both. What permanent_errors would have to hold is in the status where the provider has more to say.
func TestAUsedRefreshTokenInTheWordsOfAWrongSecret(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	b.WriteRole("r", enginetest.Fields{"next_client_secret": enginetest.Canary + "next"})
	server.Handle(func(*clienttest.Request) clienttest.Answer {
		return clienttest.JSON(401, `{"error":"unauthorized_client","error_description":"Old refresh token used."}`)
	})
	text := b.NoCreds("r", 400)
	for _, want := range []string{"client_secret", "the refresh token", "are refused too", "whether it is the refresh token that was refused is unknown", "authorize again"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	if n := len(server.Requests()); n != 2 || b.Data("roles/r")["next_client_secret_set"] != true || b.Data("status/r")["client_secret_in_use"] != "client_secret" {
		t.Errorf("%d requests; %v", n, b.Data("status/r"))
	}
	if got := fmt.Sprint(b.Data("status/r")); !strings.Contains(got, "unauthorized_client: old refresh token used") || strings.Contains(got, "reauthorization_required:true") {
		t.Error(got)
	}
}

// The successor is not registered yet, and the one in use is right: the word for the successor says nothing, the one
// before it does.
func TestASuccessorThatIsUnknownDoesNotHideTheRefreshToken(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	b.WriteRole("r", enginetest.Fields{"next_client_secret": enginetest.Canary + "next"})
	server.Enqueue(clienttest.JSON(401, `{"error":"unauthorized_client","error_description":"Old refresh token used."}`), clienttest.JSON(401, `{"error":"invalid_client"}`))
	if text := b.NoCreds("r", 400); !strings.Contains(text, "unauthorized_client") || !strings.Contains(text, "used or expired") {
		t.Error(text)
	}
}

// An answer that brings something, and a 5xx, prove nothing: no second exchange.
func TestWordsThatProveNothing(t *testing.T) {
	for name, answer := range map[string]clienttest.Answer{
		"beside a token":         clienttest.JSON(200, `{"access_token":"a","error":"invalid_client"}`),
		"beside a refresh token": clienttest.JSON(200, `{"refresh_token":"`+enginetest.Canary+`other","error":"bad_client_secret"}`),
		"in the midst of work":   clienttest.JSON(500, `{"error":"invalid_client"}`),
		"not 401":                clienttest.JSON(403, `{"error":"unauthorized"}`),
		"half of it":             clienttest.JSON(401, `{"error":"unauthorized_client"`),
		"a page":                 clienttest.Text(401, "text/html", `<p>unauthorized</p>`),
		"a gateway's message":    clienttest.JSON(401, `{"message":"Unauthorized"}`),
	} {
		t.Run(name, func(t *testing.T) {
			b := enginetest.New(t)
			server := enginetest.NewEndpoint(t, b)
			b.WriteRole("r", enginetest.Fields{"next_client_secret": enginetest.Canary + "next"})
			server.Enqueue(answer)
			b.Failure(logical.ReadOperation, "creds/r", nil)
			if n := len(server.Requests()); n != 1 {
				t.Errorf("%d exchanges", n)
			}
		})
	}
}

const (
	nginxPage = "<html><head><title>400 The SSL certificate error</title></head><body><center><h1>400 Bad Request</h1></center>" +
		"<center>The SSL certificate error</center><hr><center>nginx</center></body></html>"
	nginxNone = "<html><head><title>400 No required SSL certificate was sent</title></head><body></body></html>"
)

// refusedByPage are refusals of a certificate over HTTP.
var refusedByPage = map[string]clienttest.Answer{
	"nginx":   {Raw: "HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Type: text/html\r\nContent-Length: " + fmt.Sprint(len(nginxPage)) + "\r\nConnection: close\r\n\r\n" + nginxPage},
	"gateway": clienttest.JSON(403, `{"message":"Forbidden"}`),
	"error":   clienttest.JSON(403, `{"error":"Forbidden"}`),
	"IIS":     clienttest.Text(403, "text/html", "<h2>403 - Forbidden: Access is denied.</h2>"),
	"empty":   {Status: 403},
	"own":     clienttest.Text(495, "text/html", "<p>no</p>"),
}

// certified is an endpoint that asks everybody for a certificate, and a role that has one and a next one.
func certified(t *testing.T, options clienttest.Options, others ...enginetest.Fields) (*enginetest.Mount, *clienttest.Server, *enginetest.ClientCertificate) {
	t.Helper()
	one, two := enginetest.NewClientCertificate(t, -time.Hour, time.Hour), enginetest.NewClientCertificate(t, -time.Hour, time.Hour)
	b := enginetest.New(t)
	options.AskForClientCertificate = true
	server := clienttest.New(t, options)
	b.Write("config", enginetest.Fields{"ca_certificate": string(clienttest.CAPEM())})
	b.Write("providers/test", enginetest.Fields{"token_endpoint": server.URL() + "/token"})
	b.WriteRole("r", append([]enginetest.Fields{{
		"client_secret": nil, "token_endpoint_auth_method": "tls_client_auth", "pfx": one.Pfx, "pfx_password": enginetest.CertificatePassword,
		"next_pfx": two.Pfx, "next_pfx_password": enginetest.CertificatePassword,
	}}, others...)...)
	return b, server, two
}

func shows(t *testing.T, c *enginetest.ClientCertificate, r *clienttest.Request) bool {
	t.Helper()
	return len(r.PeerCertificates) > 0 && r.PeerCertificates[0].Equal(enginetest.MustParse(t, enginetest.DerOf(c.Certificate)))
}

// A certificate that is refused over HTTP: the next one is tried, once, and takes its place.
func TestACertificateThatIsRefusedByAPage(t *testing.T) {
	for name, answer := range refusedByPage {
		t.Run(name, func(t *testing.T) {
			b, server, next := certified(t, clienttest.Options{})
			grant := clienttest.NewRotation(enginetest.FirstToken)
			server.Handle(func(r *clienttest.Request) clienttest.Answer {
				if !shows(t, next, r) {
					return answer
				}
				return grant.Answer(r)
			})
			b.Read("creds/r")
			b.Write("refresh/r", nil)
			if n := len(server.Requests()); n != 3 || grant.Reused() || b.Data("roles/r")["next_client_certificate_set"] != nil {
				t.Errorf("%d requests, want two and one", n)
			}
		})
	}
}

// Both are refused, or there is one only: the outcome is unknown, and the certificate is named.
func TestACertificateThatMayBeRefusedIsNamed(t *testing.T) {
	for name, answer := range refusedByPage {
		for _, next := range []bool{true, false} {
			t.Run(fmt.Sprint(name, " next ", next), func(t *testing.T) {
				var f enginetest.Fields
				if !next {
					f = enginetest.Fields{"next_pfx": nil, "next_pfx_password": nil}
				}
				b, server, _ := certified(t, clienttest.Options{}, f)
				server.Handle(func(*clienttest.Request) clienttest.Answer { return answer })
				text := b.NoCreds("r", 502)
				if !strings.Contains(text, "asked for the client certificate") || !strings.Contains(text, "whether the provider has spent the refresh token is unknown") || next != strings.Contains(text, "is refused too") {
					t.Error(text)
				}
				if n := len(server.Requests()); n != map[bool]int{true: 2, false: 1}[next] {
					t.Errorf("%d requests", n)
				}
				if got := b.Data("rehearse/r"); got["passed"] != false || !strings.Contains(fmt.Sprint(got["client_certificate"]), "client certificate") {
					t.Errorf("%v", got)
				}
			})
		}
	}
}

// A role without a certificate is told to write one.
func TestACertificateThatIsMissingIsNamed(t *testing.T) {
	b := enginetest.New(t)
	server := clienttest.New(t, clienttest.Options{AskForClientCertificate: true})
	b.Write("config", enginetest.Fields{"ca_certificate": string(clienttest.CAPEM())})
	b.Write("providers/test", enginetest.Fields{"token_endpoint": server.URL() + "/token"})
	b.WriteRole("r")
	server.Handle(func(*clienttest.Request) clienttest.Answer { return clienttest.Text(400, "text/html", nginxNone) })
	if text := b.NoCreds("r", 502); !strings.Contains(text, "write pfx, or client_certificate") {
		t.Error(text)
	}
	if got := b.Data("rehearse/r"); got["passed"] != false || !strings.Contains(fmt.Sprint(got["client_certificate"]), "write pfx") {
		t.Errorf("%v", got)
	}
}

// What has a code, or asks for other credentials, is about something else: nothing is sent twice, and a rehearsal says
// that the certificate was accepted.
func TestAnAnswerThatIsNotAboutTheCertificate(t *testing.T) {
	for name, answer := range map[string]clienttest.Answer{
		"a code":         clienttest.JSON(400, `{"error":"invalid_request"}`),
		"its own code":   clienttest.JSON(403, `{"error":"account_locked"}`),
		"a challenge":    clienttest.Answer{Status: 401}.With("WWW-Authenticate", "Basic"),
		"another status": clienttest.Text(404, "text/html", "<p>no</p>"),
		"busy":           clienttest.Text(503, "text/html", "<p>busy</p>"),
		"broken off":     clienttest.JSON(403, `{"error":"inva`),
	} {
		t.Run(name, func(t *testing.T) {
			b, server, _ := certified(t, clienttest.Options{})
			server.Handle(func(*clienttest.Request) clienttest.Answer { return answer })
			b.Failure(logical.ReadOperation, "creds/r", nil)
			if n := len(server.Requests()); n != 1 {
				t.Errorf("%d exchanges", n)
			}
			if got := b.Data("rehearse/r")["client_certificate"]; got != "accepted" {
				t.Errorf("%v", got)
			}
		})
	}
}

// A page may be anybody's: when the exchange after it brings nothing, the outcome of the first stays unknown.
func TestAnOutcomeThatAPageLeavesUnknownStaysUnknown(t *testing.T) {
	b, server, _ := certified(t, clienttest.Options{})
	server.Enqueue(refusedByPage["IIS"], clienttest.JSON(429, `{}`))
	if text := b.NoCreds("r", 503); !strings.Contains(text, "whether the provider has spent the refresh token is unknown") {
		t.Error(text)
	}
	if b.Stored("r").Intent == nil {
		t.Error("the intent is gone")
	}
}

// A connection that ends after the request says nothing: it is named, and nothing is sent again; where a second use
// does no harm, the next certificate follows.
func TestAResetIsNamedOnly(t *testing.T) {
	for rotation, want := range map[string]int{"always": 1, "sometimes": 1, "never": 3} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(rotation+" "+tls.VersionName(version), func(t *testing.T) {
				b, server, next := certified(t, clienttest.Options{MaxTLSVersion: version})
				b.Write("providers/test", enginetest.Fields{"refresh_token_rotation": rotation})
				server.Handle(func(r *clienttest.Request) clienttest.Answer {
					if !shows(t, next, r) {
						return clienttest.Answer{Drop: true}
					}
					return enginetest.TokenAnswer("a", "")
				})
				if want == 1 {
					if text := b.NoCreds("r", 502); !strings.Contains(text, "asked for the client certificate") {
						t.Error(text)
					}
					if got := b.Data("rehearse/r"); got["passed"] != false || !strings.Contains(fmt.Sprint(got["client_certificate"]), "may be that which it refuses") {
						t.Errorf("%v", got)
					}
				} else {
					b.Read("creds/r")
				}
				posts := 0
				for _, r := range server.Requests() {
					if r.Method == "POST" {
						posts++
					}
				}
				if posts != want {
					t.Errorf("%d exchanges, want %d", posts, want)
				}
			})
		}
	}
}

// Where the handshake itself is cut, nothing was sent, and the next certificate is tried.
func TestAHandshakeThatIsCutTriesTheNextCertificate(t *testing.T) {
	b, server, next := certified(t, clienttest.Options{MaxTLSVersion: tls.VersionTLS12})
	server.CutHandshakeUnless(enginetest.MustParse(t, enginetest.DerOf(next.Certificate)))
	grant := clienttest.NewRotation(enginetest.FirstToken)
	server.Handle(grant.Answer)
	b.Read("creds/r")
	if n := len(server.Requests()); n != 1 || server.Connections() != 2 || b.Data("roles/r")["next_client_certificate_set"] != nil {
		t.Errorf("%d requests, %d connections", n, server.Connections())
	}
}

// A certificate that is the authentication and that nobody asks for proves nothing: the rehearsal fails and says
// where to write the endpoint that does, and so does the exchange.
func TestACertificateThatNobodyAsksFor(t *testing.T) {
	c := enginetest.NewClientCertificate(t, -time.Hour, time.Hour)
	for _, method := range []string{"tls_client_auth", "self_signed_tls_client_auth"} {
		b := enginetest.New(t)
		server := enginetest.NewEndpoint(t, b)
		server.Handle(func(*clienttest.Request) clienttest.Answer { return clienttest.JSON(401, `{"error":"invalid_client"}`) })
		b.WriteRole("r", enginetest.Fields{"client_secret": nil, "token_endpoint_auth_method": method, "pfx": c.Pfx, "pfx_password": enginetest.CertificatePassword})
		if got := b.Data("rehearse/r"); got["passed"] != false || !strings.Contains(fmt.Sprint(got["client_certificate"]), "mtls_endpoint_aliases, under token_endpoint (RFC 8705 section 5), in providers/test") {
			t.Errorf("%v", got)
		}
		if text := b.NoCreds("r", 400); !strings.Contains(text, "does not ask for the client certificate") {
			t.Error(text)
		}
		server.Handle(func(*clienttest.Request) clienttest.Answer { return clienttest.Text(403, "text/html", "<h1>no</h1>") })
		b.WriteRole("page", enginetest.Fields{"client_secret": nil, "token_endpoint_auth_method": method, "pfx": c.Pfx, "pfx_password": enginetest.CertificatePassword})
		if text := b.NoCreds("page", 503); !strings.Contains(text, "does not ask for the client certificate") {
			t.Error(text)
		}
		if _, text := b.Failure(logical.UpdateOperation, "revoke/r", nil); !strings.Contains(text, "mtls_endpoint_aliases, under revocation_endpoint") {
			t.Error(text)
		}
	}
}

// A client without a secret, where the provider's definition allows it: with an empty password, and with client_id
// beside it. Elsewhere a secret is asked for.
func TestASecretIsOptionalWhereTheProviderSaysSo(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b, enginetest.Fields{"token_endpoint_auth_method": "client_secret_basic", "client_secret_optional": true, "send_client_id": true})
	enginetest.NewGrant(server)
	b.WriteRole("r", enginetest.Fields{"client_secret": nil})
	b.Read("creds/r")
	r := server.Requests()[0]
	if user, password, ok := basicOf(r); !ok || user != "the-client" || password != "" || r.Form.Get("client_id") != "the-client" {
		t.Errorf("sent %s", r.Raw)
	}
	b.Write("providers/test", enginetest.Fields{"token_endpoint_auth_method": "client_secret_jwt"})
	if _, text := b.Failure(logical.UpdateOperation, "roles/s", enginetest.RoleOf("test", enginetest.Fields{"client_secret": nil})); !strings.Contains(text, "client_secret is required") {
		t.Error(text)
	}
}

func basicOf(r *clienttest.Request) (user, password string, ok bool) {
	return (&http.Request{Header: r.Header}).BasicAuth()
}

// A key that comes without the certificate that the provider wants to be told of is refused at the write.
func TestAKeyNeedsTheCertificateThatAssertionsName(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b, enginetest.Fields{"token_endpoint_auth_method": "private_key_jwt", "assertion_certificate_headers": "x5t", "assertion_type": "client-authentication+jwt"})
	enginetest.NewGrant(server)
	c := enginetest.NewClientCertificate(t, -time.Hour, time.Hour)
	if _, text := b.Failure(logical.UpdateOperation, "roles/r", enginetest.RoleOf("test", enginetest.Fields{"client_secret": nil, "assertion_private_key": c.Key})); !strings.Contains(text, "assertion_certificate_headers") {
		t.Error(text)
	}
	b.WriteRole("r", enginetest.Fields{"client_secret": nil, "assertion_private_key": c.Key + c.Certificate})
	b.Read("creds/r")
	header, _, _ := strings.Cut(server.Requests()[0].Form.Get("client_assertion"), ".")
	if got := enginetest.Decoded(t, header); !strings.Contains(got, `"x5t":`) || strings.Contains(got, "x5t#S256") || !strings.Contains(got, `"typ":"client-authentication+jwt"`) {
		t.Error(got)
	}
}

// The revocation endpoint is addressed as the definition names it.
func TestARevocationEndpointIsAddressedItself(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b, enginetest.Fields{"token_endpoint_auth_method": "private_key_jwt", "revocation_assertion_audience": "revocation_endpoint"})
	enginetest.NewGrant(server)
	b.WriteRole("r", enginetest.Fields{"client_secret": nil, "assertion_private_key": enginetest.NewClientCertificate(t, -time.Hour, time.Hour).Key})
	b.Read("creds/r")
	b.Write("revoke/r", nil)
	for i, path := range []string{"/token", "/revoke"} {
		claims := strings.Split(server.Requests()[i].Form.Get("client_assertion"), ".")[1]
		if got := enginetest.Decoded(t, claims); !strings.Contains(got, `"aud":"`+server.URL()+path+`"`) {
			t.Errorf("%s: %s", path, got)
		}
	}
}
