package dialect

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// Tokens are random, in the length, alphabet and punctuation of the real ones: what breaks a client is
// rarely the protocol and often a "!" or a token of a kilobyte.

func randomText(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails, see crypto/rand
	return base64.RawURLEncoding.EncodeToString(b)
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// jwtShaped looks like a signed JWT and is none: nobody may take it for a verifiable one.
func jwtShaped(payloadBytes int) string {
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	return part(`{"typ":"JWT","alg":"RS256"}`) + "." + part(`{"jti":"`+randomHex(payloadBytes)+`"}`) + "." + randomText(256)
}

// uuid is a random one, RFC 9562 section 5.4.
func uuid() string {
	b := make([]byte, 16)
	rand.Read(b)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, r := range s {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (r == '-') || !dash && !strings.ContainsRune("0123456789abcdefABCDEF", r) {
			return false
		}
	}
	return true
}
