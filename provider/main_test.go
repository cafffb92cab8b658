package provider

import (
	"os"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client"
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

// trusting are options that trust the tests' servers.
func trusting() client.Options { return client.Options{RootCAs: clienttest.Pool()} }

// newTestIdentity is a client certificate that servers with RequireClientCertificate accept.
func newTestIdentity(t *testing.T) *client.Identity {
	t.Helper()
	certificate, key := clienttest.ClientCertificate("application")
	id, err := client.ParsePEM(string(certificate), client.NewSecret(string(key)), client.Secret{})
	if err != nil {
		t.Fatal(err)
	}
	return id
}
