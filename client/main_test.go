package client

import (
	"os"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// proxy leads the providers' true host names to the tests' own servers. It must be in the
// environment before the first exchange: net/http reads HTTPS_PROXY once.
var proxy *clienttest.Proxy

func TestMain(m *testing.M) {
	started, stop := clienttest.StartProxy()
	proxy = started
	_ = os.Setenv("HTTPS_PROXY", proxy.URL())
	_ = os.Unsetenv("NO_PROXY")
	_ = os.Unsetenv("no_proxy")
	code := m.Run()
	stop()
	os.Exit(code)
}

// refresh is the request that most tests make: a plain provider at the server's /token.
func refresh(s *clienttest.Server) *Request {
	return &Request{
		Provider: &Provider{TokenEndpointAuthMethod: AuthPost}, Endpoint: s.URL() + "/token",
		GrantType: GrantRefreshToken, ClientID: "the-client", ClientSecret: NewSecret("the-client-secret"),
		RefreshToken: NewSecret("the-refresh-token"),
	}
}

// trusting are options that trust the tests' servers.
func trusting() Options { return Options{RootCAs: clienttest.Pool()} }

// newTestIdentity is a client certificate that servers with RequireClientCertificate accept.
func newTestIdentity(t *testing.T) *Identity {
	t.Helper()
	certificate, key := clienttest.ClientCertificate("application")
	id, err := ParsePEM(string(certificate), NewSecret(string(key)), Secret{})
	if err != nil {
		t.Fatal(err)
	}
	return id
}
