package client

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

const identityPassword = "pa55word"

// identityFile reads one of the files that testdata/identity/README explains.
func identityFile(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/identity/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func base64File(t testing.TB, name string) string {
	return base64.StdEncoding.EncodeToString([]byte(identityFile(t, name)))
}

func identityCertificate(t testing.TB, name string) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode([]byte(identityFile(t, name)))
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustIdentity(t testing.TB, name string) *Identity {
	t.Helper()
	id, err := ParsePEM(identityFile(t, name+".pem")+identityFile(t, "chain.pem"),
		NewSecret(identityFile(t, name+".key")), Secret{})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// wantSentence checks an error's words, and that it carries neither a library's text nor input.
func wantSentence(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("error %v, want one with %q", err, want)
	}
	for _, leak := range []string{"pkcs12:", "pkcs8:", "x509:", "asn1:", "tls:", "illegal base64", identityPassword} {
		if strings.Contains(err.Error(), leak) {
			t.Errorf("error %q contains %q", err, leak)
		}
	}
}

// chainNames are the common names of what goes into the handshake.
func chainNames(t *testing.T, id *Identity) string {
	t.Helper()
	var names []string
	for _, der := range id.Certificate().Certificate {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, c.Subject.CommonName)
	}
	return strings.Join(names, " < ")
}

// The server knows only the root, so the handshake needs key, leaf and intermediate to be right.
func TestIdentityAuthenticatesInTLS(t *testing.T) {
	roots := x509.NewCertPool()
	roots.AddCert(identityCertificate(t, "root.pem"))
	now := func() time.Time { return time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC) }
	for _, name := range []string{"rsa", "p256", "p384", "ed25519"} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(name+" "+tls.VersionName(version), func(t *testing.T) {
				chain, key := mustIdentity(t, name).PEM()
				id, err := LoadIdentity(chain, key)
				if err != nil {
					t.Fatal(err)
				}
				near, far := net.Pipe()
				server := tls.Server(far, &tls.Config{
					Certificates: []tls.Certificate{mustIdentity(t, "server").Certificate()},
					ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: roots, Time: now, MaxVersion: version,
					SessionTicketsDisabled: true, // a pipe has no buffer to leave them in
				})
				client := tls.Client(near, &tls.Config{
					Certificates:       []tls.Certificate{id.Certificate()},
					InsecureSkipVerify: true, // it is the server that is asked to verify here
				})
				defer near.Close() // the pipe, since tls.Conn.Close waits for the peer
				defer far.Close()
				done := make(chan error, 1)
				go func() { done <- client.Handshake() }()
				if err := server.Handshake(); err != nil {
					t.Fatal(err)
				}
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				if got := server.ConnectionState().PeerCertificates[0].Subject.String(); got != id.Subject() {
					t.Errorf("the server saw %q, not %q", got, id.Subject())
				}
			})
		}
	}
}

func TestIdentityRoundTripAndAccessors(t *testing.T) {
	id := mustIdentity(t, "p256")
	chain, key := id.PEM()
	if strings.Contains(chain, "PRIVATE") || strings.Count(chain, "BEGIN CERTIFICATE") != 2 {
		t.Error("the chain is not leaf and intermediate alone")
	}
	if !strings.HasPrefix(key.Reveal(), "-----BEGIN PRIVATE KEY-----\n") {
		t.Error("the key is not plain PKCS #8")
	}
	again, err := LoadIdentity(chain, key)
	if err != nil {
		t.Fatal(err)
	}
	if again.Fingerprint() != id.Fingerprint() || len(id.Fingerprint()) != 64 {
		t.Errorf("fingerprints %q and %q", again.Fingerprint(), id.Fingerprint())
	}
	if got := again.Subject(); got != "CN=p256 client,O=Example" {
		t.Errorf("subject %q", got)
	}
	if want := identityCertificate(t, "p256.pem").NotAfter; !again.NotAfter().Equal(want) {
		t.Errorf("not after %v, want %v", again.NotAfter(), want)
	}
	_, other := mustIdentity(t, "p384").PEM()
	_, err = LoadIdentity(chain, other)
	wantSentence(t, err, "unusable")
}

func TestIdentityNeverPrintsItsKey(t *testing.T) {
	id := mustIdentity(t, "rsa")
	private := fmt.Sprint(id.Certificate().PrivateKey) // as reflection would show it
	holder := struct {
		Shown  Identity
		hidden Identity
		ptr    *Identity
	}{*id, *id, id}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{id, *id, holder, &holder} {
			if got := fmt.Sprintf(verb, value); len(got) > 400 || strings.Contains(got, private[:40]) {
				t.Errorf("%s of %T prints %d bytes", verb, value, len(got))
			}
		}
	}
	for _, verb := range []string{"%v", "%#v", "%d", "%x"} {
		if got := fmt.Sprintf(verb+" "+verb, id, *id); got != id.String()+" "+id.String() {
			t.Errorf("%s prints %q", verb, got)
		}
	}
	got, err := json.Marshal(map[string]any{"id": id, "value": *id})
	if err != nil {
		t.Fatal(err)
	}
	text := "client certificate " + id.Fingerprint()
	if want := fmt.Sprintf(`{"id":%q,"value":%q}`, text, text); string(got) != want {
		t.Errorf("JSON %s, want %s", got, want)
	}
}

func TestIdentityValidity(t *testing.T) {
	id := mustIdentity(t, "p256")
	start, end := id.pair().Leaf.NotBefore, id.NotAfter()
	for _, c := range []struct {
		name           string
		now            time.Time
		check, warning string // "" for none
	}{
		{"in the middle", start.Add(1000 * time.Hour), "", ""},
		{"31 days left", end.AddDate(0, 0, -31), "", ""},
		{"30 days left", end.AddDate(0, 0, -30), "", "expires on 2100-10-24"},
		{"at the end", end, "", "expires on 2100-10-24"},
		{"after", end.Add(time.Second), "expired on 2100-10-24", "expired on 2100-10-24"},
		{"before", start.Add(-time.Second), "not valid before 2026-11-21", "not valid before 2026-11-21"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := id.Check(c.now); c.check != "" {
				wantSentence(t, err, c.check)
			} else if err != nil {
				t.Error(err)
			}
			got := strings.Join(id.Warnings(c.now), "\n")
			if c.warning == "" && got != "" || !strings.Contains(got, c.warning) {
				t.Errorf("warnings %q, want %q", got, c.warning)
			}
		})
	}
}

func TestIdentityWarnsOfTheWrongPurpose(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	got := mustIdentity(t, "server").Warnings(now)
	if len(got) != 1 || !strings.Contains(got[0], "lacks clientAuth") {
		t.Errorf("for a server's certificate: %q", got)
	}
	self, err := ParsePEM(identityFile(t, "selfsigned.pem"), NewSecret(identityFile(t, "selfsigned.key")), Secret{})
	if err != nil {
		t.Fatal(err)
	}
	got = self.Warnings(now)
	if len(got) != 1 || !strings.Contains(got[0], "self-signed") {
		t.Errorf("for a self-signed CA: %q", got)
	}
}
