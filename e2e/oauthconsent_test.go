package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v3"
	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/handler/openid"
	"github.com/ory/fosite/token/jwt"
)

// The two who can agree at the OAuth server. Their browser is logged in: it shows their name and password.
const petra, mary = "petra@example.test", "mary@example.test"

// asker is the part of the OAuth server that asks people: authorization endpoint, ID tokens, pushed requests.
type asker struct {
	*oauthServer
	key  jose.JSONWebKey // signs ID tokens
	keys jose.JSONWebKey // what jwks_uri says that signs them

	// What is wrong with the server, under mu.
	nonce    string // in place of the one that was asked for
	keysDown bool
	asked    []url.Values // what browsers came with
}

// startAsker starts a server at which people agree, and says all about it in its metadata. PKCE is enforced.
func startAsker(t *testing.T, redirectURIs ...string) *asker {
	t.Helper()
	a := &asker{oauthServer: startOAuthServer(t, time.Hour), key: signingKey(t)}
	a.keys = a.key
	config := a.config
	config.EnforcePKCE, config.IDTokenIssuer = true, a.URL
	config.RedirectSecureChecker = func(_ context.Context, u *url.URL) bool { return net.ParseIP(u.Hostname()).IsLoopback() }
	before := a.store.Clients[oauthClient].(*fosite.DefaultClient)
	before.RedirectURIs, before.ResponseTypes = redirectURIs, []string{"code"}
	before.GrantTypes = append(before.GrantTypes, "authorization_code")
	before.Scopes = append(before.Scopes, "openid", "email", "offline_access")
	a.store.Clients[oauthClient] = &fosite.DefaultResponseModeClient{DefaultClient: before, ResponseModes: []fosite.ResponseModeType{fosite.ResponseModeDefault, fosite.ResponseModeFormPost, fosite.ResponseModeQuery}}
	signer := func(context.Context) (any, error) { return &a.key, nil }
	a.provider = compose.Compose(config, a.store,
		compose.CommonStrategy{CoreStrategy: compose.NewOAuth2HMACStrategy(config), OpenIDConnectTokenStrategy: compose.NewOpenIDConnectStrategy(signer, config), Signer: &jwt.DefaultSigner{GetPrivateKey: signer}},
		compose.OAuth2AuthorizeExplicitFactory, compose.OAuth2RefreshTokenGrantFactory, compose.OAuth2PKCEFactory, compose.OpenIDConnectExplicitFactory,
		compose.OpenIDConnectRefreshFactory, compose.PushedAuthorizeHandlerFactory, compose.OAuth2TokenIntrospectionFactory, compose.OAuth2TokenRevocationFactory)
	a.mux.HandleFunc("GET /authorize", a.authorize)
	a.mux.HandleFunc("POST /par", a.push)
	a.mux.HandleFunc("GET /jwks", a.jwks)
	a.publish(a.describes())
	return a
}

func signingKey(t *testing.T) jose.JSONWebKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: key, KeyID: "k1", Algorithm: "ES256", Use: "sig"}
}

// describes are the server's metadata (RFC 8414, RFC 9126 section 5, RFC 9207 section 3).
func (a *asker) describes() map[string]any {
	return map[string]any{
		"issuer": a.URL, "token_endpoint": a.URL + "/token", "revocation_endpoint": a.URL + "/revoke",
		"authorization_endpoint": a.URL + "/authorize", "pushed_authorization_request_endpoint": a.URL + "/par", "jwks_uri": a.URL + "/jwks",
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		"response_types_supported":              []string{"code"}, "response_modes_supported": []string{"query", "form_post"},
		"grant_types_supported": []string{"authorization_code", "refresh_token"}, "code_challenge_methods_supported": []string{"S256"},
		"scopes_supported": []string{"openid", "email", "offline_access", "documents"},
		"authorization_response_iss_parameter_supported": true,
	}
}

// authorize is the handler that the library's documentation shows. Who is logged in has agreed.
func (a *asker) authorize(w http.ResponseWriter, r *http.Request) {
	who, password, _ := r.BasicAuth()
	if password != "password of "+who {
		http.Error(w, "log in first", http.StatusUnauthorized)
		return
	}
	a.working.Lock()
	defer a.working.Unlock()
	a.mu.Lock()
	a.asked = append(a.asked, r.URL.Query())
	nonce := a.nonce
	a.mu.Unlock()
	ctx := r.Context()
	request, err := a.provider.NewAuthorizeRequest(ctx, r)
	if err != nil {
		a.provider.WriteAuthorizeError(ctx, w, request, err)
		return
	}
	if nonce != "" {
		request.GetRequestForm().Set("nonce", nonce)
	}
	for _, scope := range request.GetRequestedScopes() {
		request.GrantScope(scope)
	}
	response, err := a.provider.NewAuthorizeResponse(ctx, request, a.session(who))
	if err != nil {
		a.provider.WriteAuthorizeError(ctx, w, request, err)
		return
	}
	response.AddParameter("iss", a.URL) // RFC 9207, which the library leaves to its user
	a.provider.WriteAuthorizeResponse(ctx, w, request, response)
}

func (a *asker) session(who string) *openid.DefaultSession {
	s := openid.NewDefaultSession()
	s.Subject, s.Claims.Subject = "subject of "+who, "subject of "+who
	s.Claims.AuthTime, s.Claims.Extra = time.Now(), map[string]any{"email": who}
	s.Headers.Add("kid", a.key.KeyID)
	return s
}

// push is the endpoint for pushed requests (RFC 9126).
func (a *asker) push(w http.ResponseWriter, r *http.Request) {
	a.working.Lock()
	defer a.working.Unlock()
	ctx := r.Context()
	request, err := a.provider.NewPushedAuthorizeRequest(ctx, r)
	if err == nil {
		var response fosite.PushedAuthorizeResponder
		if response, err = a.provider.NewPushedAuthorizeResponse(ctx, request, a.session("")); err == nil {
			a.provider.WritePushedAuthorizeResponse(ctx, w, request, response)
			return
		}
	}
	a.provider.WritePushedAuthorizeError(ctx, w, request, err)
}

func (a *asker) jwks(w http.ResponseWriter, _ *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.keysDown {
		http.Error(w, "later", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{a.keys.Public()}})
}

// changed changes what is wrong with the server.
func (a *asker) changed(change func(*asker)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(a)
}

// redirects registers another redirect URI.
func (a *asker) redirects(uri string) {
	a.working.Lock()
	defer a.working.Unlock()
	client := a.store.Clients[oauthClient].(*fosite.DefaultResponseModeClient)
	client.RedirectURIs = append(client.RedirectURIs, uri)
}

// authorizationRequest is one that is made without the engine.
func authorizationRequest(verifier, redirectURI string) url.Values {
	sum := sha256.Sum256([]byte(verifier))
	return url.Values{
		"response_type": {"code"}, "client_id": {oauthClient}, "redirect_uri": {redirectURI}, "scope": {"documents offline_access"}, "state": {"a-state-of-its-own"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
}

// arrival is what a browser brings back to a redirect URI.
type arrival struct {
	address string
	form    url.Values // that is posted, nil for a GET
}

var (
	formAction = regexp.MustCompile(`<form[^>]* action="([^"]*)"`)
	formField  = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
)

// agree is somebody whose browser opens an address, agrees at the server, and is sent back.
func (a *asker) agree(who, address string) arrival {
	a.t.Helper()
	for range 5 {
		client := stranger
		req, err := http.NewRequestWithContext(a.t.Context(), http.MethodGet, address, nil)
		if err != nil {
			a.t.Fatal(err)
		}
		if strings.HasPrefix(address, a.URL+"/") {
			own := *a.Client()
			own.CheckRedirect = stranger.CheckRedirect
			client = &own
			req.SetBasicAuth(who, "password of "+who)
		} else if !strings.Contains(address, "/start/") {
			return arrival{address: address}
		}
		resp, err := client.Do(req)
		if err != nil {
			a.t.Fatal(err)
		}
		text, err := readAll(resp)
		if err != nil {
			a.t.Fatal(err)
		}
		if resp.StatusCode == http.StatusOK {
			action := formAction.FindStringSubmatch(text)
			if action == nil {
				a.t.Fatalf("a page without a form: %s", text)
			}
			back := arrival{address: html.UnescapeString(action[1]), form: url.Values{}}
			for _, field := range formField.FindAllStringSubmatch(text, -1) {
				back.form.Set(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
			}
			return back
		}
		if address = resp.Header.Get("Location"); address == "" {
			a.t.Fatalf("%s %s", resp.Status, text)
		}
	}
	a.t.Fatal("the browser is sent round and round")
	return arrival{}
}

// arrives brings it.
func (a arrival) arrives(t *testing.T) shownPage {
	t.Helper()
	if a.form != nil {
		return visit(t, http.MethodPost, a.address, a.form)
	}
	return visit(t, http.MethodGet, a.address, nil)
}
