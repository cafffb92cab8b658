package watch

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"vault-plugin-secrets-oauthrefresh/sandbox/oauth"
)

// Entry is one received request as GET /requests shows it. Whatever may be a secret is replaced by a short
// digest, so that two requests can be seen to carry the same value and none can be read off.
type Entry struct {
	Seq        int               `json:"seq"`
	Time       time.Time         `json:"time"`
	Provider   string            `json:"provider"`
	Endpoint   string            `json:"endpoint,omitempty"`
	Via        string            `json:"via"` // proxy or direct
	Method     string            `json:"method"`
	Host       string            `json:"host"`
	Path       string            `json:"path"`
	ClientID   string            `json:"client_id,omitempty"`          // whose it says that it is
	ClientCert string            `json:"client_certificate,omitempty"` // its subject
	Headers    map[string]string `json:"headers,omitempty"`
	Params     map[string]string `json:"params,omitempty"`
	Status     int               `json:"status"` // 0: never answered
	Refusal    string            `json:"refusal,omitempty"`
	Fault      string            `json:"fault,omitempty"`  // what POST /control had ordered
	Replay     bool              `json:"replay,omitempty"` // a spent refresh token
	Resent     bool              `json:"resent,omitempty"` // stored answer of an idempotency key
}

// digest stands for a secret.
func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return "sha256:" + hex.EncodeToString(sum[:4])
}

var (
	plainParams = []string{
		"grant_type", "client_id", "scope", "format", "token_type_hint", "client_assertion_type",
		"response_type", "response_mode", "redirect_uri", "prompt", "code_challenge_method", "username", "decision",
	}
	plainHeaders = []string{"Accept", "Accept-Encoding", "Connection", "Content-Type", "Content-Length", "User-Agent", "X-Requested-With", "Ibanity-Idempotency-Key"}
)

// RedactParams shows the few parameters that are never secret. Of an unknown one too only a digest: it may
// be a secret under a misspelt name.
func RedactParams(form url.Values) map[string]string {
	out := map[string]string{}
	for name, values := range form {
		value := strings.Join(values, ", ")
		if !slices.Contains(plainParams, name) {
			value = digest(value)
		}
		out[oauth.Printable(name)] = value
	}
	return out
}

// RedactHeaders shows the headers that are never secret, of the others a digest, and of Authorization its scheme.
func RedactHeaders(h http.Header) map[string]string {
	out := map[string]string{}
	for name, values := range h {
		value := strings.Join(values, ", ")
		if !slices.Contains(plainHeaders, name) {
			scheme, rest, ok := strings.Cut(value, " ")
			if value = digest(value); ok && name == "Authorization" {
				value = oauth.Printable(scheme) + " " + digest(rest)
			}
		}
		out[name] = value
	}
	return out
}
