package client

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// underKey makes the request an exchange under an idempotency key.
func underKey(key string, r *Request) *Request {
	r.Provider.IdempotencyHeader, r.IdempotencyKey = "Idempotency-Key", key
	return r
}

// sends makes the exchanges and returns their bodies.
func sends(t *testing.T, s *clienttest.Server, requests ...*Request) (bodies []string) {
	t.Helper()
	s.Handle(func(*clienttest.Request) clienttest.Answer { return clienttest.JSON(200, `{"access_token":"a1"}`) })
	for _, r := range requests {
		if _, err := Exchange(t.Context(), trusting(), r); err != nil {
			t.Fatal(err)
		}
		all := s.Requests()
		bodies = append(bodies, string(all[len(all)-1].Body))
	}
	return bodies
}

// Under a key, a server may compare what comes: a repeat is what it was, signature included.
func TestARepeatIsByteForByteWhatWasSent(t *testing.T) {
	secret := func(r *Request) {
		r.Provider.TokenEndpointAuthMethod, r.ClientSecret = AuthSecretJWT, NewSecret(strings.Repeat("s", 32))
	}
	for name, vary := range map[string]func(*Request){
		"private_key_jwt":    signing(t, "p256", ""), // whose signatures are another each time
		"client_secret_jwt":  secret,
		"in multipart":       func(r *Request) { secret(r); r.Provider.RequestFormat = FormatMultipart },
		"as JSON":            func(r *Request) { secret(r); r.Provider.RequestFormat = FormatJSON },
		"jwt-bearer":         func(r *Request) { signing(t, "rsa", "")(r); r.GrantType = GrantJWTBearer },
		"client_secret_post": func(r *Request) {},
	} {
		s := clienttest.New(t, clienttest.Options{})
		r := underKey("key-1", refresh(s))
		vary(r)
		if got := r.Signed(); got != (name != "client_secret_post") {
			t.Errorf("%s: signed: %t", name, got)
		}
		first := sends(t, s, r)[0]
		r.Repeat = true
		clock.Step(time.Minute - 2*time.Second)
		again := sends(t, s, r)[0]
		clock.Step(4 * time.Second) // now there is less than half a minute left
		late := sends(t, s, r)[0]
		clock.Step(-time.Minute - 2*time.Second)
		if again != first {
			t.Errorf("%s: sent\n%s\nthen\n%s", name, first, again)
		}
		if (late == first) == r.Signed() {
			t.Errorf("%s: late, the same is sent: %t", name, late == first)
		}
		if text := fmt.Sprintf("%v %+v %#v", r, r, *r); strings.Contains(text, "eyJ") || strings.Contains(text, fmt.Sprint([]byte(first[:20]))) {
			t.Errorf("%s: a request prints what was made for it", name)
		}
	}
}

// Whoever doesn't ask for it repeats nothing.
func TestNoRepeatIsByItself(t *testing.T) {
	s := clienttest.New(t, clienttest.Options{})
	r := underKey("key-1", refresh(s))
	signing(t, "p256", "")(r)
	if got := sends(t, s, r, r); got[0] == got[1] {
		t.Error("an assertion is sent twice")
	}
	fresh := underKey("key-1", refresh(s))
	signing(t, "p256", "")(fresh)
	fresh.Repeat = true
	if got := sends(t, s, fresh); !strings.Contains(got[0], "client_assertion=ey") {
		t.Errorf("the first exchange of a request sends %s", got[0])
	}
	clock.Step(-time.Hour)
	defer clock.Step(time.Hour)
	if got, last := sends(t, s, fresh), s.Requests()[2]; got[0] == string(last.Body) {
		t.Error("an assertion of the future is sent again")
	}
}

// A repeat may come from another process, which knows the key alone.
func TestTheBoundaryIsTheKeys(t *testing.T) {
	s := clienttest.New(t, clienttest.Options{})
	request := func(key string) *Request {
		r := underKey(key, refresh(s))
		r.Provider.RequestFormat = FormatMultipart
		return r
	}
	got := sends(t, s, request("key-1"), request("key-1"), request("key-2"), request(""), request(""))
	if got[0] != got[1] || got[0] == got[2] || got[3] == got[4] {
		t.Errorf("%q", got)
	}
	for _, r := range s.Requests() {
		if bytes.Contains(r.Body, []byte("key-")) || !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data; boundary=") {
			t.Errorf("%s\n%s", r.Header.Get("Content-Type"), r.Body)
		}
	}
}

// An assertion stays a secret of its request, whichever of its exchanges it was for.
func TestEveryAssertionIsASecret(t *testing.T) {
	s := clienttest.New(t, clienttest.Options{})
	r := refresh(s)
	signing(t, "p256", "")(r)
	var seen []string
	s.Handle(func(r *clienttest.Request) clienttest.Answer {
		seen = append(seen, r.Form.Get("client_assertion"))
		return clienttest.JSON(200, `{"access_token":"a1","echo":"`+seen[0]+`"}`)
	})
	r.Provider.ExtraFields = []string{"echo"}
	for range 2 {
		token, err := Exchange(t.Context(), trusting(), r)
		if err != nil || len(token.Extra) != 0 {
			t.Errorf("%+v, %v", token, err)
		}
	}
}
