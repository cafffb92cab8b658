package client

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

func pushed(t *testing.T, change func(*Request), answer clienttest.Answer) (*clienttest.Request, string, time.Duration, error) {
	t.Helper()
	s := clienttest.New(t, clienttest.Options{})
	s.Enqueue(answer)
	r := refresh(s)
	change(r)
	uri, lifetime, err := PushAuthorization(t.Context(), trusting(), r, request())
	requests := s.Requests()
	if len(requests) != 1 {
		t.Fatalf("%d requests", len(requests))
	}
	return requests[0], uri, lifetime, err
}

// RFC 9126 section 2: the parameters that the browser would have carried, once each, and the client's authentication.
func TestPushedRequest(t *testing.T) {
	const parameters = "response_type=code&client_id=the+client&redirect_uri=https%3A%2F%2Fv.example%2Fv1%2Foauth%2Fcallback%2Fx%3Fa%3Db%26c" +
		"&scope=api+refresh_token&state=the-state&code_challenge=the-challenge&code_challenge_method=S256&nonce=the-nonce&response_mode=form_post" +
		"&audience=role&login_hint=%C3%A9%2B%26%40a.example&prompt=consent"
	answer := clienttest.JSON(201, `{"request_uri":"urn:ietf:params:oauth:request_uri:6esc_11ACC5bwc014ltc14eY22c","expires_in":60}`)
	for method, want := range map[string]string{AuthPost: parameters + "&client_secret=the-client-secret", AuthBasic: parameters, AuthNone: parameters} {
		got, uri, lifetime, err := pushed(t, func(r *Request) { r.Provider.TokenEndpointAuthMethod, r.Provider.RequestFormat = method, FormatJSON }, answer)
		if err != nil || uri != "urn:ietf:params:oauth:request_uri:6esc_11ACC5bwc014ltc14eY22c" || lifetime != time.Minute {
			t.Errorf("%s %s %v", uri, lifetime, err)
		}
		basic := ""
		if method == AuthBasic {
			basic = "Basic " + base64.StdEncoding.EncodeToString([]byte("the-client:the-client-secret"))
		}
		if string(got.Body) != want || got.Header.Get("Authorization") != basic {
			t.Errorf("%s: %s", method, got.Raw)
		}
	}
	key, err := ParseSigningKey(NewSecret(string(mustKey(t))), Secret{})
	if err != nil {
		t.Fatal(err)
	}
	got, _, _, err := pushed(t, func(r *Request) {
		r.Provider.TokenEndpointAuthMethod, r.Assertion.Key, r.Audience = AuthKeyJWT, key, "https://a.example/token"
	}, answer)
	if err != nil || got.Form.Get("client_assertion_type") != clientAssertionType || len(got.Form["client_id"]) != 1 {
		t.Errorf("%s %v", got.Raw, err)
	}
}

// mustKey is a private key as PEM.
func mustKey(t *testing.T) []byte {
	t.Helper()
	_, key := clienttest.ClientCertificate("application")
	return key
}

func TestPushedAnswers(t *testing.T) {
	for _, c := range []struct {
		answer clienttest.Answer
		want   time.Duration // of a request_uri, 0 for none
		class  Class
		says   string
	}{
		{clienttest.JSON(201, `{"request_uri":"urn:x:1"}`), time.Minute, "", ""},
		{clienttest.JSON(200, `{"request_uri":"https://a.example/r/1","expires_in":"5"}`), 5 * time.Second, "", ""},
		{clienttest.JSON(201, `{"request_uri":"urn:x:1","expires_in":1e8}`), time.Hour, "", ""},
		{clienttest.JSON(201, `{"request_uri":"urn:x:1","expires_in":0}`), 0, NotProcessed, "still good"},
		{clienttest.JSON(201, `{}`), 0, NotProcessed, "no request_uri"},
		{clienttest.JSON(201, `{"request_uri":["canary"],"expires_in":60}`), 0, NotProcessed, "no request_uri"},
		{clienttest.JSON(201, `{"request_uri":"urn:canary\n","expires_in":60}`), 0, NotProcessed, "no request_uri"},
		{clienttest.JSON(201, `{"request_uri":"urn:x:the-client-secret","expires_in":60}`), 0, NotProcessed, "no request_uri"},
		{clienttest.JSON(201, `{"request_uri":"`+strings.Repeat("canary", 200)+`"}`), 0, NotProcessed, "no request_uri"},
		{clienttest.JSON(201, `{"request_uri":"urn:canary","x":`), 0, NotProcessed, "incomplete"},
		{clienttest.JSON(400, `{"error":"invalid_request","error_description":"canary"}`), 0, ClientRefused, "check redirect_uri"},
		{clienttest.JSON(401, `{"error":"invalid_client"}`), 0, ClientRefused, "the endpoint for pushed authorization requests refused the client"},
		{clienttest.JSON(429, ``), 0, NotProcessed, "rate"},
		{clienttest.JSON(502, ``), 0, NotProcessed, "failed"},
		{clienttest.JSON(405, ``), 0, NotProcessed, "check pushed_authorization_request_endpoint"},
		{clienttest.JSON(307, ``).With("Location", "https://canary.example"), 0, ClientRefused, "redirect"},
		{clienttest.Answer{Drop: true}, 0, NotProcessed, "pushed"},
	} {
		_, uri, lifetime, err := pushed(t, func(*Request) {}, c.answer)
		if c.want != 0 {
			if err != nil || uri == "" || lifetime != c.want {
				t.Errorf("%s: %s %s %v", c.answer.Body, uri, lifetime, err)
			}
			continue
		}
		if e := asError(t, err); uri != "" || e.Class != c.class || !strings.Contains(e.Reason, c.says) || strings.Contains(fmt.Sprintf("%+v", e), "canary") {
			t.Errorf("%d %.50s: %+v", c.answer.Status, c.answer.Body, e)
		}
	}
}
