package oauthrefresh

import (
	"errors"
	"net/http"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
)

// refusal is an error of the caller or of what an operator has written: a sentence that says what
// to do, and a 400. Everything in trouble that nobody here can mend is a coded error instead, 502
// or 503, because Vault Agent repeats those. Nothing is ever a 403: an Agent that is told so about
// a token logs in again.
type refusal string

func (r refusal) Error() string { return string(r) }

func asRefusal(err error) (string, bool) {
	r, ok := errors.AsType[refusal](err)
	return string(r), ok
}

// refuse makes a refusal of a check's error.
func refuse(err error) error {
	if err == nil {
		return nil
	}
	return refusal(err.Error())
}

// answerError turns an error into what Vault wants from a handler: refusals as an error response,
// which audit logs hash, the rest bare, since Vault reads the status only from an unwrapped error.
func answerError(err error) (*logical.Response, error) {
	if text, ok := asRefusal(err); ok {
		return logical.ErrorResponse(text), nil
	}
	return nil, err
}

var (
	// errBusy: the caller's time ran out while another request worked on the same role. That
	// request goes on, and what it brings is there for the next read.
	errBusy = logical.CodedError(http.StatusServiceUnavailable, "another request is at work on this role; try again")
	// errEnding: step-down, seal, reload or disable. Nothing may be spent that can't be stored.
	errEnding = logical.CodedError(http.StatusServiceUnavailable, "the mount is shutting down; try again")
	// errIntent: the write that comes before every exchange failed, so nothing was sent.
	errIntent = logical.CodedError(http.StatusServiceUnavailable,
		"Vault's storage does not take writes, so no refresh was started; nothing is lost, try again")
	// errHeld: the answer of the last exchange is in memory only, see heldTokens.
	errHeld = logical.CodedError(http.StatusServiceUnavailable,
		"the last refresh is not stored yet, because Vault's storage does not take writes; it is kept in memory and no other refresh starts until it is stored")
	errTooOften = logical.CodedError(http.StatusTooManyRequests,
		"this role has been refreshed by force too often; its token is current: read creds/<role>, and if the provider's API refuses that token, look for the reason there (audience, scope, account) before trying again in a minute")
)

// error is what a caller hears of a failure that is remembered.
func (f *fault) error(now time.Time, name string) error {
	text := f.sentence(now, name)
	switch {
	case f.Reauthorize, f.Class == client.ClientRefused:
		return refusal(text)
	case f.Class == client.OutcomeUnknown:
		return logical.CodedError(http.StatusBadGateway, text)
	}
	return logical.CodedError(http.StatusServiceUnavailable, text)
}

// asRefused makes a refusal of what is refused here before anything is sent.
func asRefused(err error) error {
	if e, ok := errors.AsType[*client.Error](err); ok {
		return refusal(e.Error())
	}
	return err
}
