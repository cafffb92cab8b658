package front_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/sandbox"
	"vault-plugin-secrets-oauthrefresh/sandbox/sandboxtest"
)

// connect asks the proxy for a tunnel and gives the status and the connection.
func connect(b *sandboxtest.Bench, target string) (int, net.Conn) {
	b.T.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(b.Env["SANDBOX_PROXY"], "http://"))
	if err != nil {
		b.T.Fatal(err)
	}
	b.T.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, target)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		b.T.Fatal(err)
	}
	return resp.StatusCode, conn
}

// Nothing leaves the machine: every target but the providers' own names is refused, this machine's ports
// included.
func TestProxyRefuses(t *testing.T) {
	b := sandboxtest.New(t)
	for _, target := range []string{
		"example.com:443", "169.254.169.254:80", strings.TrimPrefix(b.Env["SANDBOX_API"], "http://"), "localhost:22",
		"api.ibanity.com:80", "api.ibanity.com:8443", "evil-api.ibanity.com:443", "api.ibanity.com.evil.example:443",
		".my.salesforce.com:443", "my.salesforce.com:443", "evilmy.salesforce.com:443", "[::1]:443",
	} {
		if status, _ := connect(b, target); status != 403 {
			t.Errorf("%s: %d", target, status)
		}
	}
	resp, err := http.Get(b.Env["SANDBOX_PROXY"] + "/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 403 {
		t.Errorf("no CONNECT: %d", resp.StatusCode)
	}
}

// A tunnel is good for the host that it was opened to, in the handshake and in the request.
func TestTunnelIsForOneHost(t *testing.T) {
	b := sandboxtest.New(t)
	_, conn := connect(b, "api.pandadoc.com:443")
	if err := tls.Client(conn, &tls.Config{ServerName: "apiv2.keliweb.it", RootCAs: b.Roots}).Handshake(); err == nil {
		t.Error("another SNI was served")
	}
	_, conn = connect(b, "api.pandadoc.com:443")
	c := tls.Client(conn, &tls.Config{ServerName: "api.pandadoc.com", RootCAs: b.Roots})
	fmt.Fprint(c, "POST /oauth/token HTTP/1.1\r\nHost: apiv2.keliweb.it\r\nContent-Length: 0\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("another Host: %d", resp.StatusCode)
	}
}

// The endpoints directly, the provider named by the first part of the path.
func TestDirect(t *testing.T) {
	b := sandboxtest.New(t)
	for provider, path := range map[string]string{
		"keliweb": "/keliweb/oauth/token", "pandadoc": "/pandadoc/oauth2/access_token",
		"salesforce": "/salesforce/services/oauth2/token", "pingone": "/pingone/" + b.Env["PINGONE_ENVIRONMENT_ID"] + "/as/token",
	} {
		r := b.Good(provider, b.Initial(provider))
		r.URL = b.Env["SANDBOX_URL"] + path
		b.Want(200, "", r)
	}
	b.Want(404, "", sandboxtest.Request{URL: b.Env["SANDBOX_URL"] + "/nobody/token"})
	b.Want(404, "", sandboxtest.Request{URL: b.Env["SANDBOX_URL"] + "/oauth/token"})
}

func TestLoopbackOnly(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "localhost", "example.com:0"} {
		for _, o := range []sandbox.Options{{Proxy: addr}, {Direct: addr}, {API: addr}} {
			if s, err := sandbox.Start(t.Context(), o); err == nil {
				s.Close()
				t.Errorf("listens on %s: %+v", addr, o)
			}
		}
	}
}
