package client

import (
	"cmp"
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
	if len(a.body) > largeBody {
		largeBodies <- struct{}{}
		defer func() { <-largeBodies }()
	}
	p, doc := r.Provider, parseDocument(a.body, a.cut)
	if a.status < 200 || a.status > 299 {
		return nil, a.failure(r, doc)
	}
	// The server accepted something, so the refresh token may have rotated. The new one is looked
	// for before anything else is judged: it is the only thing here that can't be had again.
	next := doc.salvage(cmp.Or(p.RefreshTokenPointer, defaultRefreshTokenPointer))
	t := &Token{
		AccessToken:  doc.text(cmp.Or(p.AccessTokenPointer, defaultAccessTokenPointer)),
		RefreshToken: next,
	}
	if !doc.whole || t.AccessToken == "" || len(t.AccessToken) > maxToken || doc.saysError() {
		return nil, a.unusable(r, doc, next)
	}
	t.Lifetime = accessLifetime(p, doc.root, t.AccessToken, start)
	t.RefreshTokenLifetime = refreshLifetime(p, doc.root, start)
	secrets := append(r.secrets(), next.Reveal())
	t.TokenType = tidy(doc.text("/token_type"), secrets)
	t.Scope = tidy(scopeText(lookup(doc.root, "/scope")), secrets)
	t.RequestID = r.requestID(a.header, next.Reveal(), t.AccessToken)
	t.CertificateThumbprint = boundTo(doc.root, t.AccessToken, secrets)
	t.Extra = extra(p.ExtraFields, doc.root, secrets)
	return t, nil
}

// tidy leaves out a text that no reader should get: one that holds a secret, or is too large to be kept.
func tidy(text string, secrets []string) string {
	secrets = slices.DeleteFunc(slices.Clone(secrets), func(s string) bool { return len(s) < minKey })
	if len(text) > maxExtra || containsAny(text, secrets) {
		return ""
	}
	return text
}

// unusable is the error for a 2xx without a token that could be used.
func (a *answer) unusable(r *Request, doc document, next Secret) *Error {
	e := a.failure(r, doc)
	if next.IsSet() && !next.Equal(r.RefreshToken) {
		// Whatever else the answer says, it brought a new refresh token.
		e.Class, e.RefreshToken = OutcomeUnknown, next
		e.Reason = "the token endpoint's answer held a new refresh token but no usable access token"
	}
	return e
}

// saysError tells whether a document is an error, whatever its status: GitHub, Slack and Zoho
// send errors with 200.
func (d document) saysError() bool {
	members, _ := d.root.(map[string]any)
	for _, name := range []string{"error", "errors"} {
		switch v := members[name].(type) {
		case string:
			if v != "" {
				return true
			}
		case map[string]any:
			if len(v) > 0 {
				return true
			}
		case []any:
			if len(v) > 0 {
				return true
			}
		case bool:
			if v {
				return true
			}
		}
	}
	return members["ok"] == false || members["success"] == false
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
