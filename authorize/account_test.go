package authorize_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// openID is an authorization server that signs ID tokens, with the role "r" asking for one.
type openID struct {
	*enginetest.Authorization
	b     *enginetest.Mount
	key   *ecdsa.PrivateKey
	keys  atomic.Bool // the keys can be fetched
	asked int
	ask   enginetest.Fields // of authorize/r
}

func newOpenID(t *testing.T, b *enginetest.Mount) *openID {
	t.Helper()
	s := &openID{Authorization: enginetest.NewAuthorization(t, b), b: b}
	s.keys.Store(true)
	b.Write("providers/test", enginetest.Fields{"jwks_uri": s.URL() + "/jwks", "account_pointer": "/id_token/email"})
	b.Storage.Edit(t, "provider/test", func(entry map[string]any) { entry["issuer"] = s.URL() }) // which publishes nothing
	b.Write("roles/r", enginetest.Fields{"scope": "openid read"})
	var err error
	if s.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	answer := s.Handler()
	s.Handle(func(r *clienttest.Request) clienttest.Answer {
		if r.Path != "/jwks" {
			return answer(r)
		}
		s.asked++
		if !s.keys.Load() {
			return clienttest.JSON(503, `{}`)
		}
		text, _ := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &s.key.PublicKey, KeyID: "k1", Algorithm: "ES256", Use: "sig"}}})
		return clienttest.JSON(200, string(text))
	})
	return s
}

// agree is a person who agrees: what comes back, with an ID token to come that has these claims too.
func (s *openID) agree(t *testing.T, others enginetest.Fields, key *ecdsa.PrivateKey) (status int, page string) {
	t.Helper()
	address := s.b.Authorize(s.ask)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	claims := enginetest.With(enginetest.Fields{
		"iss": s.URL(), "sub": "1", "aud": "the-client", "email": "alice@example.com", "nonce": u.Query().Get("nonce"),
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}, others)
	s.Answer = func(answer enginetest.Fields) { answer["id_token"] = signed(t, key, claims) }
	return s.b.Callback(s.Agree(address))
}

func signed(t *testing.T, key *ecdsa.PrivateKey, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "k1"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(maps.Clone(claims))
	if err != nil {
		t.Fatal(err)
	}
	token, err := signer.Sign(text)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := token.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// The account is that of a verified ID token, on the page and to whoever confirms.
func TestTheAccountOfAVerifiedIDToken(t *testing.T) {
	b := enginetest.New(t)
	s := newOpenID(t, b)
	_, page := s.agree(t, nil, s.key)
	if !strings.Contains(page, "alice@example.com") || strings.Contains(page, "not verified") {
		t.Errorf("%s", page)
	}
	if got := confirm(t, b, page); got["account"] != "alice@example.com" || got["account_verified"] != true {
		t.Errorf("%v", got)
	}
	if got := b.Data("status/r"); got["account"] != "alice@example.com" || got["account_verified"] != true {
		t.Errorf("%v", got)
	}
}

// An ID token without what the pointer names still tells one account from another.
func TestAnIDTokenWithoutAnAddress(t *testing.T) {
	b := enginetest.New(t)
	s := newOpenID(t, b)
	_, page := s.agree(t, enginetest.Fields{"email": nil, "sub": "248289761001"}, s.key)
	if got := confirm(t, b, page); got["account"] != "248289761001" || got["account_verified"] != true {
		t.Errorf("%v", got)
	}
}

// An ID token of another client, another consent or another server ends the consent, and its tokens are forgotten.
func TestAnIDTokenThatIsNotRight(t *testing.T) {
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, claims := range map[string]enginetest.Fields{
		"another nonce": {"nonce": "other"}, "no nonce": {"nonce": nil}, "another client": {"aud": "other"}, "another issuer": {"iss": "https://other.example"},
		"expired": {"exp": time.Now().Add(-time.Hour).Unix()}, "another azp": {"aud": []string{"the-client", "other"}, "azp": "other"}, "another key": {},
	} {
		b := enginetest.New(t)
		s := newOpenID(t, b)
		key := s.key
		if name == "another key" {
			key = other
		}
		status, page := s.agree(t, claims, key)
		if status != http.StatusBadRequest || !strings.Contains(page, "not one for this client") || strings.Contains(page, "alice") {
			t.Errorf("%s: %d %s", name, status, page)
		}
		if left := consentsOf(b.Storage.Contents(t)); len(left) != 1 || strings.Contains(left[0], "first-1") {
			t.Errorf("%s: stored is %q", name, left)
		}
	}
}

// Keys that can't be fetched cost nothing: whoever confirms waits for them.
func TestKeysThatComeLater(t *testing.T) {
	b := enginetest.New(t)
	s := newOpenID(t, b)
	s.keys.Store(false)
	status, page := s.agree(t, nil, s.key)
	code := enginetest.CodeOn(page)
	if status != http.StatusOK || code == "" || strings.Contains(page, "alice") {
		t.Fatalf("%d %s", status, page)
	}
	if _, err := b.Try(t.Context(), enginetest.WriteOp, "confirm/r", enginetest.Fields{"confirmation_code": code}); err == nil || !strings.Contains(err.Error(), "could not be verified yet") {
		t.Errorf("%v", err)
	}
	if got := b.Data("status/r"); got["state"] != "unauthorized" {
		t.Errorf("%v", got)
	}
	s.keys.Store(true)
	if got := confirm(t, b, page); got["account"] != "alice@example.com" || got["account_verified"] != true {
		t.Errorf("%v", got)
	}
}

// Without keys the claims are looked at all the same, and nobody is told that they were verified.
func TestAnIDTokenWithoutKeys(t *testing.T) {
	b := enginetest.New(t)
	s := newOpenID(t, b)
	b.Write("providers/test", enginetest.Fields{"jwks_uri": ""})
	_, page := s.agree(t, nil, s.key)
	if !strings.Contains(page, "not verified") {
		t.Errorf("%s", page)
	}
	if got := confirm(t, b, page); got["account"] != "alice@example.com" || got["account_verified"] != false {
		t.Errorf("%v", got)
	}
	if status, _ := s.agree(t, enginetest.Fields{"nonce": "other"}, s.key); status != http.StatusBadRequest {
		t.Errorf("another consent's: %d", status)
	}
}

// Whoever has begun learns whose account it is from the page and by confirming, and not by looking how far it is: the person
// may have told them nothing.
func TestTheAccountIsNotToldBeforeTheProof(t *testing.T) {
	b := enginetest.New(t)
	s := newOpenID(t, b)
	_, page := s.agree(t, nil, s.key)
	if !strings.Contains(page, "alice@example.com") {
		t.Errorf("%s", page)
	}
	for _, path := range []string{"authorize/r", "status/r"} {
		if got := fmt.Sprint(b.Data(path)); strings.Contains(got, "alice") {
			t.Errorf("%s: %s", path, got)
		}
	}
}

// Another account than before is said, and so is one that is not known; who came before is remembered meanwhile.
func TestTheAccountsOneAfterAnother(t *testing.T) {
	b := enginetest.New(t)
	s := newOpenID(t, b)
	next := func(claims enginetest.Fields) string {
		t.Helper()
		_, page := s.agree(t, claims, s.key)
		return strings.Join(b.Write("confirm/r", enginetest.Fields{"confirmation_code": enginetest.CodeOn(page)}).Warnings, "; ")
	}
	for _, c := range []struct{ email, want string }{
		{"alice@example.com", ""}, {"alice@example.com", ""}, {"bob@example.com", "another account than before"}, {"bob@example.com", ""},
	} {
		if got := next(enginetest.Fields{"email": c.email}); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q", c.email, got)
		}
	}
	b.Write("roles/r", enginetest.Fields{"scope": "read"})
	s.Answer = nil
	_, page := b.Callback(s.Agree(b.Authorize()))
	if got := b.Write("confirm/r", enginetest.Fields{"confirmation_code": enginetest.CodeOn(page)}).Warnings; len(got) != 1 || !strings.Contains(got[0], "has not said whose account this is") {
		t.Errorf("%q", got)
	}
	b.Write("roles/r", enginetest.Fields{"scope": "openid read"})
	_, page = b.Callback(s.Agree(b.Authorize()))
	if got := b.Write("confirm/r", enginetest.Fields{"confirmation_code": enginetest.CodeOn(page)}).Warnings; len(got) != 1 || !strings.Contains(got[0], "no ID token came") {
		t.Errorf("%q", got)
	}
	if got := next(enginetest.Fields{"email": "alice@example.com"}); !strings.Contains(got, "another account than before") { // than Bob
		t.Errorf("%q", got)
	}
	s.ask = enginetest.Fields{"login_hint": "carol@example.com"}
	if got := next(enginetest.Fields{"email": "alice@example.com"}); !strings.Contains(got, "login_hint has named another account") {
		t.Errorf("%q", got)
	}
	s.ask["login_hint"] = "Alice@example.com"
	if got := next(enginetest.Fields{"email": "alice@example.com"}); got != "" {
		t.Errorf("%q", got)
	}
}
