package client

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// deviceAnswered lets a server give one answer to the request for a device code.
func deviceAnswered(t *testing.T, answer clienttest.Answer) (*DeviceAuthorization, error) {
	t.Helper()
	s := clienttest.New(t, clienttest.Options{})
	s.Enqueue(answer)
	d, err := AuthorizeDevice(t.Context(), trusting(), refresh(s))
	if n := len(s.Requests()); n != 1 {
		t.Fatalf("%d requests", n)
	}
	return d, err
}

// RFC 8628 section 3.1: who asks, proven as at the token endpoint, and for what. As a form, whatever tokens are asked for
// with, and without what a role sends with those.
func TestDeviceAuthorizationRequest(t *testing.T) {
	s := clienttest.New(t, clienttest.Options{})
	for method, want := range map[string]string{
		AuthNone:  "client_id=the-client&scope=openid+offline_access",
		AuthPost:  "client_id=the-client&scope=openid+offline_access&client_secret=the-client-secret",
		AuthBasic: "client_id=the-client&scope=openid+offline_access",
	} {
		s.Enqueue(clienttest.JSON(200, `{"device_code":"d","user_code":"u","verification_uri":"https://a.example/","expires_in":60}`))
		r := refresh(s)
		r.Provider.TokenEndpointAuthMethod, r.Provider.RequestFormat = method, FormatJSON
		r.Scope, r.Params, r.Provider.TokenParams = "openid offline_access", map[string]string{"expiring": "1"}, map[string]string{"x": "y"}
		if _, err := AuthorizeDevice(t.Context(), trusting(), r); err != nil {
			t.Fatal(err)
		}
		got := s.Requests()[len(s.Requests())-1]
		if string(got.Body) != want || got.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || (got.Header.Get("Authorization") != "") != (method == AuthBasic) {
			t.Errorf("%s: %s", method, got.Raw)
		}
	}
	r := refresh(s)
	r.ClientID = ""
	if _, err := AuthorizeDevice(t.Context(), trusting(), r); asError(t, err).Class != ClientRefused || len(s.Requests()) != 3 {
		t.Errorf("without a client: %v", err)
	}
}

func TestDeviceAuthorizationAnswers(t *testing.T) {
	const codes = `"device_code":"the-device-code","user_code":"WDJB-MJHT"`
	for body, want := range map[string]DeviceAuthorization{
		`{` + codes + `,"verification_uri":"https://a.example/device","verification_uri_complete":"https://a.example/device?user_code=WDJB-MJHT","expires_in":1800,"interval":7}`: {
			VerificationURI: "https://a.example/device", VerificationURIComplete: "https://a.example/device?user_code=WDJB-MJHT", Lifetime: 30 * time.Minute, Interval: 7 * time.Second,
		},
		// Google's name, and no interval
		`{` + codes + `,"verification_url":"http://www.example.com/device","expires_in":"900"}`:           {VerificationURI: "http://www.example.com/device", Lifetime: 15 * time.Minute, Interval: 5 * time.Second},
		`{` + codes + `,"verification_uri":"https://a.example/#/device","expires_in":1e8,"interval":1e9}`: {VerificationURI: "https://a.example/#/device", Lifetime: time.Hour, Interval: 5 * time.Second},
		`{` + codes + `,"verification_uri":"https://a.example/","expires_in":1e6,"interval":1e6}`:         {VerificationURI: "https://a.example/", Lifetime: time.Hour, Interval: maxInterval},
		`{` + codes + `,"verification_uri":"https://a.example/","interval":0}`:                            {VerificationURI: "https://a.example/", Lifetime: 10 * time.Minute, Interval: 5 * time.Second},
		// the address with the code in it can be done without
		`{` + codes + `,"verification_uri":"https://a.example/","verification_uri_complete":"javascript:alert(1)","interval":-1}`: {VerificationURI: "https://a.example/", Lifetime: 10 * time.Minute, Interval: 5 * time.Second},
	} {
		d, err := deviceAnswered(t, clienttest.JSON(200, body))
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if d.DeviceCode.Reveal() != "the-device-code" || strings.Contains(fmt.Sprintf("%+v", d), "the-device-code") {
			t.Errorf("%s: %+v", body, d)
		}
		want.UserCode, want.DeviceCode = "WDJB-MJHT", d.DeviceCode
		if *d != want {
			t.Errorf("%s: %+v", body, d)
		}
	}
}

// What is shown to people comes from a server: nothing that could not be typed, opened in a browser, or is a secret.
func TestDeviceAuthorizationsThatAreNone(t *testing.T) {
	good := map[string]string{"device_code": `"canary-device-code"`, "user_code": `"WDJB-MJHT"`, "verification_uri": `"https://a.example/"`, "expires_in": "60"}
	for _, c := range []struct{ member, value string }{
		{"device_code", `""`}, {"device_code", `7.0e`}, {"device_code", `"a b"`}, {"device_code", `{"x":1}`}, {"device_code", `"` + strings.Repeat("x", maxToken+1) + `"`},
		{"user_code", `""`}, {"user_code", `"A\u202eB"`}, {"user_code", `"A\u001b[2JB"`}, {"user_code", `"A\nB"`}, {"user_code", `["A"]`}, {"user_code", `"` + strings.Repeat("A", 65) + `"`},
		{"user_code", `"canary-device-code"`}, {"user_code", `"the-client-secret"`},
		{"verification_uri", `""`}, {"verification_uri", `"javascript:alert(1)"`}, {"verification_uri", `"data:text/html,x"`}, {"verification_uri", `"/device"`},
		{"verification_uri", `"https://user@a.example/"`}, {"verification_uri", `"https://a.example/ x"`}, {"verification_uri", `"https://\u0430.example/"`},
		{"verification_uri", `"https://a.example/` + strings.Repeat("x", maxTemplate) + `"`}, {"verification_uri", `"https://a.example/?canary-device-code"`}, {"verification_uri", `"https:///x"`},
		{"expires_in", "0"}, {"expires_in", "-5"},
	} {
		var members []string
		for member, value := range good {
			if member == c.member {
				value = c.value
			}
			members = append(members, fmt.Sprintf("%q:%s", member, value))
		}
		d, err := deviceAnswered(t, clienttest.JSON(200, "{"+strings.Join(members, ",")+"}"))
		if err == nil {
			t.Errorf("%.60s: %+v", c.member+c.value, d)
		} else if e := asError(t, err); e.Class != NotProcessed || strings.Contains(fmt.Sprintf("%+v", e), "canary") || !strings.Contains(e.Reason, "device authorization endpoint") {
			t.Errorf("%.60s: %+v", c.member+c.value, e)
		}
	}
}

// Nothing is spent by asking, so whatever is not the client's fault may be tried again.
func TestDeviceAuthorizationFailures(t *testing.T) {
	for _, c := range []struct {
		answer clienttest.Answer
		class  Class
		code   string
		says   string
	}{
		{clienttest.JSON(401, `{"error":"invalid_client"}`), ClientRefused, "invalid_client", "the device authorization endpoint refused the client: check client_id, client_secret"},
		{clienttest.JSON(400, `{"error":"unauthorized_client","error_description":"canary"}`), ClientRefused, "unauthorized_client", "does not allow"},
		{clienttest.JSON(400, `{"error":"invalid_scope"}`), ClientRefused, "invalid_scope", "scope"},
		{clienttest.JSON(400, `{"error":"invalid_request"}`), ClientRefused, "invalid_request", "malformed"},
		{clienttest.JSON(400, `{"error":"invalid_grant"}`), ClientRefused, "invalid_grant", "refused the request"},
		{clienttest.JSON(200, `{"error":"unauthorized_client"}`), ClientRefused, "unauthorized_client", "does not allow"},
		{clienttest.JSON(404, ``), NotProcessed, "", "there is no device authorization endpoint at this URL: check device_authorization_endpoint"},
		{clienttest.JSON(500, ``), NotProcessed, "", "failed"},
		{clienttest.JSON(302, ``).With("Location", "https://canary.example"), ClientRefused, "", "device_authorization_endpoint"},
		{clienttest.JSON(200, `{"device_code":"canary-de`), NotProcessed, "", "could not be used"},
		{clienttest.JSON(200, `[`+strings.Repeat(`"canary",`, 70000)+`1]`), NotProcessed, "", "could not be used"},
		{clienttest.Answer{Drop: true}, NotProcessed, "", "device authorization endpoint"},
	} {
		_, err := deviceAnswered(t, c.answer)
		e := asError(t, err)
		if e.Class != c.class || e.Code != c.code || !strings.Contains(e.Reason, c.says) || strings.Contains(fmt.Sprintf("%+v", e), "canary") || e.Entry != "" || e.Silent {
			t.Errorf("%d %.40s: %+v", c.answer.Status, c.answer.Body, e)
		}
		if strings.Contains(e.Reason, "refresh token") || strings.Contains(e.Reason, "{") {
			t.Errorf("%s", e.Reason)
		}
	}
	s := clienttest.New(t, clienttest.Options{})
	o := trusting()
	o.AllowedHosts = []string{"a.example"}
	if _, err := AuthorizeDevice(t.Context(), o, refresh(s)); asError(t, err).Class != ClientRefused || s.Connections() > 0 {
		t.Errorf("a host that is not allowed: %v", err)
	}
}
