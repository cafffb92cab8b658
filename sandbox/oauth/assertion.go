package oauth

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// The values of RFC 7523 section 2.
const (
	clientAssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	GrantJWTBearer      = "urn:ietf:params:oauth:grant-type:jwt-bearer"
)

// methodAssertion is how credentials came that are signed. Which of the two methods it is, the registration says.
const methodAssertion = "client_assertion"

// maxAssertion is the longest life of an assertion: Salesforce's three minutes, the strictest limit known.
const maxAssertion = 3 * time.Minute

// claims of an assertion. The audience is one string: FAPI 2.0 servers refuse a list.
type claims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	ID       string `json:"jti"`
	Issued   int64  `json:"iat"`
	Begins   int64  `json:"nbf"`
	Ends     int64  `json:"exp"`
}

// asserted checks the client assertion of an application (RFC 7523 section 3).
func (c *Call) asserted(a *App) *Refusal {
	got, why := c.open(a, c.Form.Get("client_assertion"))
	switch {
	case why != "":
	case got.Issuer != a.ID || got.Subject != a.ID:
		why = "iss and sub are not both the client_id"
	default:
		why = c.judgeClaims(got)
	}
	if why != "" {
		return Refuse("invalid_client", "client_assertion: "+why)
	}
	return nil
}

// JWTBearer finds the application behind a JWT bearer grant: its assertion says who asks, and nothing else may.
func (c *Call) JWTBearer() (*App, *Refusal) {
	for _, other := range []string{"client_id", "client_secret", "client_assertion", "client_assertion_type"} {
		if c.Form.Has(other) {
			return nil, Refuse("invalid_request", "the assertion is all that this server takes, without "+other)
		}
	}
	if len(c.Req.Header.Values("Authorization")) > 0 {
		return nil, Refuse("invalid_request", "credentials sent in two ways: header and assertion")
	}
	for i := range c.Apps {
		a := &c.Apps[i]
		if a.Method != GrantJWTBearer {
			continue
		}
		got, why := c.open(a, c.Form.Get("assertion"))
		switch {
		case why != "":
		case got.Issuer != a.ID:
			why = "unknown iss"
		case got.Subject != a.Subject:
			why = "this client may not ask on behalf of that sub"
		default:
			why = c.judgeClaims(got)
		}
		if why != "" {
			return nil, Refuse("invalid_grant", "assertion: "+why)
		}
		return a, nil
	}
	return nil, Refuse("unauthorized_client", "no client here has this grant")
}

// open verifies the signature with the one algorithm that the application is registered with, and reads the
// claims; or it says what is wrong.
func (c *Call) open(a *App, token string) (got claims, why string) {
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(a.Alg)})
	if err != nil {
		return got, "no JWT, or not signed with " + a.Alg
	}
	key := a.Key
	if a.Method == "client_secret_jwt" {
		key = []byte(a.Secret)
	}
	payload, err := signed.Verify(key)
	if err != nil {
		return got, "the signature is not of the registered key"
	}
	if kid := signed.Signatures[0].Protected.KeyID; kid != a.KeyID {
		return got, "the kid is not the registered one"
	}
	if err := json.Unmarshal(payload, &got); err != nil {
		return got, "the claims can't be read, aud must be one string"
	}
	return got, ""
}

// judgeClaims looks at what holds for both kinds. The clock is the server's, with no tolerance at all.
func (c *Call) judgeClaims(got claims) string {
	now := c.now.Add(c.clockOffset).Unix()
	switch {
	case got.Audience != "https://"+c.Req.Host+c.TokenPath:
		return "aud is not the token endpoint"
	case got.Issued == 0 || got.Issued > now || got.Begins > now:
		return "iat or nbf is missing, or in the future"
	case got.Ends <= now:
		return "it has no exp or has expired"
	case got.Ends-got.Issued > int64(maxAssertion/time.Second):
		return fmt.Sprintf("it lives longer than %s", maxAssertion)
	case got.ID == "":
		return "it has no jti"
	case !c.first(got.ID):
		return "its jti was used before"
	}
	return ""
}

// first tells whether an assertion comes for the first time, and remembers it.
func (l *Ledger) first(jti string) bool {
	if l.jtis[jti] {
		return false
	}
	l.jtis[jti] = true
	return true
}
