package client

import "time"

// Class says what a failed exchange means for the grant, and so what may be done next.
type Class string

// The four classes. They differ in what happened to the refresh token that was sent.
const (
	// GrantRefused: the server refused the refresh token, or the code, itself (invalid_grant or one of its
	// dialects). Sending it again is pointless; a person must authorize again.
	GrantRefused Class = "grant_refused"
	// ClientRefused: the server refused the client or the request, not the grant: invalid_client,
	// unauthorized_client, invalid_scope, a TLS alert about the client certificate, a redirect.
	// Also what was refused here, before anything was sent. The refresh token is unspent, and
	// nothing will change until the configuration does.
	ClientRefused Class = "client_refused"
	// NotProcessed: the request surely changed nothing: DNS, connect, TLS handshake, 429, 503, an
	// uncoded 4xx. The refresh token is unspent and may be sent again later.
	NotProcessed Class = "not_processed"
	// OutcomeUnknown: the server may have spent the refresh token and its answer was lost or is
	// unusable: a timeout or reset after the request was written, a 5xx, a 2xx without tokens.
	// Sending the token again may count as reuse and end the grant.
	OutcomeUnknown Class = "outcome_unknown"
)

// Error is what Exchange and Revoke return. It holds nothing that the provider or the operator
// wrote, except a Code from the list of known or configured ones, a sanitised RequestID, and what is sanitised
// likewise in FoundAt, Candidates and Entry: error texts of providers have held tokens, and end up in logs.
type Error struct {
	Class Class
	// Reason is a fixed sentence, without a full stop, that says what happened, at which endpoint, and, where it
	// can, what to do.
	Reason string
	// Code is the OAuth error code (RFC 6749 section 5.2) in lower case when it is one of the
	// known or configured ones, else "".
	Code string
	// Status is the HTTP status, 0 when there was no answer.
	Status int
	// RequestID is the provider's own id for the exchange, "" when it sent none.
	RequestID string
	// Certificate tells that the server's TLS layer refused the client certificate that was shown.
	Certificate bool
	// MaybeCertificate tells that the server had asked for a client certificate and that this failure is how some
	// servers refuse one: a page or an answer without a code, or the end of the connection. Nothing proves that it is
	// the certificate, so Class is OutcomeUnknown, or NotProcessed where no byte of the request was written.
	MaybeCertificate bool
	// Unauthenticated tells that the answer says by its code, or by its code with status 401, that what the client
	// proves itself with was refused: by its nature nothing else was looked at (RFC 6749 section 5.2).
	Unauthenticated bool
	// Ambiguous tells of an Unauthenticated answer to a refresh, or to a code, that some servers say the same of a
	// refresh token or code that is of no use any more. Either way nothing was done.
	Ambiguous bool
	// RetryAfter is how long the provider asked to wait, 0 when it did not, at most an hour.
	RetryAfter time.Duration
	// Own tells that the answer was the token endpoint's own word, as far as one can see: a whole
	// document, and not a status that gateways answer in a server's place.
	Own bool
	// RefreshToken is a new refresh token salvaged from a 2xx that had no usable access token. It
	// must be stored: the one that was sent may be spent.
	RefreshToken Secret
	// FoundAt and Candidates are as in Token.
	FoundAt    string
	Candidates []Found
	// Silent tells that the token endpoint itself refused the request (a 4xx) and gave no code: it may be the
	// client that it refuses, or the refresh token, which then must not count as unspent. Class is NotProcessed, or as MaybeCertificate says.
	Silent bool
	// Entry is what an operator would add to permanent_errors if such an answer means that the grant is dead,
	// "" when the code is known or the answer is not the token endpoint's own. It is made of a word
	// that looks like a code and holds no secret, of phrases of this package that the answer contains, or of the
	// status.
	Entry string

	interval time.Duration // see SlowDown
}

// Error implements error: the reason and the code, no secret.
func (e *Error) Error() string {
	if e.Code == "" {
		return e.Reason
	}
	return e.Reason + " (" + e.Code + ")"
}
