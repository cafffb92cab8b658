package clienttest_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// post speaks to the server with net/http alone, so that this package is tested by the protocol
// and not by the code that it will test.
func post(t *testing.T, s *clienttest.Server, certificates []tls.Certificate, form url.Values) (status int, body string, err error) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.Pool(), Certificates: certificates}}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).PostForm(s.URL()+"/token", form)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	return response.StatusCode, string(data), err
}

func TestAnswersComeInOrderThenTheHandler(t *testing.T) {
	for _, plain := range []bool{false, true} {
		s := clienttest.New(t, clienttest.Options{Plain: plain})
		s.Handle(func(r *clienttest.Request) clienttest.Answer {
			return clienttest.Text(201, "text/plain", r.Form.Get("a"))
		})
		s.Enqueue(clienttest.JSON(200, "1"), clienttest.Answer{Status: 400, Body: "2", Gzip: true, Chunked: true})
		for i, want := range []string{"1", "2", "x"} {
			status, body, err := post(t, s, nil, url.Values{"a": {"x"}})
			if err != nil || body != want || status != []int{200, 400, 201}[i] {
				t.Errorf("%d: %d %q %v, want %q", i, status, body, err, want)
			}
		}
		requests := s.Requests()
		if len(requests) != 3 || s.Connections() != 3 {
			t.Fatalf("%d requests on %d connections", len(requests), s.Connections())
		}
		r := requests[0]
		if r.Method != "POST" || r.Path != "/token" || r.Host != s.Addr() || string(r.Body) != "a=x" ||
			!bytes.HasPrefix(r.Raw, []byte("POST /token HTTP/1.1\r\n")) || !bytes.HasSuffix(r.Raw, []byte("\r\n\r\na=x")) {
			t.Errorf("recorded %+v", r)
		}
	}
}

func TestWithoutAnAnswerItIs500(t *testing.T) {
	s := clienttest.New(t, clienttest.Options{})
	if status, _, err := post(t, s, nil, nil); status != 500 || err != nil {
		t.Errorf("%d, %v", status, err)
	}
}

func TestFaults(t *testing.T) {
	s := clienttest.New(t, clienttest.Options{})
	s.Enqueue(clienttest.Answer{Drop: true})
	if _, _, err := post(t, s, nil, nil); err == nil {
		t.Error("a dropped connection brings an answer")
	}
	s.Enqueue(clienttest.Answer{Status: 200, Body: "0123456789", CutAfter: 4})
	if _, body, err := post(t, s, nil, nil); !errors.Is(err, io.ErrUnexpectedEOF) || body != "0123" {
		t.Errorf("cut off: %q, %v", body, err)
	}
	s.Enqueue(clienttest.Answer{Raw: "nonsense\r\n\r\n"})
	if _, _, err := post(t, s, nil, nil); err == nil {
		t.Error("nonsense is an answer")
	}
	if n := len(s.Requests()); n != 3 {
		t.Errorf("%d requests", n)
	}
}

func TestGate(t *testing.T) {
	s := clienttest.New(t, clienttest.Options{})
	gate := make(chan struct{})
	s.Enqueue(clienttest.Answer{Status: 200, Gate: gate})
	answered := make(chan error)
	go func() {
		_, _, err := post(t, s, nil, nil)
		answered <- err
	}()
	s.WaitFor(1)
	select {
	case err := <-answered:
		t.Errorf("answered before the gate was open: %v", err)
	default:
	}
	close(gate)
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

func TestClientCertificates(t *testing.T) {
	pair := func(certificate, key []byte) []tls.Certificate {
		c, err := tls.X509KeyPair(certificate, key)
		if err != nil {
			t.Fatal(err)
		}
		return []tls.Certificate{c}
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		s := clienttest.New(t, clienttest.Options{RequireClientCertificate: true, MaxTLSVersion: version})
		s.Handle(func(*clienttest.Request) clienttest.Answer { return clienttest.Answer{Status: 200} })
		if _, _, err := post(t, s, pair(clienttest.ClientCertificate("me")), nil); err != nil {
			t.Errorf("its own certificate: %v", err)
		}
		if _, _, err := post(t, s, pair(clienttest.StrangeCertificate("stranger")), nil); err == nil {
			t.Error("a stranger's certificate is accepted")
		}
		if _, _, err := post(t, s, nil, nil); err == nil {
			t.Error("no certificate is accepted")
		}
		if requests := s.Requests(); len(requests) != 1 || requests[0].PeerCertificates[0].Subject.CommonName != "me" {
			t.Errorf("%d requests", len(requests))
		}
	}
}

func TestProxyLeadsOnlyWhereItIsTold(t *testing.T) {
	proxy, stop := clienttest.StartProxy()
	defer stop()
	s := clienttest.New(t, clienttest.Options{Certificate: clienttest.ServerCertificate("api.example.com")})
	s.Enqueue(clienttest.Answer{Status: 200})
	proxy.Route("api.example.com", s)
	address, err := url.Parse(proxy.URL())
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(address), TLSClientConfig: &tls.Config{RootCAs: s.Pool()}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	response, err := client.Post("https://api.example.com/token", "", strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if _, err := client.Post("https://other.example.com/token", "", nil); err == nil {
		t.Error("led to a host that it was not told of")
	}
	if r := s.Requests(); len(r) != 1 || r[0].Host != "api.example.com" {
		t.Errorf("%d requests", len(r))
	}
}

func TestRotation(t *testing.T) {
	s := clienttest.New(t, clienttest.Options{})
	grant := clienttest.NewRotation("r")
	s.Handle(grant.Answer)
	refresh := func(token string) (int, string) {
		status, body, err := post(t, s, nil, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
		if err != nil {
			t.Fatal(err)
		}
		return status, body
	}
	if status, body := refresh("r"); status != 200 || body != `{"access_token":"-access-1-r","token_type":"Bearer","expires_in":3600,"refresh_token":"r-1"}` {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := refresh("never seen"); status != 400 || grant.Reused() || grant.Current() != "r-1" {
		t.Error("a token that never was counts as reuse")
	}
	if status, _ := refresh("r-1"); status != 200 || grant.Refreshes() != 2 {
		t.Error("the second refresh is refused")
	}
	if status, body := refresh("r"); status != 400 || !strings.Contains(body, "invalid_grant") || !grant.Reused() {
		t.Errorf("a spent token: %d %s", status, body)
	}
	if status, _ := refresh("r-2"); status != 400 || grant.Current() != "" {
		t.Error("the grant survives the reuse of a spent token")
	}

	keep := clienttest.NewRotation("k")
	keep.KeepRefreshToken, keep.ExpiresIn = true, 5
	s.Handle(keep.Answer)
	for range 2 {
		if status, body := refresh("k"); status != 200 || strings.Contains(body, "refresh_token") || !strings.Contains(body, `"expires_in":5`) {
			t.Errorf("%d %s", status, body)
		}
	}
	keep.Revoke()
	if status, _ := refresh("k"); status != 400 || keep.Reused() {
		t.Error("revoked by its owner, it still answers, or calls that reuse")
	}
}
