package client

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// deadPhrases are what servers write of a refresh token that is of no use any more, in lower case, longer ones
// before those that they contain.
var deadPhrases = []string{
	"refresh token is invalid", "refresh_token is invalid", "refresh token invalid", "refresh_token invalid",
	"invalid refresh token", "invalid refresh_token", "invalid refreshtoken",
	"refresh token is expired", "refresh_token is expired", "refresh token has expired", "refresh_token has expired",
	"refresh token expired", "refresh_token expired", "expired refresh token", "expired refresh_token",
	"refresh token is revoked", "refresh token has been revoked", "refresh token was revoked", "refresh token revoked", "revoked refresh token",
	"refresh token not found", "refresh_token not found", "refresh token does not exist", "unknown refresh token",
	"refresh token has already been used", "refresh token already used", "refresh token has been used", "refresh token reuse", "old refresh token used",
	"token is expired", "token has expired", "token was revoked", "token has been revoked", "token is revoked",
}

// vagueCodes say too little to condemn a grant by themselves where more is told.
var vagueCodes = []string{
	"invalid", "unauthorized", "forbidden", "denied", "expired", "not_found", "bad_request", "badrequest", "validation_error", "unknown_error",
}

// entry is Error.Entry.
func (e *Error) entry(found errorsFound, doc document, r *Request) string {
	refused := e.Status >= 400 || doc.saysError(false) || doc.complaint != ""
	if !refused || !doc.whole && !e.Silent || fromGateway(e.Status) || slices.Contains(passing, e.Status) || e.Status/100 == 3 ||
		e.Class == GrantRefused || e.Code != "" && !e.Ambiguous {
		return ""
	}
	var secrets []string
	for _, secret := range doc.secrets(r) {
		secrets = append(secrets, strings.ToLower(secret)) // as the codes are
	}
	phrase := found.firstOf(deadPhrases)
	if e.Ambiguous {
		if phrase == "" {
			return "" // the word alone would condemn a grant for a wrong secret
		}
		return e.Code + ": " + phrase
	}
	codes := slices.DeleteFunc(found.ownCodes(e.Status), func(code string) bool { return isOrHolds(code, secrets) })
	switch {
	case len(codes) > 0:
		return entryOf(codes, cmp.Or(phrase, found.firstOf([]string{"refresh_token", "refreshtoken"})))
	case phrase != "":
		return "*: " + phrase
	case e.Silent:
		return strconv.Itoa(e.Status)
	}
	return ""
}

// entryOf is a code that says enough, else one with a phrase if there is one.
func entryOf(codes []string, phrase string) string {
	for _, code := range codes {
		if !slices.Contains(vagueCodes, code) {
			return code
		}
	}
	if phrase == "" {
		return codes[0]
	}
	return codes[0] + ": " + phrase
}

// firstOf is the first of the phrases that a description contains, "" for none.
func (f errorsFound) firstOf(phrases []string) string {
	for _, phrase := range phrases {
		if slices.ContainsFunc(f.texts, func(text string) bool { return strings.Contains(text, phrase) }) {
			return phrase
		}
	}
	return ""
}

// speaksOfTooEarly tells whether a description says that the access token is too good to be replaced.
func (f errorsFound) speaksOfTooEarly() bool {
	return f.firstOf([]string{"token not expired", "token is not expired", "token has not expired", "token not yet expired", "token is not yet expired", "token has not yet expired"}) != ""
}

// speaksOfRate tells whether a description says that there were too many requests, and nothing of an end.
func (f errorsFound) speaksOfRate() bool {
	return f.firstOf([]string{"rate limit", "rate-limit", "ratelimit", "too many requests", "throttled"}) != "" &&
		f.firstOf([]string{"expired", "revoked", "invalid", "not found"}) == ""
}
