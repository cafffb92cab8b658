package oauth

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// idTokenLife is PingOne's.
const idTokenLife = time.Hour

// signer is a server's key for ID tokens. It is made when it is first used: most tests need none, and RSA takes its time.
type signer struct {
	once sync.Once
	key  jose.JSONWebKey
}

func (s *signer) get() jose.JSONWebKey {
	s.once.Do(func() {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err) // never fails, see crypto/rand
		}
		s.key = jose.JSONWebKey{Key: key, KeyID: rand.Text(), Algorithm: string(jose.RS256), Use: "sig"}
	})
	return s.key
}

// identify adds the ID token to what a grant of a person's gets, where openid was agreed to (OpenID Connect Core
// sections 2 and 3.1.3.3). A refresh brings one without nonce (section 12.2).
func (l *Ledger) identify(c *Call, out *Issued) {
	if out.User == nil || !hasScope(out.Scope, "openid") {
		return
	}
	said := map[string]any{
		"iss": l.Authorization.Issuer(c), "sub": out.User.Subject, "aud": c.app.ID, "iat": c.now.Unix(),
		"exp": c.now.Add(idTokenLife).Unix(), "email": out.User.Name, "preferred_username": out.User.Name,
	}
	if out.nonce != "" {
		said["nonce"] = out.nonce
	}
	out.IDToken = l.signer.sign(said)
}

func (s *signer) sign(said map[string]any) string {
	by, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: s.get()}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		panic(err) // the key is of its own making
	}
	signed, err := by.Sign(Encode(said))
	if err != nil {
		panic(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return text
}

// keys are for whoever verifies (RFC 7517 section 5).
func (l *Ledger) keys(c *Call) (map[string]any, *Refusal) {
	if r := c.judgePublic("keys"); r != nil {
		return nil, r
	}
	secret := l.signer.get()
	key, err := json.Marshal(secret.Public())
	if err != nil {
		panic(err)
	}
	return map[string]any{"keys": []json.RawMessage{key}}, nil
}

// judgePublic refuses what has no place in a request for something that anybody may see.
func (c *Call) judgePublic(what string) *Refusal {
	switch {
	case c.Req.Method != http.MethodGet:
		return Refuse(BadMethod, "the "+what+" are there for GET only")
	case c.Req.URL.RawQuery != "" || len(c.body) > 0:
		return Refuse("invalid_request", "the "+what+" take no parameters")
	case c.Req.Header.Get("Authorization") != "" || c.Req.Header.Get("Cookie") != "":
		return Refuse("invalid_request", "credentials in a request for "+what)
	}
	return nil
}
