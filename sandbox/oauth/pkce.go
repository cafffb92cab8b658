package oauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/url"
	"regexp"
)

var (
	challengeShape = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)       // base64url of a SHA-256, RFC 7636 section 4.2
	verifierShape  = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`) // RFC 7636 section 4.1
)

// judgePKCE looks at the challenge. "plain", which is what no method means, protects against nobody who can read the
// request, so it is refused.
func (q *request) judgePKCE(form url.Values) *Refusal {
	switch {
	case !form.Has("code_challenge") && form.Has("code_challenge_method"):
		return Refuse("invalid_request", "a code_challenge_method without a code_challenge")
	case !form.Has("code_challenge") && q.NeedsPKCE:
		return Refuse("invalid_request", "no code_challenge: PKCE is required here")
	case !form.Has("code_challenge"):
		return nil
	case form.Get("code_challenge_method") != "S256":
		return Refuse("invalid_request", "code_challenge_method must be S256")
	case !challengeShape.MatchString(q.challenge):
		return Refuse("invalid_request", "the code_challenge is not the base64url of a SHA-256")
	}
	return nil
}

// judgeVerifier compares the verifier of a token request with the challenge (RFC 7636 section 4.6). One that answers
// no challenge shows that the challenge was taken out on the way.
func (q *request) judgeVerifier(form url.Values) *Refusal {
	verifier := form.Get("code_verifier")
	sum := sha256.Sum256([]byte(verifier))
	switch {
	case q.challenge == "" && form.Has("code_verifier"):
		return Refuse("invalid_grant", "a code_verifier, and no code_challenge came before it")
	case q.challenge == "":
		return nil
	case verifier == "":
		return Refuse("invalid_grant", "no code_verifier for the code_challenge")
	case !verifierShape.MatchString(verifier):
		return Refuse("invalid_request", "the code_verifier is not 43 to 128 unreserved characters")
	case subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(q.challenge)) != 1:
		return Refuse("invalid_grant", "the code_verifier is not that of the code_challenge")
	}
	return nil
}
