package oauthrefresh

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
)

// A refresh token that came where the definition does not look is kept all the same: the one that it
// replaces is spent. As what is kept then may be something else, the one before is kept beside it.

// take keeps the refresh tokens that an answer has brought, and where they were found: foundAt is "" for one
// that was where the definition looks. Of several candidates none counts until a pointer says which.
func (t *token) take(p *client.Provider, next client.Secret, foundAt string, candidates []client.Found, from time.Time) {
	elsewhere := foundAt != "" || len(candidates) > 0
	if elsewhere && p.RefreshTokenRotation == client.RotationNever {
		return // the refresh token stays what it is, says the operator
	}
	if t.Candidates = candidates; len(candidates) > 0 {
		t.DoubtSince = from
		return
	}
	if !next.IsSet() {
		return
	}
	if foundAt == "" { // the definition is right by now
		t.Former, t.FoundAt = client.Secret{}, ""
	}
	if next.Equal(t.RefreshToken) {
		return
	}
	if foundAt != "" {
		t.Former, t.FoundAt = t.RefreshToken, foundAt
	}
	t.RefreshToken, t.RefreshTokenExpiresAt, t.DoubtSince = next, time.Time{}, time.Time{}
}

// pointed is the state with the candidate that refresh_token_pointer names, now that it does; the state as it
// is where there are none. The error says that nothing is presented before.
func (t *token) pointed(p *client.Provider) (*token, error) {
	if len(t.Candidates) == 0 {
		return t, nil
	}
	if p == nil {
		return t, nil // which is told otherwise
	}
	next := new(*t)
	next.Candidates, next.DoubtSince = nil, time.Time{}
	if p.RefreshTokenRotation == client.RotationNever {
		return next, nil
	}
	for _, c := range t.Candidates {
		if c.Pointer == pointerOf(p) {
			next.RefreshToken, next.Former, next.FoundAt, next.RefreshTokenExpiresAt = c.Token, t.RefreshToken, "", time.Time{}
			return next, nil
		}
	}
	return t, refusal(t.manyFound())
}

// candidatesFound is manyFound where there are any.
func (t *token) candidatesFound() string {
	if len(t.Candidates) == 0 {
		return ""
	}
	return t.manyFound()
}

func (t *token) manyFound() string {
	var places []string
	for _, c := range t.Candidates {
		places = append(places, cmp.Or(c.Pointer, "a place that no pointer can name"))
	}
	return fmt.Sprintf("the last answer held several values that may be the next refresh token, at %s, and none where refresh_token_pointer looks: all are kept, "+
		"and none is presented until you write to the provider which one it is, as refresh_token_pointer, or refresh_token_rotation=never if the refresh token does not change",
		strings.Join(places, " and "))
}

// pointerOf is where a definition looks for the refresh token.
func pointerOf(p *client.Provider) string { return cmp.Or(p.RefreshTokenPointer, "/refresh_token") }

// foundElsewhere says where the refresh token at hand was found, "" when that is where the definition looks.
func (t *token) foundElsewhere(p *client.Provider) string {
	if t.FoundAt == "" || p != nil && t.FoundAt == pointerOf(p) {
		return ""
	}
	if t.FoundAt == client.FoundBroken {
		return "the last answer was no plain JSON, and a refresh token was found in what could be read of it: it is kept as the grant's, and the one before beside it; " +
			"look for what changes answers on their way here"
	}
	return fmt.Sprintf("the last answer held a refresh token at %s, where refresh_token_pointer does not look: it is kept as the grant's, and the one before beside it; "+
		"if that is right, write refresh_token_pointer=%s to the provider", t.FoundAt, t.FoundAt)
}

// fallBack is the state with the refresh token of before, when the one that was found elsewhere is refused;
// nil when there is none. It may be spent, so it waits like any whose outcome is unknown.
func (t *token) fallBack() *token {
	if !t.Former.IsSet() {
		return nil
	}
	next := new(*t)
	next.RefreshToken, next.Former, next.FoundAt = t.Former, client.Secret{}, ""
	return next
}
