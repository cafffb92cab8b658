package client

import (
	"cmp"
	"slices"
	"strings"
)

// Why an answer's access token is none.
const (
	noAccessToken = "the {endpoint}'s answer could not be used: it was incomplete, too large, or held no access token: check access_token_pointer"
	unfitToken    = "what the {endpoint}'s answer holds as access token can't be one, since there are blanks, control characters or letters beyond ASCII in it (some servers put the text of an error there): check access_token_pointer"
	secretToken   = "what the {endpoint}'s answer holds at access_token_pointer is or contains a refresh token or a secret of the client, which no reader may get: correct access_token_pointer"
)

// What such an answer brought all the same.
const (
	onlyRefreshToken      = "the {endpoint}'s answer held a new refresh token but no usable access token: check access_token_pointer"
	refreshTokenElsewhere = "the {endpoint}'s answer held a new refresh token, though not where refresh_token_pointer says, and no usable access token: check access_token_pointer and refresh_token_pointer"
	severalRefreshTokens  = "the {endpoint}'s answer held several refresh tokens, none of them where refresh_token_pointer says, and no usable access token: correct refresh_token_pointer and access_token_pointer"
)

// accessToken is the answer's access token, or "" and why there is none. It is handed out and ends up in the
// headers of others, so it must be visible ASCII (RFC 6750 section 2.1, RFC 6749 appendix A.12), and it must
// not be what the engine keeps, wherever access_token_pointer points.
func (d *document) accessToken(r *Request) (token, why string) {
	token = strings.TrimSpace(d.textAt(cmp.Or(r.Provider.AccessTokenPointer, defaultAccessTokenPointer)))
	switch {
	case token == "" || len(token) > maxToken:
		return "", noAccessToken
	case !isVisible(token):
		d.complaint = token
		return "", unfitToken
	case isOrHolds(token, d.secrets(r)):
		return "", secretToken
	}
	return token, ""
}

// secrets are what no reader may get of the answer: what the request held, and all that may be a refresh token.
func (d document) secrets(r *Request) []string {
	next := d.textAt(cmp.Or(r.Provider.RefreshTokenPointer, defaultRefreshTokenPointer))
	return append(append(r.secrets(), next), d.kept...)
}

// isOrHolds tells whether the text is one of the secrets or contains one that is long enough not to be part of
// it by chance.
func isOrHolds(text string, secrets []string) bool {
	return text != "" && slices.Contains(secrets, text) || containsAny(text, longSecrets(secrets))
}

func longSecrets(secrets []string) []string {
	return slices.DeleteFunc(slices.Clone(secrets), func(s string) bool { return len(s) < minKey })
}

// isVisible tells whether a text is ASCII without blanks and control characters.
func isVisible(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c < '!' || c > '~' })
}
