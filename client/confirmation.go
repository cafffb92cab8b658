package client

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
)

// boundTo is the SHA-256 fingerprint, in lower-case hex, of the client certificate that an access token is
// bound to; "" when neither the token, as a JWT (RFC 8705 section 3.1), nor the answer beside it, in the way
// of an introspection (section 3.2), says so. The claim is not verified: it tells the reader what the API
// will check. What makes no fingerprint is ignored, as the token may be good all the same.
func boundTo(root any, token string, secrets []string) string {
	var claims struct {
		Confirmation struct {
			Thumbprint string `json:"x5t#S256"`
		} `json:"cnf"`
	}
	_ = json.Unmarshal(jwtPayload(token), &claims) // of what is no JWT, nothing is read
	text := cmp.Or(claims.Confirmation.Thumbprint, scalar(lookup(root, "/cnf/x5t#S256")))
	// tidy, because in hex nobody would recognise a secret that a server repeats here.
	sum, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(tidy(text, secrets), "="))
	if err != nil || len(sum) != sha256.Size {
		return ""
	}
	return hex.EncodeToString(sum)
}

// jwtPayload is the claims of a JWT (RFC 7519) as JSON, nil when the token is none.
func jwtPayload(token string) []byte {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return nil
	}
	return payload
}
