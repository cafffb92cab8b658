package grant

import (
	"vault-plugin-secrets-oauthrefresh/client"
)

// outcome is what a failed exchange means for the refresh token that it has presented, and so for the grant.
type outcome int

const (
	// unspent: the exchange has surely changed nothing. What was unknown before it still is.
	unspent outcome = iota
	// unknown: the provider may have spent the refresh token.
	unknown
	// refused: the grant is over at the provider; only a new refresh token helps.
	refused
	// salvaged: no access token came, but what is, or may be, the grant's next refresh token. The one in storage is
	// spent.
	salvaged
	// stillDead: the refresh token of a dead grant was presented once more on demand, and the answer says nothing of
	// the grant.
	stillDead
)

// judge tells what a failed exchange means: before is the grant as it was without the exchange. It goes by the class
// of the error, which says what became of the refresh token (see client.Class), and by what the answer has brought.
func judge(e *client.Error, before *Grant) outcome {
	// Where refresh tokens never change, one that was found where nobody looks is something else.
	next := e.RefreshToken.IsSet() || len(e.Candidates) > 0
	fixed := e.FoundAt != "" && before.Provider.RefreshTokenRotation == client.RotationNever
	switch {
	case !before.Role.Spends():
		return unspent
	case next && !fixed:
		return salvaged
	case e.Class == client.GrantRefused:
		return refused
	case e.Class == client.OutcomeUnknown:
		return unknown
	case before.Dead():
		return stillDead
	}
	return unspent
}
