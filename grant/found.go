package grant

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// A refresh token that came where the definition does not look is kept all the same: the one that it
// replaces is spent. As what is kept then may be something else, the one before is kept beside it.

// take keeps the refresh tokens that an answer has brought, and where they were found: foundAt is "" for one
// that is where the definition looks. The one at hand has just been accepted, so if it was found elsewhere
// itself, that place is right. Of several candidates none counts until a pointer says which.
func (st *State) take(p *client.Provider, next client.Secret, foundAt string, candidates []client.Found, from time.Time) {
	elsewhere := foundAt != "" || len(candidates) > 0 && !next.IsSet()
	proved := st.FoundAt
	st.Former, st.Candidates = client.Secret{}, nil
	if elsewhere && p.RefreshTokenRotation == client.RotationNever {
		return // the refresh token stays what it is, says the operator
	}
	if st.Candidates = candidates; elsewhere && len(candidates) > 0 {
		st.DoubtSince = from
		return
	}
	if !next.IsSet() {
		return
	}
	st.FoundAt = foundAt // "" once the definition is right
	if next.Equal(st.RefreshToken) {
		return
	}
	if foundAt != "" && foundAt != proved {
		st.Former = st.RefreshToken
	}
	st.RefreshToken, st.RefreshTokenExpiresAt, st.DoubtSince = next, time.Time{}, time.Time{}
}

// pointed is the state with the candidate that refresh_token_pointer names, now that it does; the state as it
// is where there are none. The others are kept until that one has been accepted. The error says that
// nothing is presented before.
func (st *State) pointed(p *client.Provider) (*State, error) {
	if len(st.Candidates) == 0 || p == nil { // which is told otherwise
		return st, nil
	}
	next := new(*st)
	if p.RefreshTokenRotation == client.RotationNever {
		next.Candidates, next.DoubtSince = nil, time.Time{}
		return next, nil
	}
	for _, c := range st.Candidates {
		if c.Pointer != pointerOf(p) {
			continue
		}
		if c.Token.Equal(st.RefreshToken) {
			return st, nil
		}
		if !st.Former.IsSet() {
			next.Former = st.RefreshToken
		}
		next.RefreshToken, next.FoundAt, next.RefreshTokenExpiresAt, next.DoubtSince = c.Token, "", time.Time{}, time.Time{}
		return next, nil
	}
	return st, mount.Refusal(st.manyFound())
}

// candidatesFound is manyFound where there are any.
func (st *State) candidatesFound() string {
	if len(st.Candidates) == 0 {
		return ""
	}
	return st.manyFound()
}

func (st *State) manyFound() string {
	var places []string
	for _, c := range st.Candidates {
		if c.Pointer != "" {
			places = append(places, c.Pointer)
		}
	}
	if len(places) == 0 {
		return "the last answer was no plain JSON, and several values in it may be the next refresh token: all are kept and none is presented, since no pointer can name one; " +
			"look for what changes answers on their way here, authorize again and write the new refresh_token"
	}
	return fmt.Sprintf("the last answer held values that may be the next refresh token, at %s, and none where refresh_token_pointer looks: all are kept, "+
		"and none is presented until you write to the provider which one it is, as refresh_token_pointer, or refresh_token_rotation=never if the refresh token does not change",
		strings.Join(places, " and "))
}

// pointerOf is where a definition looks for the refresh token.
func pointerOf(p *client.Provider) string { return cmp.Or(p.RefreshTokenPointer, "/refresh_token") }

// foundElsewhere says where the refresh token at hand was found, "" when that is where the definition looks.
func (st *State) foundElsewhere(p *client.Provider) string {
	if st.FoundAt == "" || p != nil && st.FoundAt == pointerOf(p) {
		return ""
	}
	if st.FoundAt == client.FoundBroken {
		return "the last answer was no plain JSON, and a refresh token was found in what could be read of it: it is kept as the grant's, and the one before beside it; " +
			"look for what changes answers on their way here"
	}
	return fmt.Sprintf("the last answer held a refresh token at %s, where refresh_token_pointer does not look: it is kept as the grant's, and the one before beside it; "+
		"if that is right, write refresh_token_pointer=%s to the provider", st.FoundAt, st.FoundAt)
}

// other is the state with the refresh token that is kept beside the one at hand: the provider has refused that one,
// and again when somebody asked for it. It may be spent, so nothing presents it unasked.
func (st *State) other() *State {
	next := new(*st)
	next.RefreshToken, next.Former = st.Former, st.RefreshToken
	return next
}
