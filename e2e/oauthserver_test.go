package e2e

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/handler/openid"
	"github.com/ory/fosite/storage"
)

// oauthServer is an OAuth server that nobody here wrote: ory/fosite with its own in-memory store, over
// TLS. It rotates refresh tokens, and a spent one that comes back ends the whole grant.
type oauthServer struct {
	*httptest.Server
	t        *testing.T
	mux      *http.ServeMux
	config   *fosite.Config
	provider fosite.OAuth2Provider
	store    *storage.MemoryStore
	weather  *weather // what happens to token requests on their way; nil for nothing

	working  sync.Mutex // held while the library is at work: its store changes its maps under other locks than it reads them
	mu       sync.Mutex
	counts   tally
	metadata map[string]any // RFC 8414
	signed   url.Values     // the last request with a client assertion
}

// tally is what the library itself has decided.
type tally struct {
	Requests, Refreshes int
	Replays             int // refresh tokens that its store knows to be inactive
	UsedIDs             int // assertions whose jti its store knows
}

// The secret shows whether the client form-encodes a Basic pair, which this library decodes (RFC 6749
// section 2.3.1).
const (
	oauthClient = "vault engine"
	oauthSecret = "fosite+secret:100%/canary"
	oauthUser   = "peter"
)

func startOAuthServer(t *testing.T, lifetime time.Duration) *oauthServer {
	t.Helper()
	canaries.add("secret at the OAuth server", oauthSecret)
	config := &fosite.Config{
		GlobalSecret:         []byte(rand.Text() + rand.Text())[:32],
		AccessTokenLifespan:  lifetime,
		RefreshTokenLifespan: time.Hour,
		HashCost:             4, // the test is not about bcrypt

		GrantTypeJWTBearerCanSkipClientAuth: true, // the assertion is proof enough
	}
	hash, err := config.GetSecretsHasher(t.Context()).Hash(t.Context(), []byte(oauthSecret))
	if err != nil {
		t.Fatal(err)
	}
	store := storage.NewMemoryStore()
	store.Clients[oauthClient] = &fosite.DefaultClient{
		ID: oauthClient, Secret: hash, Scopes: []string{"offline", "documents"},
		GrantTypes: []string{"password", "refresh_token", "client_credentials"},
	}
	store.Users[oauthUser] = storage.MemoryUserRelation{Username: oauthUser, Password: "password of peter"}
	//lint:ignore SA1019 the password grant is deprecated, and still the shortest way to a refresh token without a browser
	password := compose.OAuth2ResourceOwnerPasswordCredentialsFactory
	s := &oauthServer{t: t, mux: http.NewServeMux(), config: config, store: store, provider: compose.Compose(config, store, compose.NewOAuth2HMACStrategy(config),
		password, compose.OAuth2RefreshTokenGrantFactory, compose.RFC7523AssertionGrantFactory,
		compose.OAuth2ClientCredentialsGrantFactory, compose.OAuth2TokenIntrospectionFactory,
		compose.OAuth2TokenRevocationFactory)}
	s.mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		plantSpent(r)
		s.weather.pass(w, r, s.token)
	})
	s.mux.HandleFunc("/revoke", s.revoke)
	s.mux.HandleFunc("GET /.well-known/oauth-authorization-server", s.describe)
	s.Server = httptest.NewTLSServer(s.mux)
	s.publish(map[string]any{
		"issuer": s.URL, "token_endpoint": s.URL + "/token", "revocation_endpoint": s.URL + "/revoke",
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
	})
	config.TokenURL = s.URL + "/token"
	t.Cleanup(s.Close)
	return s
}

// token is the handler that the library's documentation shows, with its verdict written down.
func (s *oauthServer) token(w http.ResponseWriter, r *http.Request) {
	s.working.Lock()
	defer s.working.Unlock()
	ctx := r.Context()
	request, err := s.provider.NewAccessRequest(ctx, r, openid.NewDefaultSession())
	refresh := r.PostForm.Get("grant_type") == "refresh_token"
	s.count(r, err)
	if err != nil {
		s.provider.WriteAccessError(ctx, w, request, err)
		return
	}
	if !refresh {
		for _, scope := range request.GetRequestedScopes() {
			request.GrantScope(scope)
		}
	}
	response, err := s.provider.NewAccessResponse(ctx, request)
	if err != nil {
		s.provider.WriteAccessError(ctx, w, request, err)
		return
	}
	if refresh {
		s.mu.Lock()
		s.counts.Refreshes++
		s.mu.Unlock()
	}
	if token, ok := response.GetExtra("refresh_token").(string); ok {
		canaries.add("refresh token of the OAuth server", token)
	}
	s.provider.WriteAccessResponse(ctx, w, request, response)
}

// plantSpent makes canaries of what a request is signed with: until it expires, whoever has it is the client.
// A part of it would be a leak too. So it is with a code's verifier.
func plantSpent(r *http.Request) {
	if r.ParseForm() != nil {
		return // the library will say so
	}
	for _, name := range []string{"assertion", "client_assertion"} {
		for i, part := range strings.Split(r.PostForm.Get(name), ".") {
			if i > 0 { // the header is the same for all, and no secret
				canaries.add(name+" at the OAuth server", part)
			}
		}
	}
	canaries.add("code_verifier at the OAuth server", r.PostForm.Get("code_verifier"))
}

// count writes down a token request.
func (s *oauthServer) count(r *http.Request, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.Requests++
	if errors.Is(err, fosite.ErrInactiveToken) {
		s.counts.Replays++
	}
	if errors.Is(err, fosite.ErrJTIKnown) {
		s.counts.UsedIDs++
	}
	if signed := r.PostForm.Get("client_assertion"); signed != "" {
		s.signed = r.PostForm
	}
}

func (s *oauthServer) revoke(w http.ResponseWriter, r *http.Request) {
	s.working.Lock()
	defer s.working.Unlock()
	s.provider.WriteRevocationResponse(r.Context(), w, s.provider.NewRevocationRequest(r.Context(), r))
}
