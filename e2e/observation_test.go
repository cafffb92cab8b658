package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
)

// stats is what a provider has counted.
type stats struct {
	Requests, Successes, Refusals, Replays, Resends, Generation int
}

func (s *sandbox) stats(provider string) stats {
	s.t.Helper()
	all := map[string]stats{}
	s.call("/stats", nil, &all)
	out, ok := all[provider]
	if !ok {
		s.t.Fatalf("the sandbox has no provider %s", provider)
	}
	return out
}

// control changes a provider's behaviour; the fields are those of POST /control.
func (s *sandbox) control(provider string, fields map[string]any) {
	s.t.Helper()
	body := map[string]any{"provider": provider}
	for name, value := range fields {
		body[name] = value
	}
	s.call("/control", body, nil)
}

// controlGrant is control of one grant, known by any refresh token that it ever had: what is ordered befalls nobody else.
func (s *sandbox) controlGrant(provider, refreshToken string, fields map[string]any) {
	s.t.Helper()
	s.control(provider, with(fields, "refresh_token", refreshToken))
}

// grant starts a new grant and returns its refresh token.
func (s *sandbox) grant(provider string) string {
	s.t.Helper()
	return s.grantTo(provider, "")
}

// grantTo is grant for one of the provider's applications.
func (s *sandbox) grantTo(provider, client string) string {
	s.t.Helper()
	var out struct {
		RefreshToken string `json:"refresh_token"`
	}
	s.call("/grant", map[string]any{"provider": provider, "client_id": client}, &out)
	canaries.add(provider+" refresh token", out.RefreshToken)
	return out.RefreshToken
}

// live tells whether the provider would accept an access token now, and if not, why.
func (s *sandbox) live(provider, token string) (bool, string) {
	s.t.Helper()
	var out struct {
		Active bool
		Reason string
	}
	s.call("/introspect", map[string]any{"provider": provider, "token": token}, &out)
	return out.Active, out.Reason
}

// wantLive fails the test unless the provider accepts the access token.
func (s *sandbox) wantLive(provider, token string) {
	s.t.Helper()
	if ok, why := s.live(provider, token); !ok {
		s.t.Fatalf("%s does not accept the access token: %s", provider, why)
	}
}

// register changes what an application of the generic server proves itself with; what is PEM is named by its file.
func (s *sandbox) register(client string, fields map[string]any) {
	s.t.Helper()
	body := map[string]any{"client_id": client}
	for name, value := range fields {
		if body[name] = value; name == "client_secret" {
			canaries.add("client secret of "+client, value.(string))
			continue
		}
		text, err := os.ReadFile(value.(string))
		if err != nil {
			s.t.Fatal(err)
		}
		body[name] = string(text)
	}
	s.control("generic", body)
}

// call asks the observation API: a GET without a body, else a POST.
func (s *sandbox) call(path string, body, into any) {
	s.t.Helper()
	method, payload := http.MethodGet, []byte(nil)
	if body != nil {
		method = http.MethodPost
		payload, _ = json.Marshal(body)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, s.env["SANDBOX_API"]+path, bytes.NewReader(payload))
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		s.t.Fatalf("sandbox %s: %s", path, resp.Status)
	}
	if into != nil {
		if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
			s.t.Fatal(err)
		}
	}
}
