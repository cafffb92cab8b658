package authorize

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"math/big"
	"strings"
)

// letters are those of RFC 8628 section 6.1: no vowels, so that no words come of them, and none that look like others.
const letters = "BCDFGHJKLMNPQRSTVWXZ"

// codeLength makes 20^8 confirmation codes, of which five may be tried.
const codeLength = 8

// randomText is 130 bits that nobody can guess.
func randomText() string { return rand.Text() }

// newCode makes a confirmation code, as it is stored and compared.
func newCode() string {
	code := make([]byte, codeLength)
	for i := range code {
		n, _ := rand.Int(rand.Reader, big.NewInt(int64(len(letters)))) // never fails
		code[i] = letters[n.Int64()]
	}
	return string(code)
}

// shownCode is a confirmation code with a dash for the eye.
func shownCode(code string) string { return code[:codeLength/2] + "-" + code[codeLength/2:] }

// plainCode is what somebody has typed, without what does not count (RFC 8628 section 6.1).
func plainCode(typed string) string {
	return strings.Map(func(c rune) rune {
		if c == '-' || c == ' ' || c == '\n' || c == '\r' || c == '\t' {
			return -1
		}
		return c
	}, strings.ToUpper(typed))
}

// proofOf is a confirmation code as a consent keeps it: its digest with the consent's own storage key, so that nobody who
// reads one can tell it from a list.
func (con *Consent) proofOf(code string) string {
	sum := sha256.Sum256([]byte(con.at + " " + code))
	return hex.EncodeToString(sum[:])
}

// proves tells whether a code is the one that the browser was shown.
func (con *Consent) proves(code string) bool {
	return con.Proof != "" && subtle.ConstantTimeCompare([]byte(con.Proof), []byte(con.proofOf(code))) == 1
}
