package client

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

const (
	// maxToken bounds a token. Bearer tokens travel in a header, where servers stop at 8 to 64
	// KiB, and stores refuse entries of 512 KiB: a token above this could neither be used nor kept.
	maxToken = 64 << 10
	// maxExtra bounds one extra field and maxExtras all together, as JSON. ID tokens with many
	// groups reach 10 KiB.
	maxExtra  = 16 << 10
	maxExtras = 64 << 10
	// A body above largeBody is of no token endpoint in its right mind. Parsed, JSON can take a
	// hundred times its size, so few are at a time.
	largeBody = 64 << 10
)

var largeBodies = make(chan struct{}, 2)

// token reads the answer to a token request that was sent at start.
func (a *answer) token(r *Request, start time.Time) (*Token, error) {
	if len(a.body) > largeBody || isPacked(a.body) {
		largeBodies <- struct{}{}
		defer func() { <-largeBodies }()
	}
	p, doc := r.Provider, parseDocument(a.body, a.cut)
	if a.status < 200 || a.status > 299 {
		return nil, a.failure(r, doc)
	}
	// The server accepted something, so the refresh token may have rotated. The new one is looked
	// for before anything else is judged: it is the only thing here that can't be had again.
	access, why := doc.accessToken(r)
	refresh := doc.refreshToken(r, access != "")
	if access == "" || !doc.whole || doc.saysError(true) {
		e := a.unusable(r, doc, refresh, why)
		if access != "" || e.Class != ClientRefused {
			e.Unauthenticated, e.Ambiguous = false, false // it brought something: whatever it says, work was done
		}
		return nil, e
	}
	t := &Token{AccessToken: access, RefreshToken: refresh.next, FoundAt: refresh.at, Candidates: refresh.candidates}
	theirs := a.clock(start)
	life := accessLifetime(p, doc.root, access, theirs)
	t.Lifetime, t.Ended = life.left, life.over()
	t.RefreshTokenLifetime = refreshLifetime(p, doc.root, theirs)
	t.GrantLifetime = lifetime(lookup(doc.root, p.GrantExpiresAtPointer), theirs).left
	secrets := doc.secrets(r)
	t.TokenType = tidy(doc.textAt("/token_type"), secrets)
	t.Scope = tidy(scopeText(lookup(doc.root, "/scope")), secrets)
	t.RequestID = r.requestID(a.header, append(longSecrets(doc.kept), refresh.next.Reveal(), access)...)
	t.CertificateThumbprint = boundTo(doc.root, access, secrets)
	t.IDToken = idToken(doc)
	t.Account = r.account(doc, append(slices.Clone(secrets), access, t.IDToken.Reveal())...)
	t.Extra = extra(p.ExtraFields, doc.root, secrets)
	return t, nil
}

// idToken is the answer's ID token, unset when what stands there can be none.
func idToken(doc document) Secret {
	text := doc.textAt(idTokenPointer)
	if len(text) > maxToken || !isVisible(text) {
		return Secret{}
	}
	return NewSecret(text)
}

// tidy leaves out a text that no reader should get: one that holds a secret, or is too large to be kept.
func tidy(text string, secrets []string) string {
	if len(text) > maxExtra || containsAny(text, longSecrets(secrets)) {
		return ""
	}
	return text
}

// unusable is the error for a 2xx without a token that could be used.
func (a *answer) unusable(r *Request, doc document, refresh refreshToken, why string) *Error {
	e := a.failure(r, doc)
	switch {
	case refresh.isNew(r.RefreshToken):
		// Whatever else the answer says, it brought a new refresh token.
		e.Class, e.Entry = OutcomeUnknown, ""
		e.RefreshToken, e.FoundAt, e.Candidates, e.Reason = refresh.next, refresh.at, refresh.candidates, onlyRefreshToken
		if refresh.at != "" {
			e.Reason = refreshTokenElsewhere
		}
	case len(refresh.candidates) > 0:
		e.Class, e.Entry = OutcomeUnknown, ""
		e.Candidates, e.Reason = refresh.candidates, severalRefreshTokens
	case e.Class == OutcomeUnknown && e.Code == "" && why != "":
		e.Reason = why
	}
	return e
}

// saysError tells whether a document is an error, whatever its status: GitHub, Slack and Zoho
// send errors with 200. Others send "error":"none" and a list of warnings with their tokens: beside an access
// token, only what is known to be an error counts in such a list.
func (d document) saysError(beside bool) bool {
	members, _ := d.root.(map[string]any)
	switch {
	case members["ok"] == false || members["success"] == false || isTelling(members["error"]):
		return true
	case beside:
		var listed errorsFound
		listed.gather(members["errors"], 0)
		return listed.known() != ""
	}
	return isTelling(members["errors"]) || isTelling(members["errcode"])
}

// isTelling tells whether a value says that there is an error, and not that there is none.
func isTelling(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		for _, name := range []string{"code", "error_code", "status"} {
			if code, ok := v[name]; ok {
				return isTelling(code) // the rest may be a message that all is well, or the id of a log entry
			}
		}
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), isTelling)
	case []any:
		return slices.ContainsFunc(v, isTelling)
	case bool:
		return v
	case json.Number:
		number, err := v.Float64()
		return number != 0 || err != nil
	case string:
		text := strings.ToLower(strings.TrimSpace(v))
		return text != "" && !slices.Contains([]string{"none", "null", "nil", "undefined", "0", "false", "no", "ok", "success", "no error", "no_error"}, text)
	}
	return false
}

// scopeText accepts the list that some servers send in place of a space-separated string.
func scopeText(value any) string {
	list, ok := value.([]any)
	if !ok {
		return scalar(value)
	}
	var scopes []string
	for _, element := range list {
		if s := scalar(element); s != "" {
			scopes = append(scopes, s)
		}
	}
	return strings.Join(scopes, " ")
}
