package client

import (
	"cmp"
	"net/url"
	"time"
)

// check refuses a request that can't succeed, before anything is sent.
func (r *Request) check() error {
	switch {
	case !r.spends() && r.GrantType != GrantClientCredentials && r.GrantType != GrantJWTBearer:
		return unsent("grant_type must be refresh_token, client_credentials or jwt-bearer")
	case (r.GrantType == GrantAuthorizationCode || r.GrantType == GrantDeviceCode) && !r.Code.IsSet():
		return unsent("there is no " + r.presented() + " to exchange; begin again")
	case r.GrantType == GrantRefreshToken && !r.RefreshToken.IsSet():
		return unsent("there is no refresh token; write one")
	case r.GrantType == GrantJWTBearer && r.Assertion.Key == nil:
		return unsent("there is no key to sign the assertion with; write assertion_private_key, or pfx")
	}
	return r.checkClient()
}

// checkClient refuses credentials that are incomplete.
func (r *Request) checkClient() error {
	switch {
	case r.ClientID == "":
		return unsent("client_id is missing; write it")
	case r.Provider.NeedsCertificate() && r.Identity == nil:
		return unsent("this provider requires a client certificate; write pfx, or client_certificate and client_private_key")
	case r.authMethod() == AuthKeyJWT && r.Assertion.Key == nil:
		return unsent("private_key_jwt needs a key; write assertion_private_key, or pfx")
	}
	return nil
}

// authMethod is how the client authenticates. A JWT bearer grant whose client has no secret is proof
// enough of itself (RFC 7523 section 3.1).
func (r *Request) authMethod() string {
	if r.Provider.UsesSecret() && r.GrantType == GrantJWTBearer && !r.ClientSecret.IsSet() {
		return AuthNone
	}
	return cmp.Or(r.Provider.TokenEndpointAuthMethod, AuthBasic)
}

// clientParams say in the body who the client is. With Basic authentication it is in the header
// and, but for Provider.SendClientID, nowhere else: RFC 6749 section 2.3 allows one method per request, and servers check.
func (r *Request) clientParams(now time.Time) ([]param, error) {
	params := []param{{"client_id", r.ClientID}} // RFC 8705 section 2: with certificates too
	switch r.authMethod() {
	case AuthBasic:
		if !r.Provider.SendClientID {
			return nil, nil
		}
	case AuthPost:
		if r.ClientSecret.IsSet() {
			params = append(params, param{"client_secret", r.ClientSecret.Reveal()})
		}
	case AuthKeyJWT, AuthSecretJWT:
		assertion, err := r.clientAssertion(now)
		return append(params, param{"client_assertion_type", clientAssertionType}, param{"client_assertion", assertion}), err
	}
	return params, nil
}

// basic joins id and secret. RFC 6749 section 2.3.1 has both form-encoded first, and servers
// that follow it need that for '+', '%' and ':'; others compare the encoded bytes and then refuse
// any credential that holds one of these, hence the choice. Both are UTF-8 either way.
func (r *Request) basic() string {
	id, secret := r.ClientID, r.ClientSecret.Reveal()
	if r.Provider.BasicEncoding != BasicRaw {
		id, secret = url.QueryEscape(id), url.QueryEscape(secret)
	}
	return id + ":" + secret
}

// secrets are what a request holds that no reader may get, however a server gives it back. An assertion is
// one as long as it lives.
func (r *Request) secrets() []string {
	secrets := []string{r.ClientSecret.Reveal(), r.RefreshToken.Reveal(), r.Code.Reveal(), r.CodeVerifier.Reveal()}
	if r.made != nil {
		secrets = append(secrets, r.made.assertions...)
	}
	return secrets
}
