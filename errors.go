package oauthrefresh

import (
	"errors"
	"net/http"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
)

// Refusal is an error of the caller or of what an operator has written: a sentence that says what
// to do, and a 400. Everything in trouble that nobody here can mend is a coded error instead, 502
// or 503, because Vault Agent repeats those. Nothing is ever a 403: an Agent that is told so about
// a token logs in again.
type Refusal string

// Error implements error: the sentence.
func (r Refusal) Error() string { return string(r) }

// AsRefusal returns the sentence of an error that is a refusal, and whether it is one.
func AsRefusal(err error) (string, bool) {
	r, ok := errors.AsType[Refusal](err)
	return string(r), ok
}

// Refuse makes a refusal of a check's error.
func Refuse(err error) error {
	if err == nil {
		return nil
	}
	return Refusal(err.Error())
}

// AnswerError turns an error into what Vault wants from a handler: refusals as an error response,
// which audit logs hash, the rest bare, since Vault reads the status only from an unwrapped error.
func AnswerError(err error) (*logical.Response, error) {
	if text, ok := AsRefusal(err); ok {
		return logical.ErrorResponse(text), nil
	}
	return nil, err
}

var (
	// ErrBusy: the caller's time ran out while another request worked on the same role. That
	// request goes on, and what it brings is there for the next read.
	ErrBusy = logical.CodedError(http.StatusServiceUnavailable, "another request is at work on this role; try again")
	// errEnding: step-down, seal, reload or disable. Nothing may be spent that can't be stored.
	errEnding = logical.CodedError(http.StatusServiceUnavailable, "the mount is shutting down; try again")
	// ErrIntent: the write that comes before every exchange failed, so nothing was sent.
	ErrIntent = logical.CodedError(http.StatusServiceUnavailable,
		"Vault's storage does not take writes, so no refresh was started; nothing is lost, try again")
	// ErrHeld: the answer of the last exchange is in memory only, see heldTokens.
	ErrHeld = logical.CodedError(http.StatusServiceUnavailable,
		"the last refresh is not stored yet, because Vault's storage does not take writes; it is kept in memory and no other refresh starts until it is stored")
	errTooOften = logical.CodedError(http.StatusTooManyRequests,
		"this role has been refreshed by force too often; its token is current: read creds/<role>, and if the provider's API refuses that token, look for the reason there (audience, scope, account) before trying again in a minute")
)

// Error is what a caller hears of a failure that is remembered.
func (f *Fault) Error(now time.Time, name string) error {
	text := f.sentence(now, name)
	switch {
	case f.Reauthorize, f.Class == client.ClientRefused:
		return Refusal(text)
	case f.Class == client.OutcomeUnknown:
		return logical.CodedError(http.StatusBadGateway, text)
	}
	return logical.CodedError(http.StatusServiceUnavailable, text)
}

// asRefused makes a refusal of what is refused here before anything is sent.
func asRefused(err error) error {
	if e, ok := errors.AsType[*client.Error](err); ok {
		return Refusal(e.Error())
	}
	return err
}
