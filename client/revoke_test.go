package client

import (
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

func TestRevoke(t *testing.T) {
	for _, c := range []struct {
		change func(*Request)
		hint   string
		body   string
		auth   string
	}{
		{
			func(*Request) {}, HintRefreshToken,
			"token=the+token&token_type_hint=refresh_token&client_id=the-client&client_secret=the-client-secret", "",
		},
		{
			// As Ibanity's libraries do it: Basic, the token alone, no idempotency key.
			func(r *Request) {
				r.Provider = builtin(t, "isabel-connect")
				r.Provider.RequiresCertificate = false
				r.IdempotencyKey = "key-1"
			}, "",
			"token=the+token", "Basic dGhlLWNsaWVudDp0aGUtY2xpZW50LXNlY3JldA==",
		},
		{
			func(r *Request) {
				r.Provider.TokenEndpointAuthMethod, r.GrantType = AuthNone, ""
				r.Params, r.Provider.TokenParams = map[string]string{"audience": "x"}, map[string]string{"resource": "x"}
			}, HintAccessToken,
			"token=the+token&token_type_hint=access_token&client_id=the-client", "",
		},
	} {
		s := clienttest.New(t, clienttest.Options{})
		s.Enqueue(clienttest.Answer{Status: 200})
		r := refresh(s)
		r.Endpoint = s.URL() + "/revoke"
		c.change(r)
		if err := Revoke(t.Context(), trusting(), r, NewSecret("the token"), c.hint); err != nil {
			t.Errorf("%v", err)
		}
		got := s.Requests()
		if len(got) != 1 || got[0].Method != "POST" || got[0].Path != "/revoke" {
			t.Fatalf("%d requests", len(got))
		}
		if string(got[0].Body) != c.body || got[0].Header.Get("Authorization") != c.auth || got[0].Header.Get("Ibanity-Idempotency-Key") != "" {
			t.Errorf("sent %s with %v", got[0].Body, got[0].Header)
		}
	}
}

func TestRevocationAnswers(t *testing.T) {
	for _, c := range []struct {
		answer clienttest.Answer
		class  Class // "" for success
		code   string
	}{
		{clienttest.Answer{Status: 200}, "", ""},
		{clienttest.Answer{Status: 204}, "", ""},
		{clienttest.JSON(200, `{}`), "", ""}, // Ibanity
		{clienttest.JSON(200, `{"ok":true,"revoked":true}`), "", ""},
		{clienttest.JSON(400, `{"error":"invalid_token"}`), "", ""}, // Salesforce, for a token that is gone
		{clienttest.JSON(200, `{"ok":false,"error":"invalid_client_id"}`), ClientRefused, "invalid_client_id"},
		{clienttest.JSON(401, `{"error":"invalid_token"}`), NotProcessed, ""},
		{clienttest.JSON(400, `{"error":"unsupported_token_type"}`), ClientRefused, "unsupported_token_type"},
		{clienttest.JSON(401, `{"error":"invalid_client"}`), ClientRefused, "invalid_client"},
		{clienttest.Answer{Status: 503}, OutcomeUnknown, ""},
		{clienttest.Answer{Status: 503}.With("Retry-After", "1"), NotProcessed, ""},
		{clienttest.Answer{Status: 500}, OutcomeUnknown, ""},
		{clienttest.Answer{Status: 302}, ClientRefused, ""},
		{clienttest.Answer{Drop: true}, OutcomeUnknown, ""},
	} {
		s := clienttest.New(t, clienttest.Options{})
		s.Enqueue(c.answer)
		err := Revoke(t.Context(), trusting(), refresh(s), NewSecret("the-token"), "")
		if c.class == "" {
			if err != nil {
				t.Errorf("%d %s: %v", c.answer.Status, c.answer.Body, err)
			}
			continue
		}
		if e := asError(t, err); e.Class != c.class || e.Code != c.code {
			t.Errorf("%d %s: %+v", c.answer.Status, c.answer.Body, e)
		}
		if n := len(s.Requests()); n != 1 {
			t.Errorf("%d requests", n)
		}
	}
}

func TestRevokeNeedsATokenAndAClient(t *testing.T) {
	s := clienttest.New(t, clienttest.Options{})
	if e := asError(t, Revoke(t.Context(), trusting(), refresh(s), Secret{}, "")); e.Class != ClientRefused {
		t.Errorf("%+v", e)
	}
	r := refresh(s)
	r.ClientID = ""
	if e := asError(t, Revoke(t.Context(), trusting(), r, NewSecret("t"), "")); e.Class != ClientRefused {
		t.Errorf("%+v", e)
	}
	if s.Connections() != 0 {
		t.Error("something was sent")
	}
}
