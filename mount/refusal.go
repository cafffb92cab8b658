package mount

import (
	"errors"

	"github.com/hashicorp/vault/sdk/logical"
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

// Refuse makes a refusal of a check's error, with its text; nil of none.
func Refuse(err error) error {
	if err == nil {
		return nil
	}
	return Refusal(err.Error())
}

// Answer turns an error into what Vault wants from a handler: refusals as an error response,
// which audit logs hash, the rest bare, since Vault reads the status only from an unwrapped error.
func Answer(err error) (*logical.Response, error) {
	if text, ok := AsRefusal(err); ok {
		return logical.ErrorResponse(text), nil
	}
	return nil, err
}
