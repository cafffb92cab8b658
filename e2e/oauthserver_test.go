package e2e

import (
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/storage"
)

// oauthServer is an OAuth server that nobody here wrote: ory/fosite with its own in-memory store, over
// TLS. It rotates refresh tokens, and a spent one that comes back ends the whole grant.
type oauthServer struct {
	*httptest.Server
	t        *testing.T
	provider fosite.OAuth2Provider

	mu     sync.Mutex
	counts tally
}

// tally is what the library itself has decided.
type tally struct {
	Requests, Refreshes int
	Replays             int // refresh tokens that its store knows to be inactive
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
	s := &oauthServer{t: t, provider: compose.Compose(config, store, compose.NewOAuth2HMACStrategy(config),
		compose.OAuth2ResourceOwnerPasswordCredentialsFactory, compose.OAuth2RefreshTokenGrantFactory,
		compose.OAuth2ClientCredentialsGrantFactory, compose.OAuth2TokenIntrospectionFactory,
		compose.OAuth2TokenRevocationFactory)}
	mux := http.NewServeMux()
	mux.HandleFunc("/token", s.token)
	mux.HandleFunc("/revoke", s.revoke)
	s.Server = httptest.NewTLSServer(mux)
	t.Cleanup(s.Close)
	return s
}

// token is the handler that the library's documentation shows, with its verdict written down.
func (s *oauthServer) token(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	request, err := s.provider.NewAccessRequest(ctx, r, new(fosite.DefaultSession))
	refresh := r.PostForm.Get("grant_type") == "refresh_token"
	s.mu.Lock()
	s.counts.Requests++
	if errors.Is(err, fosite.ErrInactiveToken) {
		s.counts.Replays++
	}
	s.mu.Unlock()
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

func (s *oauthServer) revoke(w http.ResponseWriter, r *http.Request) {
	s.provider.WriteRevocationResponse(r.Context(), w, s.provider.NewRevocationRequest(r.Context(), r))
}

func (s *oauthServer) tally() tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// live asks the library whether it accepts an access token.
func (s *oauthServer) live(token string) bool {
	_, _, err := s.provider.IntrospectToken(s.t.Context(), token, fosite.AccessToken, new(fosite.DefaultSession))
	return err == nil
}

// grant is the resource owner's consent: the password grant, which gives a refresh token.
func (s *oauthServer) grant() string {
	s.t.Helper()
	out := s.post(url.Values{
		"grant_type": {"password"}, "username": {oauthUser}, "password": {"password of peter"},
		"scope": {"offline documents"},
	})
	token, _ := out["refresh_token"].(string)
	if token == "" {
		s.t.Fatalf("the OAuth server gives no grant: %v", out["error"])
	}
	return token
}

// post sends a token request from outside of Vault.
func (s *oauthServer) post(form url.Values) map[string]any {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.URL+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(oauthClient), url.QueryEscape(oauthSecret))
	resp, err := s.Client().Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		s.t.Fatal(err)
	}
	return out
}

// authority is the PEM file of the certificate that the server shows.
func (s *oauthServer) authority() string {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(path, block, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}
