package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// An Apache that wants a certificate for one path asks for it once it has seen the request: in TLS 1.2 by
// renegotiation, which is done once for a role that has one; in TLS 1.3 in a way that Go does not offer, which is told.
// Behind it is a server that takes a refresh token once.
func TestApacheAsksForACertificateLater(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	canaries.add("password of the fixtures", identitiesPassword)
	stranger, strangersKey := selfSigned(t, "p256")
	pfx := `pfx="$(base64 -w0 "$PFX")" pfx_password="$PASSWORD"`
	next := `next_pfx="$(base64 -w0 "$PFX")" next_pfx_password="$PASSWORD"`
	for _, c := range []struct{ name, protocol, certificate string }{
		{"shown", "TLSv1.2", pfx},
		{"the-next-one", "TLSv1.2", `client_certificate=@"$CERT" client_private_key=@"$KEY" ` + next},
		{"missing", "TLSv1.2", ""},
		{"refused", "TLSv1.2", `client_certificate=@"$CERT" client_private_key=@"$KEY"`},
		{"later", "TLSv1.3", pfx},
	} {
		t.Run(c.name, func(t *testing.T) {
			backend := newSpending(t)
			url, ca := startHTTPD(t, c.protocol, backend.URL)
			sh := l.forTest(t).with("URL="+url, "CA="+ca, "PFX="+fixture(t, "modern.pfx"), "PASSWORD="+identitiesPassword, "CERT="+stranger, "KEY="+strangersKey)
			sh.run(`vault write oauth/providers/apache-` + c.name + ` token_endpoint="$URL/token" token_endpoint_auth_method=client_secret_post`)
			sh.run(`vault write oauth/roles/` + c.name + ` provider=apache-` + c.name + ` client_id=c client_secret=s refresh_token=r-0 ca_certificate=@"$CA" ` + c.certificate)
			switch c.name {
			case "shown", "the-next-one":
				for range 3 {
					sh.run("vault write -force oauth/refresh/" + c.name)
				}
				if n := backend.used.Load(); n != 3 {
					t.Errorf("%d refreshes behind the httpd", n)
				}
				sh.read("oauth/rehearse/"+c.name).want(t, map[string]string{"client_certificate": "accepted", "passed": "true"})
				return
			case "missing":
				if text := sh.refused(400, "vault read oauth/creds/missing"); !strings.Contains(text, "renegotiation") || !strings.Contains(text, "write pfx") {
					t.Error(text)
				}
			case "refused":
				if text := sh.refused(400, "vault read oauth/creds/refused"); !strings.Contains(text, "refused the client certificate") {
					t.Error(text)
				}
			case "later":
				if text := sh.refused(400, "vault read oauth/creds/later"); !strings.Contains(text, "post-handshake authentication of TLS 1.3") {
					t.Error(text)
				}
			}
			if n := backend.used.Load(); n != 0 {
				t.Errorf("%d requests came through", n)
			}
			if got := sh.read("oauth/rehearse/" + c.name); got.get("passed") != "false" || got.get("client_certificate") == "accepted" {
				t.Errorf("%v", got.Data)
			}
		})
	}
}

// spending is a token endpoint whose refresh tokens are r-0, r-1 and so on, each good for one use.
type spending struct {
	*httptest.Server
	used atomic.Int64
}

func newSpending(t *testing.T) *spending {
	s := new(spending)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Method != http.MethodPost {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		n := s.used.Add(1)
		if r.FormValue("refresh_token") != fmt.Sprintf("r-%d", n-1) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
			return
		}
		fmt.Fprintf(w, `{"access_token":"a-%d","expires_in":3600,"refresh_token":"r-%d"}`, n, n)
	}))
	t.Cleanup(s.Close)
	return s
}

// startHTTPD starts an Apache that wants a certificate of the fixtures' authority for /token, and only there.
func startHTTPD(t *testing.T, protocol, backend string) (url, ca string) {
	t.Helper()
	httpd := newTool(t, "apache2-bin", "apache2", "httpd")
	var modules string
	for _, dir := range []string{"usr/lib/apache2/modules", "usr/lib64/httpd/modules", "usr/lib/httpd/modules"} {
		if _, err := os.Stat(filepath.Join(httpd.root, dir, "mod_ssl.so")); err == nil {
			modules = filepath.Join(httpd.root, dir)
		}
	}
	if modules == "" {
		t.Fatalf("%s has no mod_ssl", httpd.path)
	}
	host, err := ownHost()
	if err != nil {
		t.Fatal(err)
	}
	address := net.JoinHostPort(host, strconv.Itoa(apiPort))
	dir := t.TempDir()
	ca = serverCertificate(t, dir, host)
	clients := fixture(t, "chain.pem")
	config := fmt.Sprintf(`ServerRoot %[1]s
ServerName localhost
PidFile %[1]s/pid
DefaultRuntimeDir %[1]s
ErrorLog %[1]s/error.log
Mutex file:%[1]s default
Listen %[2]s
<IfModule !unixd_module>
LoadModule unixd_module %[3]s/mod_unixd.so
</IfModule>
<IfModule !mpm_prefork_module>
LoadModule mpm_prefork_module %[3]s/mod_mpm_prefork.so
</IfModule>
LoadModule authz_core_module %[3]s/mod_authz_core.so
LoadModule proxy_module %[3]s/mod_proxy.so
LoadModule proxy_http_module %[3]s/mod_proxy_http.so
LoadModule ssl_module %[3]s/mod_ssl.so
User #65534
Group #65534
SSLEngine on
SSLProtocol %[4]s
SSLCertificateFile %[1]s/server.pem
SSLCertificateKeyFile %[1]s/server.key
SSLCACertificateFile %[5]s
<Location /token>
SSLVerifyClient require
SSLVerifyDepth 3
ProxyPass %[6]s/token
</Location>
`, dir, address, modules, protocol, clients, backend)
	if err := os.WriteFile(filepath.Join(dir, "conf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := startApart(ownName("httpd")+".log", append(httpd.env, "PATH="+os.Getenv("PATH")), httpd.path, "-DFOREGROUND", "-f", filepath.Join(dir, "conf"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	if err := p.await("httpd", 20*time.Second, func() error {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err
	}); err != nil {
		t.Fatalf("%v\n%s", err, tail(filepath.Join(dir, "error.log")))
	}
	return "https://" + address, ca
}

// serverCertificate puts a certificate for the host, an address, and its key into the directory, and returns the certificate's path.
func serverCertificate(t *testing.T, dir, host string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "httpd"}, IPAddresses: []net.IP{net.ParseIP(host)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "server.pem")
	for name, block := range map[string]*pem.Block{path: {Type: "CERTIFICATE", Bytes: der}, filepath.Join(dir, "server.key"): {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}
