package client

import (
	"crypto/x509"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// A sentence is about the endpoint that was asked, and names the field that holds its URL.
func TestSentencesAreAboutTheEndpointThatWasAsked(t *testing.T) {
	for _, c := range []struct {
		answer clienttest.Answer
		method string
		want   string // with the token endpoint's names
	}{
		{clienttest.Answer{Status: 404}, AuthPost, "there is no token endpoint at this URL: check token_endpoint and provider_params"},
		{clienttest.Answer{Status: 302}, AuthPost, "the token endpoint answered with a redirect, which is never followed because the request holds secrets: write the address it moved to into token_endpoint"},
		{clienttest.JSON(401, `{"error":"invalid_client"}`), AuthPost, "the token endpoint refused the client: check client_id, client_secret and token_endpoint_auth_method (invalid_client)"},
		{clienttest.JSON(400, `{"error":"invalid_request"}`), AuthPost, "the token endpoint found the request malformed: check request_format, token_endpoint_auth_method, token_params and token_headers (invalid_request)"},
		{clienttest.JSON(401, `{"error":"invalid_client"}`), AuthTLS, "the token endpoint does not ask for the client certificate, which is what proves this client: " +
			"write the URL that the provider has for mutual TLS into mtls_endpoint_aliases, under token_endpoint (RFC 8705 section 5) (invalid_client)"},
		{clienttest.Answer{Drop: true}, AuthPost, "the connection to the token endpoint broke after the request was sent and before an answer came"},
	} {
		s := clienttest.New(t, clienttest.Options{})
		s.Enqueue(c.answer, c.answer)
		request := func() *Request {
			r := refresh(s)
			r.Provider.TokenEndpointAuthMethod = c.method
			r.Identity = newTestIdentity(t)
			return r
		}
		_, err := Exchange(t.Context(), trusting(), request())
		if err == nil || err.Error() != c.want {
			t.Errorf("an exchange says\n%v, want\n%s", err, c.want)
		}
		want := strings.NewReplacer("token_endpoint_auth", "token_endpoint_auth", "token endpoint", "revocation endpoint", "token_endpoint", "revocation_endpoint").Replace(c.want)
		if err := Revoke(t.Context(), trusting(), request(), NewSecret("the-token"), ""); err == nil || err.Error() != want {
			t.Errorf("a revocation says\n%v, want\n%s", err, want)
		}
	}
	s := clienttest.New(t, clienttest.Options{})
	o := Options{RootCAs: x509.NewCertPool()}
	_, exchanged := Exchange(t.Context(), o, refresh(s))
	revoked := Revoke(t.Context(), o, refresh(s), NewSecret("the-token"), "")
	_, discovered := Discover(t.Context(), o, s.URL())
	_, probed := Probe(t.Context(), o, refresh(s))
	_, began := AuthorizeDevice(t.Context(), o, refresh(s))
	_, _, pushed := PushAuthorization(t.Context(), o, refresh(s), request())
	_, verified := VerifyIDToken(t.Context(), o, idTokenRequest(s, signed(t, jose.RS256, testRSA(), "k", rightClaims(nil))))
	for at, err := range map[string]error{
		"token endpoint": exchanged, "revocation endpoint": revoked, "issuer": discovered, "token endpoint ": probed,
		"device authorization endpoint": began, "endpoint for pushed authorization requests": pushed, "key server": verified,
	} {
		if want := "the " + strings.TrimSpace(at) + "'s certificate is signed by an unknown authority"; err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// No sentence leaves with a name that is not filled in.
func TestSentencesAreFilledIn(t *testing.T) {
	s := clienttest.New(t, clienttest.Options{AskForClientCertificate: true})
	s.Enqueue(clienttest.Text(403, "text/html", "<html>forbidden</html>"), clienttest.Answer{Status: 302})
	certified := refresh(s)
	certified.Identity = newTestIdentity(t)
	found, err := Probe(t.Context(), trusting(), certified)
	if want := "the token endpoint, or a server in front of it, refused the request with status 403"; err != nil || !strings.HasPrefix(found.Doubt, want) {
		t.Errorf("a probe says %q, %v", found.Doubt, err)
	}
	_, err = Probe(t.Context(), trusting(), certified)
	if want := "the token endpoint answered with a redirect"; err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "{") {
		t.Errorf("a probe says %v", err)
	}
	r := refresh(s)
	for _, method := range authMethods {
		r.Provider.TokenEndpointAuthMethod = method
		if text := r.Refused() + r.NotAsked(); strings.Contains(text, "{") || !strings.HasPrefix(text, "the token endpoint refused") {
			t.Errorf("%s: %s", method, text)
		}
	}
}
