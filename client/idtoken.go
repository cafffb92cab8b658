package client

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// tokenLeeway is by how much an ID token may have expired: clocks differ, and it is looked at once it has come.
const tokenLeeway = time.Minute

// IDTokenRequest is an ID token, and what it must say (OpenID Connect Core section 3.1.3.7).
type IDTokenRequest struct {
	// Issuer is who must have made it, "" when nobody knows.
	Issuer string
	// JWKSURI is where the issuer's keys are.
	JWKSURI string
	// ClientID is for whom it must be.
	ClientID string
	// Nonce is that of the authorization request, "" for none.
	Nonce string
	// Token is the ID token, from Token.IDToken.
	Token Secret
}

// VerifyIDToken returns the claims of an ID token that one of the keys at JWKSURI has signed, and that says what it must,
// numbers as json.Number. Every error is an *Error, and holds nothing of a claim: NotProcessed when the keys could not
// be fetched, so that trying again makes sense, ClientRefused when the token is not right.
func VerifyIDToken(ctx context.Context, o Options, r IDTokenRequest) (claims map[string]any, err error) {
	if _, err := r.claims(); err != nil { // before anything is fetched, and with a sentence of its own
		return nil, err
	}
	if alg := r.algorithm(); !slices.Contains(algorithmNames(idTokenAlgorithms), alg) {
		return nil, unsent("the ID token is not signed in a way that keys at jwks_uri can check: choose RS256 or ES256 for the application at the provider, or leave jwks_uri out")
	}
	keys := &keySet{o: o, uri: r.JWKSURI}
	token, err := oidc.NewVerifier(r.Issuer, keys, &oidc.Config{
		ClientID: r.ClientID, SkipIssuerCheck: r.Issuer == "", SupportedSigningAlgs: algorithmNames(idTokenAlgorithms),
		Now: func() time.Time { return clock.Now().Add(-tokenLeeway) },
	}).Verify(ctx, r.Token.Reveal())
	if keys.failure != nil {
		return nil, keys.failure
	}
	var text json.RawMessage
	if err != nil || token.Claims(&text) != nil {
		return nil, unsent("the ID token is not signed with a key at jwks_uri, or not to be used yet: check jwks_uri and issuer, and begin again")
	}
	return r.check(text)
}

// UnverifiedIDToken is VerifyIDToken without its signature, for providers whose keys nobody knows: of a token that came
// from the token endpoint itself, TLS vouches for the sender (OpenID Connect Core section 3.1.3.7, item 6).
func UnverifiedIDToken(r IDTokenRequest) (claims map[string]any, err error) { return r.claims() }

// algorithm is what the token says that it is signed with.
func (r IDTokenRequest) algorithm() string {
	var header struct {
		Algorithm string `json:"alg"`
	}
	text, _, _ := strings.Cut(r.Token.Reveal(), ".")
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(decoded, &header) != nil {
		return ""
	}
	return header.Algorithm
}

// claims are what the token says, checked, but for its signature.
func (r IDTokenRequest) claims() (map[string]any, error) {
	token := r.Token.Reveal()
	switch {
	case token == "":
		return nil, unsent("there is no ID token in the answer: add openid to the scope")
	case len(token) > maxToken:
		return nil, unsent("the ID token is larger than 64 KiB, more than can be kept: let the provider put less into it")
	case strings.Count(token, ".") == 4:
		return nil, unsent("the ID token is encrypted, which is not supported: switch that off for the application at the provider")
	}
	payload := jwtPayload(token)
	if payload == nil || !isVisible(token) {
		return nil, unsent("what came as id_token is no JWT")
	}
	return r.check(payload)
}

// check returns claims that say what they must.
func (r IDTokenRequest) check(payload []byte) (map[string]any, error) {
	var claims map[string]any
	dec := json.NewDecoder(bytes.NewReader(payload))
	dec.UseNumber()
	if dec.Decode(&claims) != nil || claims == nil || dec.More() {
		return nil, unsent("what came as id_token is no JWT")
	}
	audiences := texts(claims["aud"])
	number, _ := claims["exp"].(json.Number)
	end, err := number.Float64()
	switch {
	case r.Issuer != "" && claims["iss"] != r.Issuer && !(r.Issuer == googleIssuer && claims["iss"] == googleIssuerBefore):
		return nil, unsent("the ID token is from another issuer than the provider's: correct issuer, which is to be what the server's metadata say")
	case r.ClientID == "" || !slices.Contains(audiences, r.ClientID):
		return nil, unsent("the ID token is meant for another client: check client_id, and begin again")
	case (claims["azp"] != nil || len(audiences) > 1) && claims["azp"] != r.ClientID:
		return nil, unsent("the ID token was issued to another client (azp): check client_id, and begin again")
	case err != nil:
		return nil, unsent("the ID token does not say when it expires")
	case end <= float64(clock.Now().Add(-tokenLeeway).Unix()):
		return nil, unsent("the ID token has expired already: check the clock of this host, and begin again")
	case r.Nonce != "" && claims["nonce"] != r.Nonce:
		return nil, unsent("the ID token belongs to another authorization request (nonce): begin again")
	}
	return claims, nil
}

// Google's issuer, and how its tokens named it before it had a scheme, which some still do.
const (
	googleIssuer       = "https://accounts.google.com"
	googleIssuerBefore = "accounts.google.com"
)

// texts are a claim that is a text or a list of texts (RFC 7519 section 4.1.3).
func texts(claim any) (all []string) {
	list, ok := claim.([]any)
	if !ok {
		list = []any{claim}
	}
	for _, element := range list {
		if text, ok := element.(string); ok {
			all = append(all, text)
		}
	}
	return all
}
