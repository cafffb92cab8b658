package e2e

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/ory/fosite"
)

func (s *oauthServer) tally() tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// live asks the library whether it accepts an access token.
func (s *oauthServer) live(token string) bool {
	s.working.Lock()
	defer s.working.Unlock()
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

// publish replaces what the server says about itself.
func (s *oauthServer) publish(metadata map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.metadata = metadata
}

func (s *oauthServer) describe(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s.metadata)
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
